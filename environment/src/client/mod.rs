//! What Coder and Tester use on the environment, with the accounts of one app or preview.

mod excerpt;
mod grep;
mod keys;
mod outline;
mod reading;
mod request;
mod secrets;
mod sql;
mod web;

pub use grep::grep;
pub use keys::{KeyState, Keys};
pub use outline::{outline, table};
pub use reading::only_reads;
pub use request::Request;
pub use secrets::Secrets;
pub use sql::Sql;
pub use web::{End, Web, WebRequest, WebResponse, form_encoded};
