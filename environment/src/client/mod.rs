//! What Coder and Tester use on the environment, with the accounts of one app or preview.

mod changing;
mod excerpt;
mod grep;
mod keys;
mod outline;
mod query;
mod reading;
mod request;
mod secrets;
mod sql;
mod web;

pub use changing::changes_rows;
pub use grep::grep;
pub use keys::{KeyState, Keys};
pub use outline::{outline, table};
pub use query::Query;
pub use reading::only_reads;
pub use request::Request;
pub use secrets::Secrets;
pub use sql::Sql;
pub(crate) use sql::{Bound, bound, prepare, problem};
pub use web::{End, Web, WebRequest, WebResponse, form_encoded};
