//! `yonin`, the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    yonin::main()
}
