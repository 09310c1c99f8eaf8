use crate::ArchitectConfig;
use protocol::{
    AppName, Code, Problem,
    artifact::Design,
    tools::{
        architect::{DESIGN, DesignInput},
        coder::{AppSnapshot, INSPECT_APP, InspectAppInput, InspectAppOutput},
    },
};
use runtime::{About, Job, JobError, LongTool, Peer, Principal, Step, tool::Admission};
use tokio::task::spawn_blocking;

/// The long tool `design`.
pub(crate) struct MakeDesign {
    coder: Peer,
}

impl MakeDesign {
    pub(crate) fn new(config: &ArchitectConfig) -> Self {
        Self { coder: Peer::new(&config.coder, config.credential.clone(), Code::PeerUnavailable) }
    }

    /// The app as it is; nothing when there is none of this name yet.
    async fn snapshot(&self, app: &AppName) -> Result<Option<AppSnapshot>, Problem> {
        let input = InspectAppInput { app: Some(app.clone()), files: blueprint::wanted_files() };
        let output: InspectAppOutput = self.coder.call(INSPECT_APP, &input).await?;
        Ok(output.apps.into_iter().find(|snapshot| snapshot.app == *app))
    }
}

impl LongTool for MakeDesign {
    const NAME: &'static str = DESIGN;
    type Input = DesignInput;
    type Output = Design;
    type Checkpoint = ();

    fn about(&self) -> About {
        About {
            title: "Design a change",
            description: "Turns a plan into a design: data model, migrations, endpoints, cache keys, files and tests, \
                          starting from the app as it is.",
            read_only: true,
            destructive: false,
            idempotent: true,
        }
    }

    fn admit(&self, _caller: &Principal, _input: &DesignInput) -> Result<Admission, Problem> {
        Ok(Admission::default())
    }

    async fn run(&self, job: &Job, input: DesignInput, _checkpoint: Option<()>) -> Result<Step<(), Design>, JobError> {
        let plan = input.plan;
        job.say(format!("looking at {}", plan.app)).await?;
        let snapshot = self.snapshot(&plan.app).await?;
        job.say(match &snapshot {
            Some(snapshot) if snapshot.live.is_some() => "designing the change",
            _ => "designing a new app",
        })
        .await?;
        let (task, app) = (plan.task, plan.app.clone());
        let design = spawn_blocking(move || blueprint::design(&plan, snapshot.as_ref()))
            .await
            .map_err(|_| Code::Internal.problem("the engine broke down over this plan"))??;
        tracing::info!(task.id = %task, %app, resources = design.resources.len(), migrations = design.migrations.len(), "designed a change");
        Ok(Step::Done(design, Vec::new()))
    }
}
