use crate::host::{Host, planner_only};
use protocol::{
    Problem,
    tools::{
        Epoch,
        coder::{RELEASE, ReleaseInput, ReleaseOutput},
        host::{ACTIVATE_RELEASE, ActivateReleaseInput},
    },
};
use runtime::{About, Job, JobError, LongTool, Principal, Step, tool::Admission};

/// The long tool `release`. Whether the verdict holds is the host's to judge, and only its.
pub(crate) struct MakeLive {
    host: Host,
}

impl MakeLive {
    pub(crate) fn new(host: Host) -> Self {
        Self { host }
    }
}

impl LongTool for MakeLive {
    const NAME: &'static str = RELEASE;
    type Input = ReleaseInput;
    type Output = ReleaseOutput;
    type Checkpoint = ();

    fn about(&self) -> About {
        About {
            title: "Make a change live",
            description: "Makes a staged change-set live: migrates the schema, activates the files, clears what the cache \
                          must forget. Needs a signed, unexpired verdict over exactly this change-set, and approval of each \
                          statement that can lose data. Can't be cancelled once it runs. Only for the Planner.",
            read_only: false,
            destructive: true,
            idempotent: true,
        }
    }

    fn admit(&self, caller: &Principal, _input: &ReleaseInput) -> Result<Admission, Problem> {
        planner_only(caller).map(|()| Admission::default())
    }

    async fn run(
        &self,
        job: &Job,
        input: ReleaseInput,
        _checkpoint: Option<()>,
    ) -> Result<Step<(), ReleaseOutput>, JobError> {
        job.say("making the change live").await?;
        job.point_of_no_return(&(), Vec::new()).await?;
        let ReleaseInput { task, app, change_set, base, preview, verdict, approved, turn } = input;
        let what = (task, app.clone(), change_set, base, verdict.digest(), approved.clone());
        let epoch = Epoch { turn, fence: job.fence() };
        let activate =
            ActivateReleaseInput { app, task, preview: preview.name, change_set, base, verdict, approved, epoch };
        let output: ReleaseOutput = self.host.effect(job, "activate", &what, ACTIVATE_RELEASE, &activate).await?;
        tracing::info!(task.id = %task, app = %activate.app, change_set = %change_set.short(), "a change went live");
        Ok(Step::Done(output, Vec::new()))
    }
}
