//! The Tester as a process of its own.

use anyhow::Context as _;
use runtime::config::{Reader, ServiceConfig, report};
use std::{process::ExitCode, time::Duration};
use tester::TesterConfig;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    runtime::telemetry::start();
    let mut reader = Reader::of_process();
    let service = ServiceConfig::read(&mut reader, "tester");
    let config = TesterConfig::read(&mut reader, service.key.clone());
    let config = match (reader.finish(), config) {
        (Ok(()), Some(config)) => config,
        (mistakes, _) => return Ok(report(&mistakes.err().unwrap_or_default())),
    };
    let store = service.open_store().await.context("cannot open the store")?;
    let bound = service.apply(tester::service(config, store)).bind(service.listen).await?;
    tracing::info!(origin = bound.origin(), "the Tester is ready");
    runtime::service::run_until_signal(bound.start(), Duration::from_secs(60)).await?;
    Ok(ExitCode::SUCCESS)
}
