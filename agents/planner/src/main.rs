//! The Planner as a process of its own.

use planner::PlannerConfig;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    runtime::process::run(
        planner::NAME,
        |reader, service| Some(PlannerConfig::read(reader, &service.key)),
        |config, store, hints, service| planner::service(config, store, hints, service.callers.clone()),
    )
    .await
}
