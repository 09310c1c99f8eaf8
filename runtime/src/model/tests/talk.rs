use super::provider::{Asked, Provider};
use crate::{
    Job, JobError, Jobs, Step,
    config::Reader,
    job::{
        JobStatus,
        tests::scene::{Count, Ran, Scene, Script, ann, submit},
        worker::WorkerHandle,
    },
    model::{Brief, Did, Form, Hands, ModelConfig, Models, Thinking, ToolSpec, usage::total},
};
use protocol::{
    Code, JobId,
    chat::{Tokens, ToolCall, Try, Turn},
    tools::thinking::Allowance,
};
use serde_json::{Value, json};
use std::{convert::Infallible, time::Duration};

pub(super) const KEY: &str = "sk-of-this-test-alone";

/// What a job thinks about.
#[derive(Debug, Clone, Copy)]
pub(super) enum About {
    /// An answer of a form: `{"plan": "..."}`.
    Plan,
    /// The same, after as many looks as it wants: `look(at)`.
    SeenPlan,
    /// Work with two tools: `note(text)` and `done()`.
    Notes,
}

/// A job that is about to think.
pub(super) struct Talk {
    about: About,
    settings: Vec<(String, String)>,
    allowance: Allowance,
}

impl Talk {
    /// With models that are asked at these addresses: `openai:test@http://...`.
    pub(super) fn with(models: &str, about: About) -> Self {
        let settings = vec![("YONIN_MODEL".to_owned(), models.to_owned())];
        let talk = Self { about, settings, allowance: Allowance::default() };
        talk.set("YONIN_MODEL_KEY", KEY).set("YONIN_MODEL_ANSWER", "2000")
    }

    /// With the one model of this provider, in this format.
    pub(super) fn to(provider: &Provider, format: &str, about: About) -> Self {
        Self::with(&format!("{format}:test@{}", provider.url()), about)
    }

    pub(super) fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn may_spend(mut self, tokens: u64, micro_usd: Option<u64>) -> Self {
        self.allowance = Allowance { tokens, micro_usd };
        self
    }

    pub(super) fn models(&self) -> Models {
        let mut reader = Reader::of(self.settings.clone());
        let models = Models::open(&ModelConfig::read(&mut reader, "tester")).expect("models").expect("over the wire");
        reader.finish().expect("no mistake");
        models
    }

    /// Has the job begun.
    pub(super) async fn begin(&self) -> Begun {
        let mut scene = Scene::new().await;
        scene.timing.poll = Duration::from_millis(20);
        let (runs, models) = (Count::new(), self.models());
        let jobs = self.jobs(&scene, &models, &runs);
        let worker = scene.worker(&jobs);
        let id = submit(&jobs).await;
        Begun { scene, jobs, id, runs, worker }
    }

    pub(super) async fn ended(&self, provider: &Provider) -> Ended {
        let ended = self.begin().await.ended(provider).await;
        assert!(ended.spent.total() <= self.allowance.tokens, "{:?} of {:?}", ended.spent, self.allowance);
        ended
    }

    /// The jobs of one replica.
    pub(super) fn jobs(&self, scene: &Scene, models: &Models, runs: &Count) -> Jobs {
        let (about, allowance, models, runs) = (self.about, self.allowance, models.clone(), runs.clone());
        scene.jobs(Script::new(move |job, _| {
            runs.up();
            let models = models.clone();
            Box::pin(async move { think(job, &models, about, allowance).await })
        }))
    }
}

/// A job that thinks.
pub(super) struct Begun {
    pub(super) scene: Scene,
    pub(super) jobs: Jobs,
    pub(super) id: JobId,
    pub(super) runs: Count,
    pub(super) worker: WorkerHandle,
}

/// What came of a talk.
pub(super) struct Ended {
    pub(super) outcome: Result<Value, Code>,
    pub(super) detail: String,
    pub(super) turns: Vec<Turn>,
    pub(super) spent: Tokens,
    pub(super) asked: Vec<Asked>,
}

impl Begun {
    /// Nobody waits here for what the job is told to wait for.
    pub(super) async fn ended(&self, provider: &Provider) -> Ended {
        let end = async {
            loop {
                let changed = self.jobs.changed(self.id);
                let record = self.jobs.get(&ann(), self.id).await.expect("the job");
                if record.ended_at.is_some() {
                    return record.status;
                }
                self.scene.store.end_pauses().await.expect("ends");
                changed.await;
            }
        };
        let status = tokio::time::timeout(Duration::from_secs(60), end).await.expect("in time");
        let turns = self.turns().await;
        let (outcome, detail) = match status {
            JobStatus::Done(value) => (Ok(value), String::new()),
            JobStatus::Failed(problem) => (Err(problem.code), problem.detail),
            other => panic!("{other:?}"),
        };
        Ended { outcome, detail, spent: total(&turns), turns, asked: provider.asked() }
    }

    pub(super) async fn turns(&self) -> Vec<Turn> {
        self.jobs.turns(&ann(), self.id).await.expect("turns")
    }
}

impl Ended {
    /// Every try of every turn.
    pub(super) fn tries(&self) -> Vec<&Try> {
        self.turns.iter().flat_map(|turn| &turn.tries).collect()
    }
}

async fn think(job: &Job, models: &Models, about: About, allowance: Allowance) -> Ran {
    let (tools, form) = match about {
        About::Plan => (Vec::new(), Some(form())),
        About::SeenPlan => (vec![look_tool()], Some(form())),
        About::Notes => (tools(), None),
    };
    let instructions = "You are tested.".to_owned();
    let brief =
        Brief { goal: "a goal".to_owned(), agent: "tester", round: 1, again: 0, instructions, tools, form, allowance };
    let mut thinking = Thinking::begin(job, models, brief).await?;
    thinking.say("The goal is a shop.");
    thinking.say("Begin.");
    let come_to = match about {
        About::Plan | About::SeenPlan => {
            let look = |plan: Value| if plan["plan"].is_string() { Ok(plan) } else { Err("it has no plan".to_owned()) };
            thinking.answer(&mut Eyes, look).await?
        }
        About::Notes => thinking.work(&mut Notes::default()).await?,
    };
    Ok(Step::Done(come_to, Vec::new()))
}

fn form() -> Form {
    let schema = json!({"type": "object", "properties": {"plan": {"type": "string"}}, "required": ["plan"]});
    Form { name: "plan", schema }
}

fn look_tool() -> ToolSpec {
    let at = json!({"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]});
    ToolSpec { name: "look", description: "Looks.", parameters: at }
}

fn tools() -> Vec<ToolSpec> {
    let note = json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]});
    vec![
        ToolSpec { name: "note", description: "Notes this.", parameters: note },
        ToolSpec { name: "done", description: "Ends.", parameters: json!({"type": "object", "properties": {}}) },
    ]
}

/// Hands that only look.
struct Eyes;

impl Hands for Eyes {
    type Outcome = Infallible;

    async fn call(&mut self, call: &ToolCall) -> Result<Did<Infallible>, JobError> {
        Ok(Did::Said(format!("seen: {}", call.arguments)))
    }

    async fn again(&mut self, _call: &ToolCall, _said: &str) -> Result<(), JobError> {
        Ok(())
    }
}

/// Hands that keep notes.
#[derive(Default)]
struct Notes(Vec<Value>);

impl Hands for Notes {
    type Outcome = Value;

    async fn call(&mut self, call: &ToolCall) -> Result<Did<Value>, JobError> {
        if call.name == "done" {
            return Ok(Did::Finished(self.0.clone().into()));
        }
        let long = call.arguments["lines"].as_u64().unwrap_or(0);
        self.0.push(call.arguments["text"].clone());
        Ok(Did::Said(format!("noted{}", "\nline".repeat(usize::try_from(long).expect("a length")))))
    }

    async fn again(&mut self, call: &ToolCall, said: &str) -> Result<(), JobError> {
        if said.starts_with("noted") {
            self.0.push(call.arguments["text"].clone());
        }
        Ok(())
    }
}
