use super::{
    JobError, Jobs, Resolution,
    erased::{read, written},
};
use crate::{
    Hints, Store,
    credentials::Owner,
    fail,
    store::{Claim, Claimed, NewArtifact, StoreError, Write},
};
use protocol::{Code, Digest, JobId, Timestamp, event::What};
use serde::{Deserialize as _, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// One claimed job, in the hands of the tool that runs it. Every write carries the claim's fencing token.
pub struct Job {
    pub(super) store: Store,
    pub(super) hints: Hints,
    pub(super) claim: Claim,
    owner: Owner,
    started_at: Timestamp,
    answer: Option<Value>,
    /// The last status message, so that saying it again costs nothing.
    said: Mutex<Option<String>>,
    tool: &'static str,
    drain: Drain,
}

/// How a worker that is about to stop and a run agree on where the run stops.
#[derive(Debug, Clone, Default)]
pub(super) struct Drain {
    /// The worker wants its jobs to stop.
    pub(super) wanted: CancellationToken,
    /// The run has come to a good place, and stays there.
    pub(super) parked: CancellationToken,
}

impl Job {
    /// The job's id.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.claim.id
    }

    /// The claim's fencing token: rises with every claim of this job.
    #[must_use]
    pub fn fence(&self) -> u64 {
        self.claim.fence
    }

    /// To whom it belongs: who started it.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// When it was submitted, and when it first left the queue.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// What a person answered since the job asked ([`crate::Wait::Person`]).
    ///
    /// # Errors
    /// When the answer is not an `A`.
    pub fn answer<A: DeserializeOwned>(&self) -> Result<Option<A>, JobError> {
        self.answer.clone().map(|answer| read("answer", answer)).transpose()
    }

    /// Stores a checkpoint and appends events, in one transaction.
    ///
    /// # Errors
    /// [`JobError::Lost`] when the job is not ours any more.
    pub async fn checkpoint<C: Serialize + Sync>(&self, checkpoint: &C, events: Vec<What>) -> Result<(), JobError> {
        let checkpoint = written("checkpoint", checkpoint)?;
        fail::point("checkpoint.before", self.tool);
        self.write(&Write::Checkpoint { checkpoint, events }).await?;
        fail::point("checkpoint.after", self.tool);
        self.park_if_draining().await;
        Ok(())
    }

    /// Like [`Job::checkpoint`], and from here on the job can't be cancelled: [`Jobs::cancel`] answers `releasing`.
    ///
    /// # Errors
    /// [`JobError::Lost`] when the job is not ours any more, or was cancelled just before.
    pub async fn point_of_no_return<C: Serialize + Sync>(
        &self,
        checkpoint: &C,
        events: Vec<What>,
    ) -> Result<(), JobError> {
        let checkpoint = written("checkpoint", checkpoint)?;
        fail::point("commit.before", self.tool);
        self.write(&Write::Commit { checkpoint, events }).await?;
        fail::point("commit.after", self.tool);
        self.park_if_draining().await;
        Ok(())
    }

    /// Says what the job is doing: its status message, and a progress event when it differs from the last one.
    ///
    /// # Errors
    /// [`JobError::Lost`] when the job is not ours any more.
    pub async fn say(&self, message: impl Into<String> + Send) -> Result<(), JobError> {
        let message = message.into();
        if self.said().as_ref() == Some(&message) {
            return Ok(());
        }
        self.write(&Write::Say { message: message.clone() }).await?;
        *self.said() = Some(message);
        Ok(())
    }

    /// The lane's next turn: rises with every call, over all jobs of the lane.
    ///
    /// # Errors
    /// [`JobError::Lost`] when the job is not ours any more.
    pub async fn next_turn(&self) -> Result<u64, JobError> {
        self.store.next_turn(&self.claim).await.map_err(refused)
    }

    /// Stores an artifact under its digest, as this job's `kind` of this attempt. Storing it again changes nothing.
    ///
    /// # Errors
    /// [`JobError::Lost`] when the job is not ours any more.
    pub async fn keep<T: Serialize + Sync>(&self, kind: &str, attempt: u32, artifact: &T) -> Result<Digest, JobError> {
        let artifact = NewArtifact::of(kind, artifact);
        let digest = artifact.digest;
        self.write(&Write::Keep { attempt, artifact }).await?;
        Ok(digest)
    }

    /// An artifact that this job kept: of this attempt, or the last one. `None` when it kept no such thing.
    ///
    /// # Errors
    /// [`JobError::Store`]; [`JobError::Terminal`] when what was kept is not a `T`.
    pub async fn kept<T: DeserializeOwned>(&self, kind: &str, attempt: Option<u32>) -> Result<Option<T>, JobError> {
        let kept = self.store.artifact(self.claim.id, kind, attempt).await?;
        kept.map(|artifact| read(kind, artifact)).transpose()
    }

    /// What a person said of an act of this job that may have taken place.
    pub(super) fn resolution(&self) -> Option<Resolution> {
        self.answer.as_ref().and_then(|answer| Resolution::deserialize(answer).ok())
    }

    pub(super) fn new(jobs: &Jobs, tool: &'static str, claimed: &Claimed, drain: Drain) -> Self {
        let record = &claimed.record;
        Self {
            store: jobs.store.clone(),
            hints: jobs.hints.clone(),
            claim: claimed.claim,
            owner: record.owner.clone(),
            started_at: record.started_at.unwrap_or(record.created_at),
            answer: claimed.answer.clone(),
            said: Mutex::new(record.message.clone()),
            tool,
            drain,
        }
    }

    /// Writes, and tells those who watch the job when there is something to see.
    pub(super) async fn write(&self, write: &Write) -> Result<(), JobError> {
        self.store.write(&self.claim, write).await.map_err(refused)?;
        if write.shows() {
            self.hints.send(self.claim.id);
        }
        Ok(())
    }

    /// When the worker is about to stop, this is as good a place as any: nothing is half done, all is stored.
    pub(super) async fn park_if_draining(&self) {
        if self.drain.wanted.is_cancelled() {
            self.drain.parked.cancel();
            std::future::pending::<()>().await;
        }
    }

    fn said(&self) -> MutexGuard<'_, Option<String>> {
        // Nothing panics while it is held.
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a store's refusal means to the tool that runs.
pub(super) fn refused(error: StoreError) -> JobError {
    match error {
        StoreError::Fenced | StoreError::Cancelling => JobError::Lost,
        StoreError::NoLane => JobError::Terminal(Code::Internal.problem("The job holds no lane and has no turns.")),
        error => JobError::Store(error),
    }
}
