//! The command line as it ships, built with the tests so that they never run an old one, and with an engine that plants bugs
//! into apps that are named for them: every other app is what the built-in engine writes.

use std::{process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    yonin::main_with(Arc::new(tests::Planted))
}
