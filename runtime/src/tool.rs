//! Tools: what a service can be asked for.

use crate::{
    Principal,
    job::{Job, JobError, Step},
};
use protocol::{Problem, event::What};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use std::future::Future;

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

    /// The events that end a job which failed for good, whoever gave it up (the tool itself, or the runtime after too many
    /// lost leases).
    fn failed(&self, input: &Self::Input, checkpoint: Option<&Self::Checkpoint>, problem: &Problem) -> Vec<What> {
        let _ = (input, checkpoint, problem);
        Vec::new()
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
}

/// The tools of one service, by name, in the order they were added.
#[derive(Default)]
pub struct Toolbox {
    // Filled in by the MCP server's own erased tool type.
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
    pub fn without_job_tools(self) -> Self {
        todo!()
    }

    /// What a client's model reads about the service as a whole.
    #[must_use]
    pub fn instructions(self, _text: &'static str) -> Self {
        todo!()
    }

    /// With a tool that answers at once.
    #[must_use]
    pub fn short<T: ShortTool>(self, _tool: T) -> Self {
        todo!()
    }

    /// With a tool whose calls become jobs.
    #[must_use]
    pub fn long<T: LongTool>(self, _tool: T) -> Self {
        todo!()
    }
}
