//! What the benchmarks share: agents as processes, a plain HTTP client that measures little of itself, servers, samples, tables.
//!
//! A benchmark prints what it saw and the bar beside it. It fails when something went wrong, never for being slow: the machine may
//! be busy. Compare within one run, by ratios and medians; a single figure from one machine says little about another.

mod agent;
mod connection;
mod machine;
mod samples;
mod server;
mod table;

pub use agent::Agent;
pub use connection::Connection;
pub use machine::Machine;
pub use samples::Samples;
pub use server::{Place, Server};
pub use table::Table;
