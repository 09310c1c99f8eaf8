use super::{
    drive::{Drive, Team},
    order::Order,
    progress::Progress,
    settle,
};
use crate::asking;
use protocol::{
    Code, Digest, Problem,
    artifact::Release,
    event::What,
    pipeline::Pipeline,
    task::{Question as Asked, Stage, Status},
    tools::{
        coder::{AppSnapshot, RollbackTo},
        planner::{ROLLBACK_APP, RollbackAppInput, TaskOutcome},
    },
};
use runtime::{
    About, Job, JobError, LongTool, Principal, Step,
    job::{JobRecord, Question, Reply},
    tool::Admission,
};
use serde_json::Value;

/// `rollback_app`: a task of its own that returns an app to an earlier release.
pub(crate) struct RollbackTool {
    pub(crate) team: Team,
}

impl LongTool for RollbackTool {
    const NAME: &'static str = ROLLBACK_APP;
    type Input = RollbackAppInput;
    type Output = TaskOutcome;
    type Checkpoint = Progress;

    fn about(&self) -> About {
        About {
            title: "Roll an app back",
            description: "Return an app to an earlier release: the one before the live one, or the one named by `to`. Rows entered since \
                          then stay; past a migration that lost data it is refused. Answers at once with the id of a task of its own: \
                          give it to wait_task as `id`.",
            read_only: false,
            destructive: true,
            idempotent: false,
        }
    }

    fn admit(&self, _caller: &Principal, input: &RollbackAppInput) -> Result<Admission, Problem> {
        Ok(Admission { lane: Some(input.app.to_string()), events: vec![What::Submitted], ..Admission::default() })
    }

    async fn run(
        &self,
        job: &Job,
        input: RollbackAppInput,
        checkpoint: Option<Progress>,
    ) -> Result<Step<Progress, TaskOutcome>, JobError> {
        let drive = Drive { job, team: &self.team, order: &Order::from(&input) };
        let progress = match checkpoint {
            Some(progress) => progress,
            None => begin(&drive, input.to).await?,
        };
        drive.run(progress).await
    }

    async fn cancelled(
        &self,
        _job: &Job,
        _input: RollbackAppInput,
        _checkpoint: Option<Progress>,
    ) -> Result<Vec<What>, JobError> {
        // It can only be cancelled before its first checkpoint; nothing has been done then.
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
        input: RollbackAppInput,
        checkpoint: Option<Progress>,
        problem: &Problem,
    ) -> Result<Vec<What>, JobError> {
        Drive { job, team: &self.team, order: &Order::from(&input) }.failed(checkpoint, problem).await
    }
}

/// Looks, now that no other task of the app is under way, what there is to return from and to.
async fn begin(drive: &Drive<'_>, wanted: Option<Digest>) -> Result<Progress, JobError> {
    let snapshot = drive.inspect(Vec::new()).await?;
    let (live, to) = route(snapshot.as_ref(), wanted)?;
    let progress = Progress::starting(Pipeline::RollingBack { to }, Some(live));
    let moved = What::Moved { stage: Stage::Release, status: Status::Running, attempt: 0 };
    drive.job.point_of_no_return(&progress, vec![moved]).await?;
    Ok(progress)
}

/// From which release to which.
fn route(snapshot: Option<&AppSnapshot>, wanted: Option<Digest>) -> Result<(&Release, RollbackTo), Problem> {
    let Some((snapshot, live)) = snapshot.and_then(|it| it.live.as_ref().map(|live| (it, live))) else {
        return Err(Code::NoSuchRelease.problem("the app has no live release to return from"));
    };
    let Some(wanted) = wanted else {
        // Nobody who asks for an earlier release wants the app to vanish.
        return match live.base {
            Some(_) => Ok((live, RollbackTo::Base)),
            None => {
                Err(Code::NoSuchRelease.problem(format!("there is no release before {}, the live one", live.digest)))
            }
        };
    };
    if wanted == live.digest {
        return Err(Code::NothingToDo.problem(format!("{wanted} is the live release already")));
    }
    if !snapshot.releases.iter().any(|release| release.digest == wanted) {
        return Err(Code::NoSuchRelease
            .problem(format!("{} has no release {wanted}, or it is not kept any more", snapshot.app)));
    }
    Ok((live, RollbackTo::Release(wanted)))
}
