//! A service of an installation as it ships, in one program for all: `agent-under-test planner | architect | coder | tester | host`.
//! The Coder plants bugs as `yonin-under-test` does. It ends with whoever started it, also when that is killed, and in tests it has
//! the fail points that no program has which is delivered.

use nix::sys::{prctl, signal::Signal};
use std::{process::ExitCode, sync::Arc};

#[tokio::main]
async fn main() -> ExitCode {
    prctl::set_pdeathsig(Signal::SIGKILL).expect("a signal");
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("planner") => planner::process(arguments).await,
        Some("architect") => architect::process(arguments).await,
        Some("coder") => coder::process(Arc::new(tests::Planted), arguments).await,
        Some("tester") => tester::process(arguments).await,
        Some("host") => environment::host::service::process().await,
        _ => ExitCode::from(2),
    }
}
