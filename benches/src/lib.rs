//! What the benchmarks share: a plain HTTP client that measures little of itself, samples, and tables.
//!
//! A benchmark prints what it saw and the bar beside it. It fails when something went wrong, never for being slow: the machine may
//! be busy. Compare within one run, by ratios and medians; a single figure from one machine says little about another.

mod connection;
mod machine;
mod samples;
mod table;

pub use connection::Connection;
pub use machine::Machine;
pub use samples::Samples;
pub use table::Table;
