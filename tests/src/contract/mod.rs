//! The contract of a generated app, written down a second time: from the words of the user's guide, knowing nothing of the
//! engine. `spec` draws goals, `value` what each type takes and refuses, `drive` talks to the deployed app.

mod drive;
mod pages;
mod rows;
pub mod spec;
mod value;

pub use drive::{Site, drive};
pub use spec::Spec;
