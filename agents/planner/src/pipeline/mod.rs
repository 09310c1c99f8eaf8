//! How a task travels: [`protocol::pipeline::Pipeline`] says where to, this module does what each state calls for.

mod accept;
mod call;
mod diff;
mod doubt;
mod drive;
mod import;
mod ledger;
mod order;
mod plan;
mod progress;
mod request;
mod rollback;
mod settle;
mod submit;
mod tool;
mod work;

pub(crate) use drive::{Answer, Team};
pub(crate) use import::{Import, exists};
pub(crate) use ledger::Ended;
pub(crate) use order::Order;
pub(crate) use progress::Progress;
pub(crate) use rollback::Rollback;
pub(crate) use submit::Submit;
pub(crate) use tool::TaskTool;
