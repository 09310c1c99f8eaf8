//! The Tester: carries out checks against a preview or the live app and signs what came of them.
//!
//! Checks are data ([`protocol::artifact::Check`]), derived from the design by an engine. The runner alone decides what
//! passed: it sends, reads, compares, adds the checks that no verdict may lack, and computes the verdict from what came back
//! and nothing else. An environment that does not answer says nothing about a change: then there is no verdict, and the job
//! is tried again.

mod base;
mod config;
mod decimal;
mod evidence;
mod html;
mod matcher;
mod propose;
mod run;
mod shows;
mod signer;
mod variables;
mod verify;

pub use config::TesterConfig;
pub use signer::{BadVerdictKey, VerdictKey};

use runtime::{Service, Store, Toolbox};
use std::process::ExitCode;

/// The service `tester` with its one tool, `verify`. Who may call it, and where it listens, is the caller's to say.
#[must_use]
pub fn service(config: TesterConfig, store: Store) -> Service {
    Service::new("tester", Toolbox::new().instructions(INSTRUCTIONS).long(verify::Verify::new(config))).store(store)
}

const INSTRUCTIONS: &str = "The Tester of Yonin: tests changes in previews and looks at live apps, for the Planner. `verify` starts a job: \
follow it as a task, or with get_job, until it has ended. A verdict says what was seen, and nothing else.";

/// The Tester as a process of its own, told by its environment what it needs to know. [`runtime::process::run`] says what it does.
pub async fn process(arguments: impl Iterator<Item = String>) -> ExitCode {
    runtime::process::run(
        "tester",
        arguments,
        |reader, service| TesterConfig::read(reader, service.key.clone()),
        |config, store, _, _| service(config, store),
    )
    .await
}
