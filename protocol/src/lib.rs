//! The words that every Yonin service shares, and nothing else: no I/O, no clock, no randomness beyond fresh ids.
//!
//! A *task* is what a person submits. It travels through the [`pipeline`], whose only rule book is one pure function.
//! On the way the agents hand on *artifacts* ([`artifact`]): plan, design, change-set, verdict, release. They are
//! immutable and addressed by [`Digest`]. What an agent can be asked for is in [`tools`]; what a person sees over REST is
//! in [`task`], [`rest`] and [`keys`]; what is said to a language model is in [`chat`];
//! everything that can go wrong has a [`problem::Code`].

pub mod artifact;
pub mod chat;
pub mod digest;
pub mod event;
pub mod id;
pub mod keys;
pub mod pipeline;
pub mod problem;
pub mod rest;
pub mod role;
pub mod task;
pub mod tools;

pub use digest::Digest;
pub use id::{AppName, JobId, KeyId, KeyName, PreviewName, TaskId};
pub use problem::{Code, Problem};
pub use role::Role;

/// A moment, UTC. On the wire: RFC 3339.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
