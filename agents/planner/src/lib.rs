//! The Planner: takes goals from people over REST, MCP and a web page, and leads each of them through the team.
//!
//! A task is a job of the tool `submit_task` or `rollback_app`. [`protocol::pipeline`] says where it goes next; `pipeline`
//! here does what each state calls for: it writes down what it is about to ask a peer for, asks, and lets go of the job until
//! the peer has ended. `tasks` is what REST, web page and MCP tools share.

mod apps;
mod asking;
mod config;
mod engine;
mod kept;
mod pipeline;
mod planning;
mod rest;
mod tape;
mod tasks;
#[cfg(test)]
mod tests;
mod tools;
mod view;
mod web;

pub use config::{Engine, Peers, PlannerConfig};

use crate::{
    apps::Apps,
    pipeline::{RollbackTool, SubmitTool, Team},
    tape::Tapes,
    tasks::Tasks,
};
use runtime::{Callers, Hints, Service, Store, Toolbox};
use std::process::ExitCode;

/// The service's name, and the one that its credential goes by.
pub const NAME: &str = "planner";

/// The Planner as a service: MCP tools, REST API and web page, with its jobs in this store.
#[must_use]
pub fn service(config: PlannerConfig, store: Store, hints: Hints, callers: Callers) -> Service {
    let team = Team { peers: config.peers, engine: config.engine };
    let apps = Apps::new(team.peers.coder.clone());
    let (for_routes, peers) = (apps.clone(), team.peers.clone());
    let tools = Toolbox::new()
        .instructions(INSTRUCTIONS)
        .without_job_tools()
        .long(SubmitTool { team: team.clone() })
        .long(RollbackTool { team });
    Service::new(NAME, tools)
        .callers(callers)
        .store(store)
        .hints(hints)
        .short_tools(move |jobs| tools::toolbox(&Tasks::new(jobs), &apps))
        .routes(move |jobs, stop| {
            let tapes = Tapes::new(jobs.clone(), peers);
            rest::router(Tasks::new(jobs), for_routes, tapes, stop).merge(web::router())
        })
}

const INSTRUCTIONS: &str = "Yonin is a team of four agents that changes live PHP applications safely: every change is planned, \
designed, built and tested in a private branch of the environment before it goes live, and can be rolled back. Submit a goal \
with submit_task, then call wait_task until the task has ended. A task that is `waiting` asks a person something: to approve a change \
(approve_task, reject_task), or what the goal means (answer_task). A client that can show forms is asked by wait_task itself.";

/// The Planner as a process of its own, told by its environment what it needs to know. [`runtime::process::run`] says what it does.
pub async fn process(arguments: impl Iterator<Item = String>) -> ExitCode {
    runtime::process::run(
        NAME,
        arguments,
        |reader, service| Some(PlannerConfig::read(reader, &service.key)),
        |config, store, hints, own| service(config, store, hints, own.callers.clone()),
    )
    .await
}
