//! The Architect as a process of its own.

use anyhow::Context as _;
use architect::ArchitectConfig;
use runtime::config::{Reader, ServiceConfig, report};
use std::{process::ExitCode, time::Duration};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    runtime::telemetry::start();
    let mut reader = Reader::of_process();
    let service = ServiceConfig::read(&mut reader, "architect");
    let config = ArchitectConfig::read(&mut reader, service.key.clone());
    if let Err(mistakes) = reader.finish() {
        return Ok(report(&mistakes));
    }
    let store = service.open_store().await.context("cannot open the store")?;
    let bound = service.apply(architect::service(&config, store)).bind(service.listen).await?;
    tracing::info!(origin = bound.origin(), "the Architect is ready");
    runtime::service::run_until_signal(bound.start(), Duration::from_secs(60)).await?;
    Ok(ExitCode::SUCCESS)
}
