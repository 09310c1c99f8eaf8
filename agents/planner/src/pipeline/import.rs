use super::{drive::Drive, order::Order, progress::Progress, tool::Begins};
use crate::{import::Supplied, kept};
use protocol::{
    Code, Problem,
    artifact::Plan,
    event::What,
    pipeline::Event,
    tools::planner::{IMPORT_APP, ImportAppInput},
};
use runtime::{
    About, JobError,
    tool::{Admission, Aside},
};

/// `import_app`: an app that exists elsewhere becomes a tested, live release as it is.
pub(crate) struct Import;

impl Begins for Import {
    const NAME: &'static str = IMPORT_APP;
    type Input = ImportAppInput;

    fn about() -> About {
        About {
            title: "Import an app",
            description: "Take over a PHP app that exists elsewhere, as it is: its files (text, or base64), and a mysqldump of its schema \
                          and rows. It is tested in a preview and goes live; no language model is asked. The app may not have a live \
                          release. A call has at most 1 MiB: larger apps come over the REST API or the command line. Answers at once \
                          with the id of a task of its own.",
            read_only: false,
            destructive: false,
            idempotent: false,
        }
    }

    /// Looks through all of it at once. What was supplied is kept beside the job.
    fn admit(input: &ImportAppInput) -> Result<Admission, Problem> {
        let unwritable = |error: serde_json::Error| Code::Internal.problem(error.to_string());
        let supplied = serde_json::to_value(Supplied::of(input)?).map_err(unwritable)?;
        let rest = ImportAppInput { files: Vec::new(), sql: None, ..input.clone() };
        let aside = Aside {
            input: serde_json::to_value(rest).map_err(unwritable)?,
            artifacts: vec![(kept::SUPPLIED, supplied)],
        };
        Ok(Admission { lane: Some(input.app.to_string()), events: vec![What::Submitted], aside: Some(aside) })
    }

    fn order(input: &ImportAppInput) -> Order {
        Order::from(input)
    }
}

impl Drive<'_> {
    /// Plan, design and checks of an app that a person supplied. Nobody thinks about it.
    pub(super) async fn take_over(&self, progress: &mut Progress) -> Result<Event, JobError> {
        self.job.say("The Planner looks through what was supplied").await?;
        let snapshot = self.inspect(Vec::new()).await?;
        if let Some(live) = snapshot.and_then(|snapshot| snapshot.live) {
            return Ok(Event::Failed { problem: exists(&self.order.app, &live.digest.short()) });
        }
        progress.base = None;
        let supplied = self.supplied().await?;
        let plan = supplied.plan(self.job.id(), &self.order.app, &self.order.goal, self.job.owner().name());
        let design = supplied.design(&plan);
        let plan = self.job.keep::<Plan>(kept::PLAN, 0, &plan).await?;
        let design = self.job.keep(kept::DESIGN, 0, &design).await?;
        self.job.keep(kept::CHECKS, 0, &supplied.checks()).await?;
        Ok(Event::Supplied { plan, design })
    }

    /// What came with the call.
    pub(super) async fn supplied(&self) -> Result<Supplied, JobError> {
        self.job.kept(kept::SUPPLIED, Some(0)).await?.ok_or_else(|| {
            JobError::Terminal(Code::Internal.problem("what was supplied for this task is missing from the store"))
        })
    }

    /// A statement that the host refused stands somewhere in the dump that came.
    pub(super) async fn placed(&self, problem: Problem) -> Problem {
        if !self.order.supplied || !matches!(problem.code, Code::BadMigration | Code::MigrationFailed) {
            return problem;
        }
        match self.supplied().await {
            Ok(supplied) => supplied.at_line(problem),
            Err(error) => {
                tracing::warn!(task.id = %self.job.id(), %error, "Nobody can say where in the dump a statement stands");
                problem
            }
        }
    }
}

/// An app that users see is changed by goals, not replaced.
pub(crate) fn exists(app: &protocol::AppName, live: &str) -> Problem {
    Code::AppExists
        .problem(format!("{app} has the live release {live}; import under another name, or submit a goal to change it"))
}
