//! The Coder as a process of its own.

use anyhow::Context as _;
use coder::{Blueprint, CoderConfig};
use runtime::config::{Reader, ServiceConfig, report};
use std::{process::ExitCode, sync::Arc, time::Duration};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    runtime::telemetry::start();
    let mut reader = Reader::of_process();
    let service = ServiceConfig::read(&mut reader, "coder");
    let config = CoderConfig::read(&mut reader, service.key.clone());
    if let Err(mistakes) = reader.finish() {
        return Ok(report(&mistakes));
    }
    let store = service.open_store().await.context("cannot open the store")?;
    let bound = service.apply(coder::service(&config, Arc::new(Blueprint), store)).bind(service.listen).await?;
    tracing::info!(origin = bound.origin(), "the Coder is ready");
    runtime::service::run_until_signal(bound.start(), Duration::from_secs(60)).await?;
    Ok(ExitCode::SUCCESS)
}
