//! `yonin`: the whole team in one process, and the commands that talk to it.
//!
//! [`up`] starts the four agents, the host and a private environment in one process. Every other command is a client of
//! the REST API ([`client`]), of a local `yonin up` or of one far away. Results go to standard output, everything else to
//! standard error. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.

mod answer;
mod arguments;
pub mod client;
mod commands;
mod connection;
mod demo;
mod describe;
mod failure;
mod import;
mod output;
mod progress;
mod replay;
mod table;
pub mod up;

pub use failure::Failure;

use arguments::Arguments;
use clap::Parser;
use std::{process::ExitCode, sync::Arc};

/// Reads the arguments of this process, does what they say, and tells what came of it.
#[must_use]
pub fn main() -> ExitCode {
    main_with(Arc::new(coder::Blueprint))
}

/// [`main`], with this engine writing the code.
#[must_use]
pub fn main_with(engine: Arc<dyn coder::Engine>) -> ExitCode {
    let arguments = Arguments::parse();
    // `up --json` promises that its one line is all there is on standard output.
    let json = arguments.json && !matches!(arguments.command, arguments::Command::Up(_));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(error).report(json),
    };
    let outcome = runtime.block_on(commands::run(arguments, engine));
    // What is still running was interrupted, and nobody waits for it.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => code,
        Err(failure) => failure.report(json),
    }
}
