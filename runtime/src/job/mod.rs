//! Durable runs of long tools.
//!
//! A call of a long tool is one row. [`Jobs`] writes it and looks at it from outside; a [`worker`] claims it under a lease with a
//! fencing token and runs the tool with a [`Job`] in hand, through which every write goes. A run ends in a [`Step`] or a
//! [`JobError`]; what becomes of the job then is decided in one place (`run`).

mod ask;
mod context;
mod effect;
pub(crate) mod erased;
mod jobs;
mod lease;
mod question;
mod queue;
mod replies;
mod run;
#[cfg(test)]
pub(crate) mod tests;
pub mod worker;

pub use context::Job;
pub use effect::Probe;
pub use jobs::{Jobs, Order};
pub(crate) use jobs::{over, unavailable};
pub use question::{Field, Question, Replied, Reply, Takes};
pub(crate) use run::part_of;

use crate::{credentials::Owner, store::StoreError};
use protocol::{AppName, Digest, JobId, Problem, Timestamp, event::What};
use serde::{Deserialize, Serialize};
use std::time::Duration;

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
    /// A person: runs again when [`Jobs::answer`] is called, or [`Jobs::reply`] with a reply to [`crate::LongTool::question`].
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

/// What a person, having looked, says of an act that may have taken place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// Do it again.
    Again,
    /// Leave it, and fail.
    GiveUp,
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

impl Timing {
    /// For tests: a lease of 2 s, and everything else to match.
    #[must_use]
    pub fn short() -> Self {
        Self {
            lease: Duration::from_secs(2),
            heartbeat: Duration::from_millis(500),
            poll: Duration::from_millis(200),
            backoff: Duration::from_millis(20),
            ..Self::default()
        }
    }
}

/// A job as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// The id.
    pub id: JobId,
    /// The tool.
    pub tool: String,
    /// Who started it.
    pub owner: Owner,
    /// The lane it runs in.
    pub lane: Option<String>,
    /// How far it is.
    pub status: JobStatus,
    /// A person has answered it or asked for its end, and it has not come further since.
    pub answered: bool,
    /// What it is doing, in a sentence.
    pub message: Option<String>,
    /// What it was called with.
    pub input: serde_json::Value,
    /// Its last checkpoint.
    pub checkpoint: Option<serde_json::Value>,
    /// The fencing token of its last claim.
    pub fence: u64,
    /// How many events it has.
    pub events: u64,
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
    /// It waits for a person, who has not yet said anything.
    Asking,
    /// An act may or may not have taken place, and a person decides ([`Jobs::resolve`]).
    InDoubt,
    /// It ended well.
    Done(serde_json::Value),
    /// It ended badly.
    Failed(Problem),
    /// It was cancelled.
    Cancelled,
}

/// What a job has kept under a name ([`Job::keep`]): the last round's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The name.
    pub kind: String,
    /// Another one for every other artifact.
    pub digest: Digest,
    /// Bytes of its JSON, written without spaces.
    pub size: u64,
}

/// Which jobs, newest first.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of these tools; all when empty.
    pub tools: Vec<&'static str>,
    /// In this lane.
    pub lane: Option<AppName>,
    /// `queued`, `running`, `asking` (in doubt, too), `done`, `failed`, `cancelled`.
    pub status: Option<&'static str>,
    /// Older than this one.
    pub before: Option<JobId>,
    /// At most this many.
    pub limit: u32,
}
