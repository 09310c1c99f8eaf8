//! What goes into the store and comes out of it.

use crate::{
    credentials::{Owner, Principal},
    job::JobRecord,
    telemetry::TraceContext,
};
use protocol::{Digest, JobId, Problem, Timestamp, digest::canonical_json, event::What};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// A claim on a job: what every write of its worker carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) id: JobId,
    pub(crate) fence: u64,
    /// Whether the job is in a lane, which its end leaves to the next one.
    pub(crate) in_lane: bool,
}

/// A job that is about to be written.
#[derive(Debug, Clone)]
pub(crate) struct NewJob {
    pub(crate) tool: &'static str,
    pub(crate) owner: Owner,
    pub(crate) key: Option<String>,
    pub(crate) input_digest: Digest,
    pub(crate) input: Value,
    /// What it keeps from the start, as attempt 0.
    pub(crate) artifacts: Vec<NewArtifact>,
    pub(crate) lane: Option<String>,
    /// Whom it is done for, when that is not its owner.
    pub(crate) share: Option<String>,
    pub(crate) events: Vec<What>,
    /// What its runs continue from: where in a trace it was submitted.
    pub(crate) trace: Option<TraceContext>,
}

/// An artifact that is about to be kept.
#[derive(Debug, Clone)]
pub(crate) struct NewArtifact {
    pub(crate) kind: String,
    pub(crate) digest: Digest,
    /// Canonical JSON.
    pub(crate) body: String,
}

impl NewArtifact {
    pub(crate) fn of(kind: &str, artifact: &impl Serialize) -> Self {
        let body = canonical_json(artifact);
        let digest = Digest::of_bytes(&body);
        // JSON is UTF-8.
        Self { kind: kind.to_owned(), digest, body: String::from_utf8_lossy(&body).into_owned() }
    }
}

/// What became of a [`NewJob`].
#[derive(Debug)]
pub(crate) enum Submitted {
    /// It was written.
    New(JobRecord),
    /// It had been written before.
    Known(JobRecord),
    /// Its key was used with another input.
    Conflict,
}

/// A job in the hands of a worker.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) claim: Claim,
    pub(crate) record: JobRecord,
    pub(crate) answer: Option<Value>,
    pub(crate) cancelling: bool,
    /// Past its point of no return.
    pub(crate) committed: bool,
    pub(crate) failures: u32,
    pub(crate) lost_leases: u32,
    pub(crate) polls: u32,
    /// The peer's job that it waited for last.
    pub(crate) peer: Option<JobId>,
    /// What the run continues from.
    pub(crate) trace: Option<TraceContext>,
}

/// What a look for jobs to claim gave.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) claimed: Vec<Claimed>,
    /// How long until the next job was due, as it was before.
    pub(crate) next: Option<Duration>,
}

/// A write of a claimed job.
#[derive(Debug)]
pub(crate) enum Write {
    /// A checkpoint and events.
    Checkpoint { checkpoint: Value, events: Vec<What> },
    /// The same, unless the job is being cancelled; from here on it can't be.
    Commit { checkpoint: Value, events: Vec<What> },
    /// A status message and its event.
    Say { message: String },
    /// An artifact.
    Keep { attempt: u32, artifact: NewArtifact },
    /// What came of an effect.
    Outcome { key: String, outcome: Outcome },
    /// Lets go, and waits.
    Wait { checkpoint: Value, pause: Pause },
    /// Lets go, and waits for a person because an effect is in doubt.
    Doubt { message: String, events: Vec<What> },
    /// Lets go after an error, to be tried again.
    Retry { after: Duration, failures: u32 },
    /// The same of a job that is being cancelled, and whose clean-up went wrong.
    RetryCleanup { after: Duration, failures: u32 },
    /// Lets go of a job that has done nothing wrong.
    HandBack,
    /// The job ended.
    End { end: End, events: Vec<What> },
}

/// What a job that let go waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pause {
    /// A peer's job; looked at again after this time, having been looked at so often.
    Peer { job: JobId, after: Duration, polls: u32 },
    /// A person.
    Person,
    /// A moment.
    Until(Timestamp),
}

/// What a job that asks is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asking {
    /// Something that a person decides.
    Person,
    /// An act that may have taken place.
    InDoubt,
}

/// How a job ended.
#[derive(Debug)]
pub(crate) enum End {
    Done(Value),
    Failed(Problem),
    Cancelled,
}

/// An act that is about to take place.
#[derive(Debug)]
pub(crate) struct Effect {
    pub(crate) key: String,
    pub(crate) request: Value,
}

/// What the ledger knew of an effect before.
#[derive(Debug)]
pub(crate) enum Intent {
    /// Nothing.
    New,
    /// It was intended.
    Open,
    /// It came to this.
    Ended(Outcome),
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Done(Value),
    Failed(Problem),
}

/// An act as the ledger tells of it.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) request: Value,
    /// What came of it, if anybody knows.
    pub(crate) outcome: Option<Outcome>,
}

/// Which jobs to list.
#[derive(Debug)]
pub(crate) struct Filtered {
    pub(crate) tools: Vec<&'static str>,
    pub(crate) lane: Option<String>,
    pub(crate) status: Option<&'static str>,
    pub(crate) before: Option<JobId>,
    pub(crate) limit: u32,
    /// Those that it may see.
    pub(crate) viewer: Principal,
}

/// How much there is to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// Queued, and nothing is in their way.
    pub(crate) queued: u64,
    /// Queued behind another of their lane.
    pub(crate) blocked: u64,
    pub(crate) running: u64,
    pub(crate) waiting: u64,
    pub(crate) asking: u64,
    pub(crate) in_doubt: u64,
    /// How long the oldest queued job that nothing blocks has been due.
    pub(crate) oldest: Duration,
}
