//! The Architect as a process of its own.

use architect::ArchitectConfig;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    runtime::process::run(
        "architect",
        |reader, service| Some(ArchitectConfig::read(reader, service.key.clone())),
        |config, store, _, _| architect::service(&config, store),
    )
    .await
}
