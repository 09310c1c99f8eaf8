//! Where jobs, events, effects and artifacts live. All SQL of the runtime is below this module.
//!
//! Leases are counted on the database's clock: SQLite has none of its own and shares its file with one machine only, so there
//! it is the machine's. Every write of a claimed job is, or begins with, the one statement that `write::fenced` makes, which
//! checks the claim's fencing token in the transaction that writes.

mod claim;
mod database;
mod outside;
mod read;
mod row;
mod schema;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use row::{
    Claim, Claimed, Effect, End, Filtered, Intent, Look, NewJob, Outcome, Pause, Submitted, Write,
};

use database::Database;
use std::{path::Path, sync::Arc};

/// The store of one agent. Cheap to clone. A SQLite file on one machine; a MySQL or MariaDB server that many replicas share.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
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
    /// Another replica has been upgrading the schema for ten minutes.
    #[error("another replica is still upgrading the store's schema")]
    Upgrading,
    /// A turn was asked for by a job that has no lane, or is not at its head.
    #[error("the job does not hold a lane")]
    NoLane,
}

impl Store {
    /// Opens the SQLite store in this file, creating or upgrading it.
    ///
    /// # Errors
    /// When the file can't be opened, or was written by a newer version.
    pub async fn sqlite(file: &Path) -> Result<Self, StoreError> {
        Ok(Self { database: Database::sqlite(file).await?, agent: "".into() })
    }

    /// Connects to the MySQL or MariaDB server of this URL (`mysql://user:password@host:port/schema`), with at most so many
    /// connections, and creates or upgrades the store in its schema. Of replicas that start together one does that.
    ///
    /// # Errors
    /// When the server can't be reached, or the store was written by a version that this one can't work with.
    pub async fn mysql(url: &str, connections: u32) -> Result<Self, StoreError> {
        Ok(Self { database: Database::mysql(url, connections).await?, agent: "".into() })
    }

    /// The same store, seen by this agent: it reads and writes only its own jobs.
    pub(crate) fn of(&self, agent: &str) -> Self {
        Self { database: self.database.clone(), agent: agent.into() }
    }
}
