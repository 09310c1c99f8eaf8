//! The Planner as a process of its own.

use anyhow::Context as _;
use planner::PlannerConfig;
use runtime::{
    Hints,
    config::{Reader, ServiceConfig, report},
};
use std::{process::ExitCode, time::Duration};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    runtime::telemetry::start();
    let mut reader = Reader::of_process();
    let service = ServiceConfig::read(&mut reader, planner::NAME);
    let config = PlannerConfig::read(&mut reader, &service.key);
    if let Err(mistakes) = reader.finish() {
        return Ok(report(&mistakes));
    }
    let store = service.open_store().await.context("cannot open the store")?;
    let planner = planner::service(config, store, Hints::in_process(), service.callers.clone());
    let bound = service.apply(planner).bind(service.listen).await?;
    tracing::info!(origin = bound.origin(), "The Planner is ready");
    runtime::service::run_until_signal(bound.start(), Duration::from_secs(60)).await?;
    Ok(ExitCode::SUCCESS)
}
