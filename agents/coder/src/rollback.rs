use crate::host::{Host, planner_only};
use protocol::{
    Problem,
    tools::{
        Epoch,
        coder::{ROLLBACK, ReleaseOutput, RollbackInput},
        host::{ROLLBACK_RELEASE, RollbackReleaseInput},
    },
};
use runtime::{About, Job, JobError, LongTool, Principal, Step, tool::Admission};

/// The long tool `rollback`.
pub(crate) struct TakeBack {
    host: Host,
}

impl TakeBack {
    pub(crate) fn new(host: Host) -> Self {
        Self { host }
    }
}

impl LongTool for TakeBack {
    const NAME: &'static str = ROLLBACK;
    type Input = RollbackInput;
    type Output = ReleaseOutput;
    type Checkpoint = ();

    fn about(&self) -> About {
        About {
            title: "Return to an earlier release",
            description: "Makes an earlier release live again and keeps the data entered since. Refused where that would \
                          lose data, and when another release is live than the caller thinks. Only for the Planner.",
            read_only: false,
            destructive: true,
            idempotent: true,
        }
    }

    fn admit(&self, caller: &Principal, _input: &RollbackInput) -> Result<Admission, Problem> {
        planner_only(caller).map(|()| Admission::default())
    }

    async fn run(
        &self,
        job: &Job,
        input: RollbackInput,
        _checkpoint: Option<()>,
    ) -> Result<Step<(), ReleaseOutput>, JobError> {
        job.say("returning to an earlier release").await?;
        job.point_of_no_return(&(), Vec::new()).await?;
        let RollbackInput { task, app, from, to, turn } = input;
        let epoch = Epoch { turn, fence: job.fence() };
        let back = RollbackReleaseInput { app, task, from, to, epoch };
        let what = (task, &back.app, from, to);
        let output: ReleaseOutput = self.host.effect(job, "rollback", &what, ROLLBACK_RELEASE, &back).await?;
        tracing::info!(task.id = %task, app = %back.app, from = %from.short(), "returned to an earlier release");
        Ok(Step::Done(output, Vec::new()))
    }
}
