//! The Tester as a process of its own.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    tester::process(std::env::args().skip(1)).await
}
