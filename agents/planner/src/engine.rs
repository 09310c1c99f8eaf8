use crate::{config::Engine, planning};
use protocol::{
    AppName,
    artifact::{Path, Plan},
    tools::{coder::AppSnapshot, thinking::Allowance},
};
use runtime::{Job, JobError, Peer};

/// A goal, and what is known when it is read.
pub(crate) struct Reading<'a> {
    /// The task.
    pub(crate) job: &'a Job,
    /// The app that it is for.
    pub(crate) app: &'a AppName,
    /// The goal, as the person wrote it.
    pub(crate) goal: &'a str,
    /// The app as it is; nothing when there is none yet.
    pub(crate) snapshot: Option<&'a AppSnapshot>,
    /// Who shows more of the app.
    pub(crate) coder: &'a Peer,
    /// What the person answered to the questions about the goal.
    pub(crate) answer: Option<&'a str>,
    /// What may be spent on language models.
    pub(crate) allowance: Allowance,
}

/// What came of reading a goal.
pub(crate) enum Planned {
    /// A plan.
    Plan(Plan),
    /// Questions, without an answer to which there is none.
    Unclear(Vec<String>),
}

impl Engine {
    /// The files of a live release whose text it wants to see, whatever the app.
    pub(crate) fn wanted_files(&self) -> Vec<Path> {
        match self {
            Self::Blueprint => blueprint::wanted_files(),
            Self::Model(_) => Vec::new(),
            #[cfg(test)]
            Self::OneStep => Vec::new(),
        }
    }

    /// A plan for a goal, or what has to be known before there can be one.
    ///
    /// # Errors
    /// [`JobError::Terminal`] with what was not understood, or can't be done; with a model, those of [`planning::plan`].
    pub(crate) async fn plan(&self, reading: &Reading<'_>) -> Result<Planned, JobError> {
        let Reading { job, app, goal, snapshot, .. } = *reading;
        match self {
            Self::Blueprint => {
                Ok(Planned::Plan(blueprint::plan(job.id(), app, goal, snapshot).map_err(JobError::Terminal)?))
            }
            Self::Model(models) => planning::plan(models, reading).await,
            #[cfg(test)]
            Self::OneStep => Ok(Planned::Plan(Plan {
                task: job.id(),
                app: app.clone(),
                goal: goal.to_owned(),
                summary: goal.to_owned(),
                steps: Vec::new(),
                criteria: Vec::new(),
                assumptions: Vec::new(),
                risk: protocol::artifact::Risk::Low,
                supplied: false,
                made_by: None,
            })),
        }
    }
}
