//! The Tester as a process of its own.

use std::process::ExitCode;
use tester::TesterConfig;

#[tokio::main]
async fn main() -> ExitCode {
    runtime::process::run(
        "tester",
        |reader, service| TesterConfig::read(reader, service.key.clone()),
        |config, store, _, _| tester::service(config, store),
    )
    .await
}
