//! The Coder as a process of its own.

use std::{process::ExitCode, sync::Arc};

#[tokio::main]
async fn main() -> ExitCode {
    coder::process(Arc::new(coder::Blueprint), std::env::args().skip(1)).await
}
