use crate::{
    author,
    engine::{Engine, Order},
    host::{Host, planner_only},
};
use protocol::{
    Code, Digest, Problem,
    artifact::ChangeSet,
    event::What,
    tools::{
        Epoch, PreviewRef,
        coder::{AppSnapshot, BUILD, BuildInput, BuildOutput, InspectAppInput, InspectAppOutput},
        host::{
            CLOSE_PREVIEWS, ClosePreviewsInput, Done, INSPECT, OPEN_PREVIEW, OpenPreviewInput, STAGE_RELEASE,
            StageReleaseInput, Staged,
        },
    },
};
use runtime::{About, Job, JobError, LongTool, Principal, Step, model::Models, tool::Admission};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// The long tool `build`. Its checkpoint is the change-set: what was built is built once, whatever becomes of the staging.
pub(crate) struct Build {
    host: Host,
    engine: Arc<dyn Engine>,
    models: Option<Models>,
}

impl Build {
    pub(crate) fn new(host: Host, engine: Arc<dyn Engine>, models: Option<Models>) -> Self {
        Self { host, engine, models }
    }
}

impl LongTool for Build {
    const NAME: &'static str = BUILD;
    type Input = BuildInput;
    type Output = BuildOutput;
    type Checkpoint = ChangeSet;

    fn about(&self) -> About {
        About {
            title: "Build a change",
            description: "Writes the change-set that a design asks for (or takes the one that a person supplied), mends what the \
                          Tester found, and stages it in a private branch of the environment. Answers the change-set, where it can \
                          be tested, and which statements can lose data. Only for the Planner.",
            read_only: false,
            destructive: false,
            idempotent: true,
        }
    }

    fn admit(&self, caller: &Principal, input: &BuildInput) -> Result<Admission, Problem> {
        planner_only(caller)?;
        if input.design.plan != Digest::of(&input.plan) {
            return Err(Code::BadRequest.problem("the design carries out another plan than the one given"));
        }
        if input.plan.app != input.app {
            return Err(Code::BadRequest.problem("the plan is for another app"));
        }
        if input.plan.supplied != input.supplied.is_some() {
            return Err(
                Code::BadRequest.problem("an app that a person supplied comes with its change-set, and no other does")
            );
        }
        Ok(Admission::default())
    }

    async fn run(
        &self,
        job: &Job,
        input: BuildInput,
        built: Option<ChangeSet>,
    ) -> Result<Step<ChangeSet, BuildOutput>, JobError> {
        let change_set = match (built, &input.supplied) {
            (Some(change_set), _) => change_set,
            (None, Some(supplied)) => self.check(&input, supplied.clone())?,
            (None, None) => self.write(job, &input).await?,
        };
        let staged = self.stage(job, &input, &change_set).await?;
        tracing::info!(
            task.id = %input.task, app = %input.app, attempt = input.attempt, release = %staged.release.short(),
            files = change_set.files.len(), migrations = change_set.migrations.len(), "staged a change"
        );
        let Staged { preview, release, destructive, .. } = staged;
        Ok(Step::Done(BuildOutput { change_set, release, preview, destructive }, Vec::new()))
    }

    async fn cancelled(&self, job: &Job, input: BuildInput, _built: Option<ChangeSet>) -> Result<Vec<What>, JobError> {
        let epoch = Epoch { turn: input.turn, fence: job.fence() };
        let close = ClosePreviewsInput { app: input.app, task: input.task, epoch };
        let Done {} = self.host.call(CLOSE_PREVIEWS, &close).await?;
        Ok(Vec::new())
    }
}

impl Build {
    async fn write(&self, job: &Job, input: &BuildInput) -> Result<ChangeSet, JobError> {
        job.say(if input.findings.is_empty() {
            "writing the change".to_owned()
        } else {
            format!("mending what {} checks found", input.findings.len())
        })
        .await?;
        let snapshot = self.snapshot(input).await?;
        let change_set = match &self.models {
            Some(models) => author::write(job, &self.host, models, input, snapshot.as_ref()).await?,
            None => self.think(input, snapshot).await?,
        };
        job.checkpoint(&change_set, Vec::new()).await?;
        Ok(change_set)
    }

    /// The app as it is, which must be what the design started from.
    async fn snapshot(&self, input: &BuildInput) -> Result<Option<AppSnapshot>, Problem> {
        let files = if self.models.is_none() { self.engine.wanted_files() } else { Vec::new() };
        let question = InspectAppInput { app: Some(input.app.clone()), files };
        let answer: InspectAppOutput = self.host.call(INSPECT, &question).await?;
        let snapshot = answer.apps.into_iter().find(|snapshot| snapshot.app == input.app);
        let live = snapshot.as_ref().and_then(|snapshot| snapshot.live.as_ref()).map(|live| live.digest);
        if live != input.design.base {
            return Err(Code::BaseMoved.problem("another release went live since the design was made"));
        }
        Ok(snapshot)
    }

    async fn think(&self, input: &BuildInput, snapshot: Option<AppSnapshot>) -> Result<ChangeSet, Problem> {
        let engine = Arc::clone(&self.engine);
        let (app, design) = (input.app.clone(), input.design.clone());
        let (findings, attempt) = (input.findings.clone(), input.attempt);
        let change_set = spawn_blocking(move || {
            engine.build(&Order {
                app: &app,
                design: &design,
                snapshot: snapshot.as_ref(),
                findings: &findings,
                attempt,
            })
        })
        .await
        .map_err(|_| Code::Internal.problem("the engine broke down over this design"))??;
        self.check(input, change_set)
    }

    /// What was built, or supplied, is what the design is for.
    fn check(&self, input: &BuildInput, change_set: ChangeSet) -> Result<ChangeSet, Problem> {
        if change_set.app != input.app || change_set.base != input.design.base {
            return Err(Code::Internal.problem("the change-set is for another app or another base"));
        }
        change_set.validate()?;
        Ok(change_set)
    }

    async fn stage(&self, job: &Job, input: &BuildInput, change_set: &ChangeSet) -> Result<Staged, JobError> {
        job.say("staging the change in a preview").await?;
        let epoch = Epoch { turn: input.turn, fence: job.fence() };
        let open = OpenPreviewInput { app: input.app.clone(), task: input.task, base: change_set.base, epoch };
        let preview: PreviewRef =
            self.host.effect(job, "preview", &(&open.app, open.task, open.base), OPEN_PREVIEW, &open).await?;
        let stage = StageReleaseInput { preview: preview.name, change_set: change_set.clone(), epoch };
        self.host.effect(job, "stage", &(&stage.preview, change_set.digest()), STAGE_RELEASE, &stage).await
    }
}
