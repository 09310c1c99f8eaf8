//! The host: the small service beside Nginx and PHP that alone may change the environment.
//!
//! `Host` has one method for each tool of `protocol::tools::host`; `service` serves them over MCP. What an app is, and
//! who may change it now, stands in its `state`; its files below `home`. A writer waits for its turn in `turn`, which
//! also ends what an older one left running.

mod activate;
mod arrange;
mod atomic;
pub mod cache;
mod config;
mod config_php;
pub mod database;
mod environment;
mod error;
mod health;
mod home;
mod inspect;
mod lint;
mod log;
pub mod names;
pub mod pools;
mod preview;
mod reaper;
mod recovery;
mod releases;
mod rollback;
pub mod service;
mod state;
mod turn;
mod verdict;

pub use config::{HostConfig, Places};
pub use environment::Host;
pub use error::HostError;
pub use service::service;
