//! The MCP front door: the REST API once more as tools, tasks and apps as resources, and prompts for what people want most often.

mod place;
mod prompts;
mod resources;
mod suggest;
mod tools;

use crate::{apps::Apps, tasks::Tasks};
use prompts::{FixBug, NewFeature};
use resources::Library;
use runtime::Toolbox;
use std::sync::Arc;
use suggest::AppNames;

/// What a client's model reads of all this.
pub(crate) const INSTRUCTIONS: &str = "\
Yonin is a team of four agents that changes live PHP applications safely: every change is planned, designed, built and tested in a \
private branch before it goes live, and can be rolled back.
1. submit_task with an app and a goal, in the person's own words and language. It answers at once with the task's id.
2. wait_task until status is neither queued nor running. One call waits 45 seconds at most: call it again.
3. waiting: a person is asked. Show them `question`; then approve_task, reject_task or answer_task, with what they said. Never \
decide for them.
4. succeeded: `result.url` is live. failed: `error` says why. Read yonin://tasks/{id}/plan, design, changes, diff, verdict or smoke to see \
what was done and what was checked.
rollback_app returns an app to an earlier release.";

/// The short tools, the resources and the prompts.
pub(crate) fn toolbox(tasks: &Tasks, apps: &Apps) -> Toolbox {
    let names = Arc::new(AppNames(apps.clone()));
    tools::toolbox(tasks, apps)
        .resources(Library { tasks: tasks.clone(), apps: apps.clone() })
        .prompt(NewFeature(names.clone()))
        .prompt(FixBug(names))
}
