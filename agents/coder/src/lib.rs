//! The Coder: builds a change-set from a design, stages it as a preview, makes it live, and takes it back.
//!
//! It changes nothing by itself: every act goes through the environment's host, as an effect in the ledger. Host calls may
//! be repeated with the same arguments, so a run that died in the middle of one simply repeats it under its higher fence, and
//! the host has meanwhile shut out the old one.

mod author;
mod build;
mod config;
mod discard;
mod engine;
mod hands;
mod host;
mod inspect;
mod release;
mod rollback;

pub use config::CoderConfig;
pub use engine::{Blueprint, Engine, Order};

use host::Host;
use runtime::{Service, Store, Toolbox};
use std::{process::ExitCode, sync::Arc};

/// The service `coder` with its tools, building with the configuration's language models, or where it has none with this engine. Who may call it, and where it listens, is the caller's
/// to say; only the principal `service:planner` may do more than look.
#[must_use]
pub fn service(config: &CoderConfig, engine: Arc<dyn Engine>, store: Store) -> Service {
    let host = Host::new(config);
    let tools = Toolbox::new()
        .instructions(INSTRUCTIONS)
        .short(inspect::InspectApp::new(host.clone()))
        .short(discard::DiscardPreview::new(host.clone()))
        .long(build::Build::new(host.clone(), engine, config.models.clone()))
        .long(release::MakeLive::new(host.clone()))
        .long(rollback::TakeBack::new(host));
    Service::new("coder", tools).store(store)
}

const INSTRUCTIONS: &str = "The Coder of Yonin: looks at apps, and builds, releases and takes back changes, for the Planner alone. `build`, \
`release` and `rollback` start jobs: follow them as tasks, or with get_job, until they have ended.";

/// The Coder as a process of its own, told by its environment what it needs to know. [`runtime::process::run`] says what it does.
pub async fn process(engine: Arc<dyn Engine>, arguments: impl Iterator<Item = String>) -> ExitCode {
    runtime::process::run(
        "coder",
        arguments,
        |reader, service| Some(CoderConfig::read(reader, service.key.clone())),
        |config, store, _, _| service(&config, engine, store),
    )
    .await
}
