//! The command line as it ships, built with the tests so that they never run an old one. With `YONIN_TEST_ENGINE=planted`
//! an engine that plants bugs writes the code of the apps that are named for one.

use std::{process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    match std::env::var("YONIN_TEST_ENGINE").as_deref() {
        Ok("planted") => yonin::main_with(Arc::new(tests::Planted)),
        _ => yonin::main(),
    }
}
