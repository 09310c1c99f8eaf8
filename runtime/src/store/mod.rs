//! Where jobs, events, effects and artifacts live. All SQL of the runtime is below this module.
//!
//! Leases are counted on the database's clock: SQLite has none of its own and shares its file with one machine only, so there
//! it is the machine's. Every write of a claimed job goes through `Store::write`, `Store::renew`, `Store::next_turn` or
//! `Store::intend`, which check the claim's fencing token in the transaction that writes.

mod row;
mod sqlite;
#[cfg(test)]
mod tests;

pub(crate) use row::{
    Claim, Claimed, Due, Effect, End, Filtered, Intent, Load, NewJob, Outcome, Pause, Submitted, Write,
};

use crate::{Principal, job::JobRecord};
use protocol::{JobId, event::Event};
use sqlite::Sqlite;
use std::{path::Path, sync::Arc, time::Duration};

/// The store of one agent. Cheap to clone. SQLite (WAL) today; the interface is what a MySQL store implements as well.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Backend,
    agent: Arc<str>,
}

/// What went wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said so.
    #[error("the store does not answer")]
    Database(#[from] sqlx::Error),
    /// A stored value does not have the form it was written in.
    #[error("a stored value can't be read")]
    Corrupt(#[from] serde_json::Error),
    /// The caller's fencing token is not the highest any more: another replica has taken the job over.
    #[error("another replica has taken the job over")]
    Fenced,
    /// Somebody asked for the job's end, so it may not go on.
    #[error("the job is being cancelled")]
    Cancelling,
    /// A newer version of the program wrote the store.
    #[error("the store has schema {found}, this program knows up to {known}: use the newer program")]
    Newer {
        /// The store's schema version.
        found: i64,
        /// The highest one that this program knows.
        known: i64,
    },
    /// A turn was asked for by a job that has no lane, or is not at its head.
    #[error("the job does not hold a lane")]
    NoLane,
}

#[derive(Debug, Clone)]
enum Backend {
    Sqlite(Sqlite),
}

/// Calls a method of whichever backend it is.
macro_rules! on {
    ($store:ident.$method:ident($($argument:expr),*)) => {
        match &$store.backend {
            Backend::Sqlite(backend) => backend.$method($($argument),*).await,
        }
    };
}

impl Store {
    /// Opens the SQLite store in this file, creating or upgrading it.
    ///
    /// # Errors
    /// When the file can't be opened, or was written by a newer version.
    pub async fn sqlite(file: &Path) -> Result<Self, StoreError> {
        Ok(Self { backend: Backend::Sqlite(Sqlite::open(file).await?), agent: "".into() })
    }

    /// The same store, seen by this agent: it reads and writes only its own jobs.
    pub(crate) fn of(&self, agent: &str) -> Self {
        Self { backend: self.backend.clone(), agent: agent.into() }
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        on!(self.ping())
    }

    /// Writes a job with its first events, or finds the one with the same key.
    pub(crate) async fn submit(&self, job: &NewJob) -> Result<Submitted, StoreError> {
        on!(self.submit(&self.agent, job))
    }

    /// Claims up to `limit` jobs that are due, after those that wait for one of these peers' jobs were made due.
    pub(crate) async fn claim(
        &self,
        holder: &str,
        lease: Duration,
        limit: usize,
        woken: &[JobId],
    ) -> Result<Vec<Claimed>, StoreError> {
        on!(self.claim(&self.agent, holder, lease, limit, woken))
    }

    /// When the next job is due, and whether one waits for any of these peers' jobs.
    pub(crate) async fn due(&self, woken: &[JobId]) -> Result<Due, StoreError> {
        on!(self.due(&self.agent, woken))
    }

    /// Renews a claim. Says whether the job is being cancelled.
    pub(crate) async fn renew(&self, claim: &Claim, lease: Duration) -> Result<bool, StoreError> {
        on!(self.renew(claim, lease))
    }

    /// Whether a claim still holds, and the job is being cancelled.
    pub(crate) async fn is_cancelling(&self, claim: &Claim) -> Result<bool, StoreError> {
        on!(self.is_cancelling(claim))
    }

    /// A claimed job's write.
    pub(crate) async fn write(&self, claim: &Claim, write: &Write) -> Result<(), StoreError> {
        on!(self.write(claim, write))
    }

    /// The next turn of the job's lane.
    pub(crate) async fn next_turn(&self, claim: &Claim) -> Result<u64, StoreError> {
        on!(self.next_turn(claim))
    }

    /// Stores an effect's intent, or finds what an earlier claim left of it.
    pub(crate) async fn intend(&self, claim: &Claim, effect: &Effect) -> Result<Intent, StoreError> {
        on!(self.intend(claim, effect))
    }

    /// Asks for a job's end. `false` when it has ended, is past its point of no return, or does not exist.
    pub(crate) async fn cancel(&self, id: JobId) -> Result<bool, StoreError> {
        on!(self.cancel(&self.agent, id))
    }

    /// Answers a job that asks. `false` when it does not ask.
    pub(crate) async fn answer(&self, id: JobId, answer: &serde_json::Value) -> Result<bool, StoreError> {
        on!(self.answer(&self.agent, id, answer))
    }

    /// A job, and whether it is past its point of no return.
    pub(crate) async fn get(&self, id: JobId) -> Result<Option<(JobRecord, bool)>, StoreError> {
        on!(self.get(&self.agent, id))
    }

    /// Whose job it is.
    pub(crate) async fn owner(&self, id: JobId) -> Result<Option<Principal>, StoreError> {
        on!(self.owner(&self.agent, id))
    }

    /// Jobs, newest first.
    pub(crate) async fn list(&self, filter: &Filtered) -> Result<Vec<JobRecord>, StoreError> {
        on!(self.list(&self.agent, filter))
    }

    /// Events of a job after this sequence number, in order.
    pub(crate) async fn events(&self, id: JobId, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        on!(self.events(id, after, limit))
    }

    /// What a job kept: of this attempt, or the last one.
    pub(crate) async fn artifact(
        &self,
        id: JobId,
        kind: &str,
        attempt: Option<u32>,
    ) -> Result<Option<serde_json::Value>, StoreError> {
        on!(self.artifact(id, kind, attempt))
    }

    /// How many jobs are open, and for how long the oldest has been queued.
    pub(crate) async fn load(&self) -> Result<Load, StoreError> {
        on!(self.load(&self.agent))
    }

    /// Lets every lease of this agent's running jobs end now, as if their workers had been silent for long.
    #[cfg(test)]
    pub(crate) async fn end_leases(&self) -> Result<(), StoreError> {
        on!(self.end_leases(&self.agent))
    }
}
