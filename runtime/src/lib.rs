//! What every Yonin service needs, and nothing that knows an agent.
//!
//! A service is a set of *tools* ([`tool`]) behind one HTTP endpoint ([`Service`]). A short tool answers at once. A long
//! tool is a *job* ([`job`]): one row in the [`store`], claimed by any free replica under a lease with a fencing token, run,
//! checkpointed, and finished. Acts on the outside world go through the effect ledger ([`job::Job::effect`]). Services
//! Beside its tools it may let things be read ([`resource`]) and offer prompts ([`prompt`]). Services
//! call each other over MCP ([`Peer`]) with credentials of their own ([`credentials`]).

pub mod config;
pub mod credentials;
pub(crate) mod decode;
pub mod fail;
pub mod hints;
pub mod http;
pub mod job;
mod mcp;
pub mod model;
mod peer;
pub mod process;
pub mod prompt;
pub mod resource;
pub mod service;
pub mod store;
pub mod telemetry;
pub mod tool;

pub use credentials::{Callers, Credential, Keys, OwnKey, Owner, Principal};
pub use hints::Hints;
pub use job::{Job, JobError, Jobs, Step, Wait};
#[cfg(feature = "overlays")]
pub use mcp::Server as McpServer;
pub use peer::{Peer, PeerState};
pub use service::{Bound, Running, Service, ServiceError};
pub use store::Store;
/// What the routes of a service see of its end ([`Service::routes`]).
pub use tokio_util::sync::CancellationToken;
pub use tool::{About, LongTool, ShortTool, Toolbox, WaitingTool};
