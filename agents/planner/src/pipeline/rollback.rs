use super::{drive::Drive, order::Order, progress::Progress, tool::Begins};
use protocol::{
    Code, Digest, Problem,
    artifact::Release,
    event::What,
    pipeline::Pipeline,
    task::{Stage, Status},
    tools::{
        coder::{AppSnapshot, RollbackTo},
        planner::{ROLLBACK_APP, RollbackAppInput},
    },
};
use runtime::{About, JobError, tool::Admission};

/// `rollback_app`: a task of its own that returns an app to an earlier release. It can only be cancelled before it has begun.
pub(crate) struct Rollback;

impl Begins for Rollback {
    const NAME: &'static str = ROLLBACK_APP;
    type Input = RollbackAppInput;

    fn about() -> About {
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

    fn admit(input: &RollbackAppInput) -> Result<Admission, Problem> {
        Ok(Admission { lane: Some(input.app.to_string()), events: vec![What::Submitted], ..Admission::default() })
    }

    fn order(input: &RollbackAppInput) -> Order {
        Order::from(input)
    }

    /// Looks, now that no other task of the app is under way, what there is to return from and to.
    async fn begin(drive: &Drive<'_>, input: &RollbackAppInput) -> Result<Progress, JobError> {
        let snapshot = drive.inspect(Vec::new()).await?;
        let (live, to) = route(snapshot.as_ref(), input.to)?;
        let progress = Progress::starting(Pipeline::RollingBack { to }, Some(live));
        let moved = What::Moved { stage: Stage::Release, status: Status::Running, attempt: 0 };
        drive.job.point_of_no_return(&progress, vec![moved]).await?;
        Ok(progress)
    }
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
