use crate::{ArchitectConfig, draw};
use environment::files::{base, inspect, moved};
use protocol::{
    Code, Digest, Problem,
    artifact::{Design, Plan},
    tools::{
        architect::{DESIGN, DesignInput},
        coder::AppSnapshot,
    },
};
use runtime::{About, Job, JobError, LongTool, Peer, Principal, Step, model::Models, tool::Admission};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

/// The long tool `design`.
pub(crate) struct MakeDesign {
    coder: Peer,
    models: Option<Models>,
}

/// What a language model began to design on: a run that follows on this one must find the same.
#[derive(Serialize, Deserialize)]
pub(crate) struct Begun {
    base: Option<Digest>,
}

impl MakeDesign {
    pub(crate) fn new(config: &ArchitectConfig) -> Self {
        let coder = Peer::new(&config.coder, config.credential.clone(), Code::PeerUnavailable);
        Self { coder, models: config.models.clone() }
    }

    /// The offline engine designs.
    async fn derive(&self, job: &Job, plan: Plan) -> Result<Design, JobError> {
        let snapshot = inspect(&self.coder, &plan.app, blueprint::wanted_files()).await?;
        job.say(doing(snapshot.as_ref())).await?;
        Ok(spawn_blocking(move || blueprint::design(&plan, snapshot.as_ref()))
            .await
            .map_err(|_| Code::Internal.problem("the engine broke down over this plan"))??)
    }

    /// A language model does.
    async fn draw(
        &self,
        job: &Job,
        models: &Models,
        input: &DesignInput,
        begun: Option<Begun>,
    ) -> Result<Design, JobError> {
        let snapshot = inspect(&self.coder, &input.plan.app, Vec::new()).await?;
        let base = base(snapshot.as_ref());
        match begun {
            Some(begun) if begun.base != base => return Err(moved().into()),
            Some(_) => {}
            None => job.checkpoint(&Begun { base }, Vec::new()).await?,
        }
        job.say(doing(snapshot.as_ref())).await?;
        draw::design(job, &self.coder, models, input, snapshot.as_ref()).await
    }
}

fn doing(snapshot: Option<&AppSnapshot>) -> &'static str {
    match base(snapshot) {
        Some(_) => "designing the change",
        None => "designing a new app",
    }
}

impl LongTool for MakeDesign {
    const NAME: &'static str = DESIGN;
    type Input = DesignInput;
    type Output = Design;
    type Checkpoint = Begun;

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

    async fn run(&self, job: &Job, input: DesignInput, begun: Option<Begun>) -> Result<Step<Begun, Design>, JobError> {
        let (task, app) = (input.plan.task, input.plan.app.clone());
        job.say(format!("looking at {app}")).await?;
        let design = match &self.models {
            Some(models) => self.draw(job, models, &input, begun).await?,
            None => self.derive(job, input.plan).await?,
        };
        tracing::info!(
            task.id = %task, %app, resources = design.resources.len(), migrations = design.migrations.len(),
            files = design.files.len(), "designed a change"
        );
        Ok(Step::Done(design, Vec::new()))
    }
}
