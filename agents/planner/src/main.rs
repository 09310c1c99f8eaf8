//! The Planner as a process of its own.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    planner::process(std::env::args().skip(1)).await
}
