//! The contract of a generated app, written down a second time: from the words of the user's guide, knowing nothing of the
//! engine. `spec` draws goals, `growth` what is asked of an app later, `value` what each type takes and refuses, `drive`
//! talks to the deployed app.

mod drive;
mod growth;
mod http;
mod lists;
mod pages;
mod races;
mod refusals;
mod rows;
mod site;
pub mod spec;
mod value;

pub use drive::drive;
pub use growth::{Growth, clear, rows_of, survives};
pub use site::Site;
pub use spec::Spec;
