//! Durable runs of long tools.

pub(crate) mod erased;
pub mod worker;

use crate::{Hints, Principal, Store, store::StoreError};
use erased::ErasedLongTool;
use protocol::{
    AppName, Digest, JobId, Problem, Timestamp,
    event::{Event, What},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

/// What a run of a long tool came to.
#[derive(Debug)]
pub enum Step<C, O> {
    /// The job is done. The events are its last.
    Done(O, Vec<What>),
    /// The job waits, without holding a worker, and runs again from this checkpoint.
    Wait(C, Wait),
}

/// What a job waits for. Whatever it is, it is also over when a hint or an answer comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// A peer's job. Runs again when a hint says that something happened to it, at the latest after the poll interval.
    Peer(JobId),
    /// A person: runs again when [`Jobs::answer`] is called.
    Person,
    /// A moment.
    Until(Timestamp),
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Try again after a pause; after [`Timing::max_failures`] of these in a row the job fails with this problem.
    #[error("will be tried again: {0}")]
    Retryable(Problem),
    /// Try again not before this pause. Does not count as a failure.
    #[error("told to wait {1:?}: {0}")]
    RateLimited(Problem, Duration),
    /// The job fails with this problem.
    #[error("failed for good: {0}")]
    Terminal(Problem),
    /// An effect may or may not have taken place and cannot be probed: a person decides.
    #[error("in doubt: {0}")]
    InDoubt(Problem),
    /// This worker lost the job: it stops without a trace.
    #[error("the job is not ours any more")]
    Lost,
    /// The store did not answer; counts as retryable.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Retryable when its code says so, terminal otherwise.
impl From<Problem> for JobError {
    fn from(problem: Problem) -> Self {
        if problem.code.is_retryable() { Self::Retryable(problem) } else { Self::Terminal(problem) }
    }
}

/// Leases and pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long a claim holds without a heartbeat: 30 s.
    pub lease: Duration,
    /// How often it is renewed: 10 s.
    pub heartbeat: Duration,
    /// How often a waiting job looks at its peer, and a worker at the store, when no hint comes: 1 s.
    pub poll: Duration,
    /// The first pause after a retryable error, doubled each time, with full jitter: 0.5 s.
    pub backoff: Duration,
    /// Retryable errors in a row before the job fails: 5.
    pub max_failures: u32,
    /// Lost leases before the job fails with [`protocol::Code::WorkerLost`]: 3.
    pub max_lost_leases: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            heartbeat: Duration::from_secs(10),
            poll: Duration::from_secs(1),
            backoff: Duration::from_millis(500),
            max_failures: 5,
            max_lost_leases: 3,
        }
    }
}

/// One claimed job, in the hands of the tool that runs it. Every write carries the claim's fencing token.
pub struct Job {
    // ...
}

impl Job {
    /// The job's id.
    #[must_use]
    pub fn id(&self) -> JobId {
        todo!()
    }

    /// The claim's fencing token: rises with every claim of this job.
    #[must_use]
    pub fn fence(&self) -> u64 {
        todo!()
    }

    /// Who started it.
    #[must_use]
    pub fn caller(&self) -> &Principal {
        todo!()
    }

    /// When it was submitted, and when it first left the queue.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        todo!()
    }

    /// What a person answered since the job asked ([`Wait::Person`]).
    ///
    /// # Errors
    /// When the answer is not an `A`.
    pub fn answer<A: DeserializeOwned>(&self) -> Result<Option<A>, JobError> {
        todo!()
    }

    /// Stores a checkpoint and appends events, in one transaction.
    ///
    /// # Errors
    /// [`JobError::Lost`] when the job is not ours any more.
    pub async fn checkpoint<C: Serialize + Sync>(&self, _checkpoint: &C, _events: Vec<What>) -> Result<(), JobError> {
        todo!()
    }

    /// Like [`Job::checkpoint`], and from here on the job can't be cancelled: [`Jobs::cancel`] answers `releasing`.
    ///
    /// # Errors
    /// [`JobError::Lost`] when the job is not ours any more, or was cancelled just before.
    pub async fn point_of_no_return<C: Serialize + Sync>(
        &self,
        _checkpoint: &C,
        _events: Vec<What>,
    ) -> Result<(), JobError> {
        todo!()
    }

    /// Says what the job is doing: its status message, and a progress event when it differs from the last one.
    ///
    /// # Errors
    /// [`JobError::Lost`] when the job is not ours any more.
    pub async fn say(&self, _message: impl Into<String> + Send) -> Result<(), JobError> {
        todo!()
    }

    /// The lane's next turn: rises with every call, over all jobs of the lane.
    ///
    /// # Errors
    /// [`JobError::Lost`] when the job is not ours any more.
    pub async fn next_turn(&self) -> Result<u64, JobError> {
        todo!()
    }

    /// Stores an artifact under its digest, as this job's `kind` of this attempt. Storing it again changes nothing.
    ///
    /// # Errors
    /// [`JobError::Lost`] when the job is not ours any more.
    pub async fn keep<T: Serialize + Sync>(
        &self,
        _kind: &str,
        _attempt: u32,
        _artifact: &T,
    ) -> Result<Digest, JobError> {
        todo!()
    }

    /// An artifact that this job kept: of this attempt, or the last one. `None` when it kept no such thing.
    ///
    /// # Errors
    /// [`JobError::Store`]; [`JobError::Terminal`] when what was kept is not a `T`.
    pub async fn kept<T: DeserializeOwned>(&self, _kind: &str, _attempt: Option<u32>) -> Result<Option<T>, JobError> {
        todo!()
    }

    /// Acts on the outside world exactly once: the intent is stored before `act` is polled, the outcome after. When an earlier
    /// run left an outcome, that is the answer. When it left only the intent, `probe` says whether the act took place.
    ///
    /// Both futures are lazy: only the one that is needed is polled.
    ///
    /// # Errors
    /// What `probe` or `act` says (a terminal error of `act` is an outcome, too), [`JobError::InDoubt`], [`JobError::Lost`].
    pub async fn effect<T: Serialize + DeserializeOwned + Send>(
        &self,
        _key: &str,
        _request: &(impl Serialize + Sync),
        _probe: impl Future<Output = Result<Probe<T>, JobError>> + Send,
        _act: impl Future<Output = Result<T, JobError>> + Send,
    ) -> Result<T, JobError> {
        todo!()
    }
}

/// What a look at the world says about an act that may have taken place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe<T> {
    /// It did, and this came of it.
    Done(T),
    /// It did not, or doing it again does no more than once.
    NotDone,
    /// Nobody can tell.
    Unknown,
}

/// A service's jobs, seen from outside. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Jobs {
    // store, hints
}

/// A job as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// The id.
    pub id: JobId,
    /// The tool.
    pub tool: String,
    /// Who started it.
    pub owner: Principal,
    /// The lane it runs in.
    pub lane: Option<String>,
    /// How far it is.
    pub status: JobStatus,
    /// What it is doing, in a sentence.
    pub message: Option<String>,
    /// What it was called with.
    pub input: serde_json::Value,
    /// Its last checkpoint.
    pub checkpoint: Option<serde_json::Value>,
    /// When it was written, last changed, first claimed, and ended.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// First claim.
    pub started_at: Option<Timestamp>,
    /// End.
    pub ended_at: Option<Timestamp>,
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq)]
pub enum JobStatus {
    /// Nobody has claimed it yet.
    Queued,
    /// A worker has it, or it waits for a peer, a moment, a retry.
    Running,
    /// It waits for a person.
    Asking,
    /// It ended well.
    Done(serde_json::Value),
    /// It ended badly.
    Failed(Problem),
    /// It was cancelled.
    Cancelled,
}

/// Which jobs, newest first.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of these tools; all when empty.
    pub tools: Vec<&'static str>,
    /// In this lane.
    pub lane: Option<AppName>,
    /// `queued`, `running`, `asking`, `done`, `failed`, `cancelled`.
    pub status: Option<&'static str>,
    /// Older than this one.
    pub before: Option<JobId>,
    /// At most this many.
    pub limit: u32,
}

impl Jobs {
    /// The jobs of this agent in this store, run by these tools.
    pub(crate) fn new(
        _store: Store,
        _agent: &'static str,
        _tools: Arc<BTreeMap<&'static str, Arc<dyn ErasedLongTool>>>,
        _hints: Hints,
        _timing: Timing,
    ) -> Self {
        todo!()
    }

    /// Writes a job, or finds the one that the same caller wrote under the same key. Checked by the tool's `admit` first.
    ///
    /// # Errors
    /// What `admit` says; [`protocol::Code::IdempotencyConflict`] when the key was used with another input;
    /// [`protocol::Code::NotFound`] for an unknown tool; [`protocol::Code::BadRequest`] for an input of another shape.
    pub async fn submit(
        &self,
        _caller: &Principal,
        _tool: &str,
        _idempotency_key: Option<&str>,
        _input: serde_json::Value,
    ) -> Result<JobRecord, Problem> {
        todo!()
    }

    /// A job as it stands. A service sees only its own jobs; people see those of every person (roles come later).
    ///
    /// # Errors
    /// [`protocol::Code::NotFound`], also for a job that is not the caller's.
    pub async fn get(&self, _caller: &Principal, _id: JobId) -> Result<JobRecord, Problem> {
        todo!()
    }

    /// Jobs, newest first.
    ///
    /// # Errors
    /// [`protocol::Code::StoreUnavailable`].
    pub async fn list(&self, _caller: &Principal, _filter: Filter) -> Result<Vec<JobRecord>, Problem> {
        todo!()
    }

    /// Asks for a job to end. What was running is dropped; the tool's `cancelled` cleans up; then the job is `Cancelled`.
    ///
    /// # Errors
    /// [`protocol::Code::AlreadyFinished`], [`protocol::Code::Releasing`], [`protocol::Code::NotFound`].
    pub async fn cancel(&self, _caller: &Principal, _id: JobId) -> Result<JobRecord, Problem> {
        todo!()
    }

    /// Answers a job that waits for a person, and wakes it.
    ///
    /// # Errors
    /// [`protocol::Code::NotWaiting`], [`protocol::Code::NotFound`].
    pub async fn answer<A: Serialize + Sync>(
        &self,
        _caller: &Principal,
        _id: JobId,
        _answer: &A,
    ) -> Result<JobRecord, Problem> {
        todo!()
    }

    /// The job's events after this sequence number, at most 500, in order.
    ///
    /// # Errors
    /// [`protocol::Code::NotFound`].
    pub async fn events(&self, _caller: &Principal, _id: JobId, _after: u64) -> Result<Vec<Event>, Problem> {
        todo!()
    }

    /// Returns when something may have happened to the job since the call, at the latest after the poll interval. Subscribe
    /// (call it, without awaiting) before looking, so that nothing is missed.
    pub fn changed(&self, _id: JobId) -> impl Future<Output = ()> + Send + 'static {
        async { todo!() }
    }

    /// An artifact that a job kept: of this attempt, or the last one.
    ///
    /// # Errors
    /// [`protocol::Code::NotFound`].
    pub async fn artifact(
        &self,
        _caller: &Principal,
        _id: JobId,
        _kind: &str,
        _attempt: Option<u32>,
    ) -> Result<serde_json::Value, Problem> {
        todo!()
    }
}
