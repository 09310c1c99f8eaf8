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
    rest::SubmitTask,
    task::{Question as Asked, Stage, Status},
    tools::planner::{SUBMIT_TASK, TaskOutcome},
};
use runtime::{
    About, Job, JobError, LongTool, Principal, Step,
    job::{JobRecord, Question, Reply},
    tool::Admission,
};
use serde_json::Value;

/// `submit_task`: a goal becomes a tested, live, reversible release.
pub(crate) struct SubmitTool {
    pub(crate) team: Team,
}

impl LongTool for SubmitTool {
    const NAME: &'static str = SUBMIT_TASK;
    type Input = SubmitTask;
    type Output = TaskOutcome;
    type Checkpoint = Progress;

    fn about(&self) -> About {
        About {
            title: "Submit a task",
            description: "Have the team plan, design, build, test and release a goal for one PHP app. Answers at once with the id of \
                          a task: give it to wait_task as `id`. Tasks of one app run one after the other. Every call is a new task, \
                          unless it carries the idempotency key of an earlier one (`_meta` dev.yonin/idempotencyKey, or the header \
                          Idempotency-Key).",
            read_only: false,
            destructive: false,
            idempotent: false,
        }
    }

    fn admit(&self, _caller: &Principal, input: &SubmitTask) -> Result<Admission, Problem> {
        input.validate()?;
        Ok(Admission { lane: Some(input.app.to_string()), events: vec![What::Submitted], ..Admission::default() })
    }

    async fn run(
        &self,
        job: &Job,
        input: SubmitTask,
        checkpoint: Option<Progress>,
    ) -> Result<Step<Progress, TaskOutcome>, JobError> {
        let drive = Drive { job, team: &self.team, order: &Order::from(&input) };
        let progress = match checkpoint {
            Some(progress) => progress,
            None => {
                let progress = Progress::starting(Pipeline::Planning, None);
                let moved = What::Moved { stage: Stage::Plan, status: Status::Running, attempt: 0 };
                job.checkpoint(&progress, vec![moved]).await?;
                progress
            }
        };
        drive.run(progress).await
    }

    async fn cancelled(
        &self,
        job: &Job,
        input: SubmitTask,
        checkpoint: Option<Progress>,
    ) -> Result<Vec<What>, JobError> {
        if let Some(mut progress) = checkpoint {
            let drive = Drive { job, team: &self.team, order: &Order::from(&input) };
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
        input: SubmitTask,
        checkpoint: Option<Progress>,
        problem: &Problem,
    ) -> Result<Vec<What>, JobError> {
        Drive { job, team: &self.team, order: &Order::from(&input) }.failed(checkpoint, problem).await
    }
}
