use super::{
    drive::{Drive, Team},
    order::Order,
    progress::Progress,
    settle,
};
use crate::asking;
use protocol::{
    Problem,
    event::What,
    pipeline::Pipeline,
    task::{Question as Asked, Stage, Status},
    tools::planner::TaskOutcome,
};
use runtime::{
    About, Job, JobError, LongTool, Principal, Step,
    job::{JobRecord, Question, Reply},
    tool::Admission,
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::marker::PhantomData;

/// A way in which a task begins. What comes after that is the same for all: [`TaskTool`].
pub(crate) trait Begins: Send + Sync + 'static {
    /// The tool's name on the wire.
    const NAME: &'static str;
    /// What it takes.
    type Input: Serialize + DeserializeOwned + JsonSchema + Send + Sync;

    /// What the tool says about itself.
    fn about() -> About;

    /// As [`LongTool::admit`].
    fn admit(input: &Self::Input) -> Result<Admission, Problem>;

    /// What is ordered with it.
    fn order(input: &Self::Input) -> Order;

    /// The first checkpoint, stored.
    fn begin(drive: &Drive<'_>, _input: &Self::Input) -> impl Future<Output = Result<Progress, JobError>> + Send {
        async move {
            let progress = Progress::starting(Pipeline::Planning, None);
            let moved = What::Moved { stage: Stage::Plan, status: Status::Running, attempt: 0 };
            drive.job.checkpoint(&progress, vec![moved]).await?;
            Ok(progress)
        }
    }
}

/// A tool whose job is a person's task.
pub(crate) struct TaskTool<B> {
    team: Team,
    begins: PhantomData<fn() -> B>,
}

impl<B> TaskTool<B> {
    /// One that this team works on.
    pub(crate) fn of(team: &Team) -> Self {
        Self { team: team.clone(), begins: PhantomData }
    }
}

impl<B: Begins> LongTool for TaskTool<B> {
    const NAME: &'static str = B::NAME;
    type Input = B::Input;
    type Output = TaskOutcome;
    type Checkpoint = Progress;

    fn about(&self) -> About {
        B::about()
    }

    fn admit(&self, _caller: &Principal, input: &B::Input) -> Result<Admission, Problem> {
        B::admit(input)
    }

    async fn run(
        &self,
        job: &Job,
        input: B::Input,
        checkpoint: Option<Progress>,
    ) -> Result<Step<Progress, TaskOutcome>, JobError> {
        runtime::telemetry::about(job.id());
        let drive = Drive { job, team: &self.team, order: &B::order(&input) };
        let progress = match checkpoint {
            Some(progress) => progress,
            None => B::begin(&drive, &input).await?,
        };
        drive.run(progress).await
    }

    async fn cancelled(&self, job: &Job, input: B::Input, checkpoint: Option<Progress>) -> Result<Vec<What>, JobError> {
        runtime::telemetry::about(job.id());
        if let Some(mut progress) = checkpoint {
            let drive = Drive { job, team: &self.team, order: &B::order(&input) };
            drive.settle(&mut progress).await?;
        }
        Ok(vec![settle::cancelled()])
    }

    fn status(&self, record: &JobRecord) -> Option<String> {
        asking::status(record)
    }

    fn question(&self, record: &JobRecord) -> Option<Question> {
        asking::question(record)
    }

    fn reply(&self, by: &Principal, question: &Question, reply: Reply) -> Result<Option<Value>, Problem> {
        asking::reply(by, question, &reply)
    }

    fn in_doubt(&self, problem: &Problem) -> Vec<What> {
        vec![What::Asked { question: Asked::InDoubt { reason: problem.to_string() } }]
    }

    async fn failed(
        &self,
        job: &Job,
        input: B::Input,
        checkpoint: Option<Progress>,
        problem: &Problem,
    ) -> Result<Vec<What>, JobError> {
        Drive { job, team: &self.team, order: &B::order(&input) }.failed(checkpoint, problem).await
    }
}
