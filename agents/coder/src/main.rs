//! The Coder as a process of its own.

use coder::{Blueprint, CoderConfig};
use std::{process::ExitCode, sync::Arc};

#[tokio::main]
async fn main() -> ExitCode {
    runtime::process::run(
        "coder",
        |reader, service| Some(CoderConfig::read(reader, service.key.clone())),
        |config, store, _, _| coder::service(&config, Arc::new(Blueprint), store),
    )
    .await
}
