use crate::config::Engine;
use protocol::{
    AppName, Problem, TaskId,
    artifact::{Path, Plan},
    tools::coder::AppSnapshot,
};

impl Engine {
    /// The files of a live release whose text it wants to see.
    pub(crate) fn wanted_files(self) -> Vec<Path> {
        match self {
            Self::Blueprint => blueprint::wanted_files(),
        }
    }

    /// A plan for a goal, given the app as it is.
    ///
    /// # Errors
    /// What was not understood, or can't be done.
    pub(crate) fn plan(
        self,
        task: TaskId,
        app: &AppName,
        goal: &str,
        snapshot: Option<&AppSnapshot>,
    ) -> Result<Plan, Problem> {
        match self {
            Self::Blueprint => blueprint::plan(task, app, goal, snapshot),
        }
    }
}
