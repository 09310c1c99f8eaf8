//! What Coder and Tester use on the environment, with the accounts of one app or preview.

mod keys;
mod sql;
mod web;

pub use keys::{KeyState, Keys};
pub use sql::Sql;
pub use web::{End, Web, WebRequest, WebResponse};
