//! The Planner: takes goals from people over REST, MCP and a web page, and leads each of them through the team.
//!
//! A task is a job of the tool `submit_task`, `rollback_app` or `import_app`. [`protocol::pipeline`] says where it goes next; `pipeline`
//! here does what each state calls for: it writes down what it is about to ask a peer for, asks, and lets go of the job until
//! the peer has ended. `tasks` is what REST, web page and MCP (`mcp`) share.

mod apps;
mod asking;
mod config;
mod engine;
mod import;
mod kept;
mod mcp;
mod pipeline;
mod planning;
mod rest;
mod tape;
mod tasks;
#[cfg(test)]
mod tests;
mod view;
mod web;

pub use config::{Engine, Peers, PlannerConfig};

use crate::{
    apps::Apps,
    pipeline::{Import, Rollback, Submit, TaskTool, Team},
    tape::Tapes,
    tasks::Tasks,
};
use protocol::rest::ImportApp;
use runtime::{Callers, Hints, Keys, Service, Store, Toolbox};
use std::process::ExitCode;

/// The service's name, and the one that its credential goes by.
pub const NAME: &str = "planner";

/// The Planner as a service: MCP tools, REST API and web page, with its jobs in this store, and beside these callers everybody who has
/// an API key there.
#[must_use]
pub fn service(config: PlannerConfig, store: Store, hints: Hints, callers: Callers) -> Service {
    let team = Team { peers: config.peers, engine: config.engine };
    let apps = Apps::new(team.peers.coder.clone());
    let (for_routes, peers) = (apps.clone(), team.peers.clone());
    let tools = Toolbox::new()
        .instructions(mcp::INSTRUCTIONS)
        .without_job_tools()
        .long(TaskTool::<Submit>::of(&team))
        .long(TaskTool::<Rollback>::of(&team))
        .long(TaskTool::<Import>::of(&team));
    let keys = Keys::new(NAME, &store, hints.clone(), callers.clone());
    Service::new(NAME, tools)
        .callers(callers)
        .keys(keys.clone())
        .store(store)
        .hints(hints)
        .with_jobs(move |jobs| mcp::toolbox(&Tasks::new(jobs), &apps))
        .larger_body(rest::IMPORT, ImportApp::MAX_BODY)
        .routes(rest::needs(), move |jobs, stop| {
            let tapes = Tapes::new(jobs.clone(), peers);
            rest::router(Tasks::new(jobs), for_routes, tapes, keys, stop).merge(web::router())
        })
}

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
