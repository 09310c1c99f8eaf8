//! The Architect: turns a plan into a design. It looks at the app through the Coder and touches nothing.

mod config;
mod design;
mod draw;
mod hands;

pub use config::ArchitectConfig;

use runtime::{Service, Store, Toolbox};
use std::process::ExitCode;

/// The service `architect` with its one tool, `design`. Who may call it, and where it listens, is the caller's to say.
#[must_use]
pub fn service(config: &ArchitectConfig, store: Store) -> Service {
    Service::new("architect", Toolbox::new().instructions(INSTRUCTIONS).long(design::MakeDesign::new(config)))
        .store(store)
}

const INSTRUCTIONS: &str = "The Architect of Yonin: turns plans into designs, for the Planner. `design` starts a job: follow it as a task, or \
with get_job, until it has ended.";

/// The Architect as a process of its own, told by its environment what it needs to know. [`runtime::process::run`] says what it does.
pub async fn process(arguments: impl Iterator<Item = String>) -> ExitCode {
    runtime::process::run(
        "architect",
        arguments,
        |reader, service| Some(ArchitectConfig::read(reader, service.key.clone())),
        |config, store, _, _| service(&config, store),
    )
    .await
}
