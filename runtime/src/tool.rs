//! Tools: what a service can be asked for.

use crate::{
    Principal, decode,
    job::{
        Job, JobError, Step,
        erased::{ErasedLongTool, erase},
    },
    mcp::listing,
};
use futures::future::BoxFuture;
use protocol::{Code, Problem, event::What};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{collections::BTreeMap, future::Future, sync::Arc};

/// What a client's user reads about a tool, and what the tool promises.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// A few words.
    pub title: &'static str,
    /// What it does, gives and takes.
    pub description: &'static str,
    /// It changes nothing.
    pub read_only: bool,
    /// It can undo or remove what exists.
    pub destructive: bool,
    /// Calling it twice with the same arguments does no more than once.
    pub idempotent: bool,
}

/// A tool that answers at once.
pub trait ShortTool: Send + Sync + 'static {
    /// Its name on the wire.
    const NAME: &'static str;
    /// What it takes.
    type Input: DeserializeOwned + JsonSchema + Send;
    /// What it gives.
    type Output: Serialize + JsonSchema + Send;

    /// What it says about itself.
    fn about(&self) -> About;

    /// Answers.
    fn call(
        &self,
        caller: &Principal,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output, Problem>> + Send;
}

/// A tool whose call becomes a durable job.
pub trait LongTool: Send + Sync + 'static {
    /// Its name on the wire.
    const NAME: &'static str;
    /// What it takes.
    type Input: Serialize + DeserializeOwned + JsonSchema + Send + Sync;
    /// What it gives.
    type Output: Serialize + JsonSchema + Send;
    /// What it remembers between two runs.
    type Checkpoint: Serialize + DeserializeOwned + Send + Sync;

    /// What it says about itself.
    fn about(&self) -> About;

    /// Looks at a call before the job is written: refuses it, or says how it queues.
    ///
    /// # Errors
    /// The problem that the caller gets; no job is written then.
    fn admit(&self, caller: &Principal, input: &Self::Input) -> Result<Admission, Problem>;

    /// Does the work, or the next piece of it, from the last checkpoint. Called again after a crash, a wait, or a retryable
    /// error, possibly on another replica. It is dropped at any await when the lease is lost, a cancel is requested or the
    /// process drains.
    fn run(
        &self,
        job: &Job,
        input: Self::Input,
        checkpoint: Option<Self::Checkpoint>,
    ) -> impl Future<Output = Result<Step<Self::Checkpoint, Self::Output>, JobError>> + Send;

    /// Cleans up after a cancelled job: ends its children, closes what it opened. The events it returns are the job's last.
    /// Called again until it succeeds.
    fn cancelled(
        &self,
        job: &Job,
        input: Self::Input,
        checkpoint: Option<Self::Checkpoint>,
    ) -> impl Future<Output = Result<Vec<What>, JobError>> + Send {
        let _ = (job, input, checkpoint);
        std::future::ready(Ok(Vec::new()))
    }

    /// The events that tell of a job whose fate a person must decide ([`crate::Jobs::resolve`]).
    fn in_doubt(&self, problem: &Problem) -> Vec<What> {
        let _ = problem;
        Vec::new()
    }

    /// Cleans up after a job that fails for good, whoever gave it up: the tool itself, or the runtime after too many errors or
    /// lost leases. The events it returns are the job's last. Until it succeeds the job has not failed: it runs again from its
    /// checkpoint.
    fn failed(
        &self,
        job: &Job,
        input: Self::Input,
        checkpoint: Option<Self::Checkpoint>,
        problem: &Problem,
    ) -> impl Future<Output = Result<Vec<What>, JobError>> + Send {
        let _ = (job, input, checkpoint, problem);
        std::future::ready(Ok(Vec::new()))
    }
}

/// How an admitted call queues.
#[derive(Debug, Clone, Default)]
pub struct Admission {
    /// Jobs of one lane run one after the other, in the order they came: at most one of a lane has left the queue and not
    /// ended. A lane also counts turns ([`Job::next_turn`]).
    pub lane: Option<String>,
    /// The job's first events, written together with it.
    pub events: Vec<What>,
    /// What of its input is kept beside it.
    pub aside: Option<Aside>,
}

/// An input of which something is too large to be read with every look at its job: that is kept as artifacts, written together
/// with the job ([`Job::kept`], attempt 0). Two calls are the same when their whole inputs are.
#[derive(Debug, Clone)]
pub struct Aside {
    /// What is left of the input: what the tool's `run` gets.
    pub input: Value,
    /// The artifacts by kind.
    pub artifacts: Vec<(&'static str, Value)>,
}

/// The tools of one service, by name, in the order they were added.
pub struct Toolbox {
    pub(crate) tools: Vec<Entry>,
    pub(crate) job_tools: bool,
    pub(crate) instructions: Option<&'static str>,
}

/// A tool as the MCP server lists and calls it.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) listing: rmcp::model::Tool,
    pub(crate) act: Act,
}

/// What a call of a tool does.
#[derive(Clone)]
pub(crate) enum Act {
    Answer(Arc<dyn ErasedShortTool>),
    Submit(Arc<dyn ErasedLongTool>),
}

impl Default for Toolbox {
    fn default() -> Self {
        Self { tools: Vec::new(), job_tools: true, instructions: None }
    }
}

impl Toolbox {
    /// No tools.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Without `get_job` and `cancel_job`, which every service with long tools has otherwise: its own tools do that under
    /// other names.
    #[must_use]
    pub fn without_job_tools(mut self) -> Self {
        self.job_tools = false;
        self
    }

    /// What a client's model reads about the service as a whole.
    #[must_use]
    pub fn instructions(mut self, text: &'static str) -> Self {
        self.instructions = Some(text);
        self
    }

    /// With a tool that answers at once.
    #[must_use]
    pub fn short<T: ShortTool>(mut self, tool: T) -> Self {
        let listing = listing::of_short(&tool);
        self.tools.push(Entry { listing, act: Act::Answer(Arc::new(tool)) });
        self
    }

    /// With a tool whose calls become jobs.
    #[must_use]
    pub fn long<T: LongTool>(mut self, tool: T) -> Self {
        let listing = listing::of_long(&tool);
        self.tools.push(Entry { listing, act: Act::Submit(erase(tool)) });
        self
    }

    /// The long tools, by name.
    pub(crate) fn long_tools(&self) -> Arc<BTreeMap<&'static str, Arc<dyn ErasedLongTool>>> {
        let long = self.tools.iter().filter_map(|entry| match &entry.act {
            Act::Submit(tool) => Some((tool.name(), Arc::clone(tool))),
            Act::Answer(_) => None,
        });
        Arc::new(long.collect())
    }
}

/// A [`ShortTool`] whose types were erased.
pub(crate) trait ErasedShortTool: Send + Sync {
    fn call<'a>(&'a self, caller: &'a Principal, input: Value) -> BoxFuture<'a, Result<Value, Problem>>;
}

impl<T: ShortTool> ErasedShortTool for T {
    fn call<'a>(&'a self, caller: &'a Principal, input: Value) -> BoxFuture<'a, Result<Value, Problem>> {
        Box::pin(async move {
            let output = ShortTool::call(self, caller, arguments(input)?).await?;
            serde_json::to_value(output).map_err(|error| {
                tracing::error!(tool.name = T::NAME, %error, "An answer can't be written as JSON");
                Code::Internal.problem("the answer can't be written")
            })
        })
    }
}

/// A tool's input. Arguments are always an object on the wire: for a tool that takes nothing, an empty one.
fn arguments<I: DeserializeOwned>(given: Value) -> Result<I, Problem> {
    let empty = given.as_object().is_some_and(serde_json::Map::is_empty);
    decode::value(given)
        .or_else(|problem| if empty { decode::value(Value::Null).map_err(|_| problem) } else { Err(problem) })
}
