//! Tools: what a service can be asked for.

use crate::{
    Principal, decode,
    job::{
        Job, JobError, JobRecord, Question, Reply, Step,
        erased::{ErasedLongTool, erase},
    },
    mcp::listing,
    prompt::Prompt,
    resource::Resources,
};
use futures::future::BoxFuture;
use protocol::{Code, JobId, Problem, Role, event::What};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

/// What a client's user reads about a tool, and what the tool promises.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// A few words.
    pub title: &'static str,
    /// What it does, gives and takes.
    pub description: &'static str,
    /// It changes nothing. Also a matter of permission: [`About::needs`].
    pub read_only: bool,
    /// It can undo or remove what exists.
    pub destructive: bool,
    /// Calling it twice with the same arguments does no more than once.
    pub idempotent: bool,
}

impl About {
    /// What somebody must be to call it: who only looks may not call what changes something.
    #[must_use]
    pub fn needs(&self) -> Role {
        if self.read_only { Role::Viewer } else { Role::Operator }
    }
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

    /// The job that an answer is about: links to what there is to read of it ([`Resources::of_job`]) come with the answer.
    fn job(&self, output: &Self::Output) -> Option<JobId> {
        let _ = output;
        None
    }
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

    /// What a job does, in a sentence that people like to read; its last message ([`Job::say`]) unless the tool knows better.
    fn status(&self, record: &JobRecord) -> Option<String> {
        record.message.clone()
    }

    /// What a job that waits for a person asks, given how it stands: over MCP it is shown as a form. What a job in doubt asks, the
    /// runtime knows itself; a tool may say better how else it is answered.
    fn question(&self, record: &JobRecord) -> Option<Question> {
        let _ = record;
        None
    }

    /// What a reply to that question comes to: what [`Job::answer`] then gives. `None` when it decides nothing.
    ///
    /// # Errors
    /// What is wrong with the reply.
    fn reply(&self, by: &Principal, question: &Question, reply: Reply) -> Result<Option<Value>, Problem> {
        let _ = (by, question, reply);
        Ok(None)
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

/// A tool that waits for a job to end, and shows meanwhile how it goes on. What the job asks a person, it asks those callers who
/// can be asked.
pub trait WaitingTool: Send + Sync + 'static {
    /// Its name on the wire.
    const NAME: &'static str;
    /// What it takes.
    type Input: DeserializeOwned + JsonSchema + Send;
    /// What it gives.
    type Output: Serialize + JsonSchema + Send;

    /// What it says about itself.
    fn about(&self) -> About;

    /// Which job, and how long at most, in seconds: at most [`LONGEST_WAIT`], which is also what absent means.
    fn waits(&self, input: &Self::Input) -> (JobId, Option<u32>);

    /// The job as the caller sees it.
    ///
    /// # Errors
    /// The problem that the caller gets.
    fn output(&self, record: &JobRecord) -> Result<Self::Output, Problem>;
}

/// How long a tool waits at most, in seconds: less than the minute after which the most impatient clients give up.
pub const LONGEST_WAIT: u32 = 45;

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

/// What one service offers over MCP: its tools and prompts, in the order they were added, and its resources.
pub struct Toolbox {
    pub(crate) tools: Vec<Entry>,
    pub(crate) prompts: Vec<Arc<dyn Prompt>>,
    pub(crate) resources: Option<Arc<dyn Resources>>,
    pub(crate) job_tools: bool,
    pub(crate) instructions: Option<&'static str>,
}

/// A tool as the MCP server lists and calls it.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) listing: rmcp::model::Tool,
    pub(crate) needs: Role,
    pub(crate) act: Act,
}

/// What a call of a tool does.
#[derive(Clone)]
pub(crate) enum Act {
    Answer(Arc<dyn ErasedShortTool>),
    Submit(Arc<dyn ErasedLongTool>),
    Wait(Arc<dyn ErasedWaitingTool>),
}

impl Default for Toolbox {
    fn default() -> Self {
        Self { tools: Vec::new(), prompts: Vec::new(), resources: None, job_tools: true, instructions: None }
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
        let (listing, needs) = (listing::of_short(&tool), tool.about().needs());
        self.tools.push(Entry { listing, needs, act: Act::Answer(Arc::new(tool)) });
        self
    }

    /// With a tool whose calls become jobs.
    #[must_use]
    pub fn long<T: LongTool>(mut self, tool: T) -> Self {
        let (listing, needs) = (listing::of_long(&tool), tool.about().needs());
        self.tools.push(Entry { listing, needs, act: Act::Submit(erase(tool)) });
        self
    }

    /// With a tool that waits for jobs.
    #[must_use]
    pub fn waiting<T: WaitingTool>(mut self, tool: T) -> Self {
        let (listing, needs) = (listing::of_waiting(&tool), tool.about().needs());
        self.tools.push(Entry { listing, needs, act: Act::Wait(Arc::new(tool)) });
        self
    }

    /// With a prompt.
    #[must_use]
    pub fn prompt(mut self, prompt: impl Prompt) -> Self {
        self.prompts.push(Arc::new(prompt));
        self
    }

    /// With these resources, and no others.
    #[must_use]
    pub fn resources(mut self, resources: impl Resources) -> Self {
        self.resources = Some(Arc::new(resources));
        self
    }

    /// With what this one has, too; its settings are not looked at.
    pub(crate) fn and(mut self, more: Self) -> Self {
        self.tools.extend(more.tools);
        self.prompts.extend(more.prompts);
        self.resources = more.resources.or(self.resources);
        self
    }

    /// The long tools, by name.
    pub(crate) fn long_tools(&self) -> Arc<BTreeMap<&'static str, Arc<dyn ErasedLongTool>>> {
        let long = self.tools.iter().filter_map(|entry| match &entry.act {
            Act::Submit(tool) => Some((tool.name(), Arc::clone(tool))),
            Act::Answer(_) | Act::Wait(_) => None,
        });
        Arc::new(long.collect())
    }
}

/// A [`ShortTool`] whose types were erased.
pub(crate) trait ErasedShortTool: Send + Sync {
    fn call<'a>(&'a self, caller: &'a Principal, input: Value) -> BoxFuture<'a, Result<Answer, Problem>>;
}

/// What a short tool answers.
pub(crate) struct Answer {
    pub(crate) output: Value,
    /// The job that it is about.
    pub(crate) job: Option<JobId>,
}

impl<T: ShortTool> ErasedShortTool for T {
    fn call<'a>(&'a self, caller: &'a Principal, input: Value) -> BoxFuture<'a, Result<Answer, Problem>> {
        Box::pin(async move {
            let output = ShortTool::call(self, caller, arguments(input)?).await?;
            let job = self.job(&output);
            let output = serde_json::to_value(output).map_err(|error| unwritable(T::NAME, &error))?;
            Ok(Answer { output, job })
        })
    }
}

/// A [`WaitingTool`] whose types were erased.
pub(crate) trait ErasedWaitingTool: Send + Sync {
    /// Which job, and how long.
    fn waits(&self, input: Value) -> Result<(JobId, Duration), Problem>;

    fn output(&self, record: &JobRecord) -> Result<Value, Problem>;
}

impl<T: WaitingTool> ErasedWaitingTool for T {
    fn waits(&self, input: Value) -> Result<(JobId, Duration), Problem> {
        let (job, seconds) = WaitingTool::waits(self, &arguments(input)?);
        let seconds = seconds.unwrap_or(LONGEST_WAIT);
        if !(1..=LONGEST_WAIT).contains(&seconds) {
            return Err(Code::BadRequest.problem(format!("seconds is 1 to {LONGEST_WAIT}")));
        }
        Ok((job, Duration::from_secs(seconds.into())))
    }

    fn output(&self, record: &JobRecord) -> Result<Value, Problem> {
        let output = WaitingTool::output(self, record)?;
        serde_json::to_value(output).map_err(|error| unwritable(T::NAME, &error))
    }
}

fn unwritable(tool: &str, error: &serde_json::Error) -> Problem {
    tracing::error!(tool.name = tool, %error, "An answer can't be written as JSON");
    Code::Internal.problem("the answer can't be written")
}

/// A tool's input. Arguments are always an object on the wire: for a tool that takes nothing, an empty one.
fn arguments<I: DeserializeOwned>(given: Value) -> Result<I, Problem> {
    let empty = given.as_object().is_some_and(serde_json::Map::is_empty);
    decode::value(given)
        .or_else(|problem| if empty { decode::value(Value::Null).map_err(|_| problem) } else { Err(problem) })
}
