//! What the integration tests share: a [`World`] to test in, and the [`contract`] of generated apps.

pub mod contract;
mod marked;
mod planted;
mod process;
mod world;

pub use planted::{BUGS, Bug, Planted};
pub use process::Process;
pub use world::{Goal, World};
