//! A small real model behind an OpenAI-compatible server: `./dev local-model` starts one. Without it the test is left out.

use protocol::{Problem, Role, tools::thinking::Allowance};
use runtime::{
    About, Callers, Credential, Job, JobError, LongTool, Owner, Peer, PeerState, Principal, Service, Step, Store,
    Toolbox,
    config::Reader,
    model::{Brief, Form, ModelConfig, Models, NoHands, Thinking},
    tool::Admission,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the model is asked for: nothing that it could not end.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Recipe {
    /// A few words.
    #[schemars(length(max = 40))]
    title: String,
    /// Two sentences.
    #[schemars(length(min = 2, max = 2), inner(length(max = 60)))]
    steps: Vec<String>,
    /// What is needed first.
    first: First,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum First {
    Water,
    Tea,
}

/// What a recipe is wanted for.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Wanted {
    what: String,
}

/// Asks the model.
struct Ask(Models);

impl LongTool for Ask {
    const NAME: &'static str = "ask";
    type Input = Wanted;
    type Output = Recipe;
    type Checkpoint = ();

    fn about(&self) -> About {
        About { title: "Ask", description: "Asks.", read_only: true, destructive: false, idempotent: true }
    }

    fn admit(&self, _caller: &Principal, _input: &Wanted) -> Result<Admission, Problem> {
        Ok(Admission::default())
    }

    async fn run(&self, job: &Job, wanted: Wanted, _checkpoint: Option<()>) -> Result<Step<(), Recipe>, JobError> {
        let brief = Brief {
            goal: "Tea".to_owned(),
            agent: "planner",
            round: 0,
            again: 0,
            instructions: "You write recipes as JSON.".to_owned(),
            tools: Vec::new(),
            form: Some(Form::of::<Recipe>("recipe")),
            allowance: Allowance { tokens: 20_000, micro_usd: None },
        };
        let mut thinking = Thinking::begin(job, &self.0, brief).await?;
        thinking.say(format!("How is {} made?", wanted.what));
        let recipe = thinking.answer(&mut NoHands, |recipe: Recipe| Ok(recipe)).await?;
        assert_eq!(thinking.made_by().model, "openai:smollm2");
        Ok(Step::Done(recipe, Vec::new()))
    }
}

#[tokio::test]
#[ignore = "it needs a model to speak with: `./dev local-model` starts one"]
async fn a_small_real_model_answers_in_the_form_it_was_asked_for() {
    let model = std::env::var("YONIN_TEST_LOCAL_MODEL").expect("`./dev local-model` says where the model is");
    let settings = [("YONIN_MODEL", &*model), ("YONIN_MODEL_WINDOW", "8000"), ("YONIN_MODEL_ANSWER", "1000")];
    let mut reader = Reader::of(settings.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let config = ModelConfig::read(&mut reader, "planner");
    reader.finish().expect("no mistakes");
    let models = Models::open(&config).expect("models").expect("a model");
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::sqlite(&dir.path().join("store.db")).await.expect("a store");
    let key = Credential::random();
    let callers = Callers::nobody().and(&key, Principal::person("ann", Role::Operator));
    let service = Service::new("planner", Toolbox::new().long(Ask(models))).store(store).callers(callers);
    let running = service.worker(1, runtime::job::Timing::default()).bind(([127, 0, 0, 1], 0).into()).await;
    let running = running.expect("a port").start();
    let peer = Peer::new(running.origin(), key, protocol::Code::PeerUnavailable);
    let wanted = Wanted { what: "tea".to_owned() };
    let job = peer.start("ask", "tea", &Owner::Person("ann".to_owned()), &wanted).await.expect("a job");
    let end = async {
        loop {
            match peer.poll::<Recipe>(job).await.expect("a state") {
                PeerState::Working { .. } => tokio::time::sleep(Duration::from_millis(100)).await,
                end => return end,
            }
        }
    };
    match tokio::time::timeout(Duration::from_secs(300), end).await.expect("an end within five minutes") {
        PeerState::Done(recipe) => println!("{recipe:#?}"),
        other => panic!("no recipe: {other:?}"),
    }
    running.stop(Duration::from_secs(5)).await;
}
