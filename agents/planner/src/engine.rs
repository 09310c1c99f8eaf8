use crate::config::Engine;
use protocol::{
    AppName, Problem, TaskId,
    artifact::{Path, Plan},
    tools::coder::AppSnapshot,
};

impl Engine {
    /// The files of a live release whose text it wants to see.
    pub(crate) fn wanted_files(&self) -> Vec<Path> {
        match self {
            Self::Blueprint => blueprint::wanted_files(),
            Self::Model(_) => Vec::new(),
            #[cfg(test)]
            Self::OneStep => Vec::new(),
        }
    }

    /// A plan for a goal, given the app as it is.
    ///
    /// # Errors
    /// What was not understood, or can't be done.
    pub(crate) fn plan(
        &self,
        task: TaskId,
        app: &AppName,
        goal: &str,
        snapshot: Option<&AppSnapshot>,
    ) -> Result<Plan, Problem> {
        match self {
            Self::Blueprint => blueprint::plan(task, app, goal, snapshot),
            Self::Model(_) => Err(protocol::Code::Internal.problem("models do not plan yet")),
            #[cfg(test)]
            Self::OneStep => Ok(Plan {
                task,
                app: app.clone(),
                goal: goal.to_owned(),
                summary: goal.to_owned(),
                steps: Vec::new(),
                criteria: Vec::new(),
                assumptions: Vec::new(),
                risk: protocol::artifact::Risk::Low,
                made_by: None,
            }),
        }
    }
}
