//! What the integration tests share: a [`World`] or a [`Cluster`] to test in, the [`contract`] of generated apps, and a [`provider`] of
//! language models with a [`team`] in it.

pub mod clients;
pub mod clubhouse;
pub mod cluster;
pub mod commits;
pub mod contract;
pub mod doorman;
mod front;
mod marked;
mod planted;
mod process;
pub mod provider;
pub mod proxy;
pub mod script;
pub mod servers;
pub mod stream;
pub mod team;
pub mod tls;
mod world;

pub use cluster::Cluster;
pub use front::{Front, Goal};
pub use planted::{BUGS, Bug, Planted};
pub use process::Process;
pub use world::World;
