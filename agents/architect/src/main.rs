//! The Architect as a process of its own.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    architect::process(std::env::args().skip(1)).await
}
