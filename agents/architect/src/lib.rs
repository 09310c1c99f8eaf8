//! The Architect: turns a plan into a design. It looks at the app through the Coder and touches nothing.

mod config;
mod design;

pub use config::ArchitectConfig;

use runtime::{Service, Store, Toolbox};

/// The service `architect` with its one tool, `design`. Who may call it, and where it listens, is the caller's to say.
#[must_use]
pub fn service(config: &ArchitectConfig, store: Store) -> Service {
    Service::new("architect", Toolbox::new().long(design::MakeDesign::new(config))).store(store)
}
