//! Where jobs, events, effects and artifacts live. All SQL of the runtime is below this module.
//!
//! Leases are counted on the database's clock: SQLite has none of its own and shares its file with one machine only, so there
//! it is the machine's. Every write of a claimed job is, or begins with, the one statement that `write::fenced` makes, which
//! checks the claim's fencing token in the transaction that writes.

mod api_keys;
mod asks;
mod claim;
mod clear;
mod database;
mod outside;
mod read;
mod row;
mod schema;
mod secret;
#[cfg(test)]
pub(crate) mod tests;
mod write;

pub(crate) use api_keys::{NewApiKey, Which};
pub(crate) use clear::Cleared;
pub(crate) use row::{
    Asking, Claim, Claimed, Effect, End, Filtered, Intent, Look, NewArtifact, NewJob, Outcome, Pause, Recorded,
    Submitted, Write,
};

use database::Database;
use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

/// The store of one agent. Cheap to clone. A SQLite file on one machine; a MySQL or MariaDB server that many replicas share.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
    agent: Arc<str>,
}

/// Where a store is.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// In a SQLite file.
    File(PathBuf),
    /// In a schema of a MySQL or MariaDB server.
    Server {
        /// `mysql://user:password@host:port/schema`.
        url: String,
        /// At most so many connections.
        connections: u32,
    },
}

impl StoreLocation {
    /// Connections of one process to a server, unless told: with every replica at its most, they stay below 70 % of what a
    /// server takes by default (151).
    pub const CONNECTIONS: u32 = 8;
}

impl FromStr for StoreLocation {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(server) = text.strip_prefix("mysql://") {
            return match server.split_once('/') {
                Some((host, schema))
                    if !host.is_empty() && !schema.split('?').next().unwrap_or_default().is_empty() =>
                {
                    Ok(Self::Server { url: text.to_owned(), connections: Self::CONNECTIONS })
                }
                _ => Err("expected mysql://user:password@host:port/schema"),
            };
        }
        let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")).unwrap_or(text);
        if path.is_empty() || path.contains("://") {
            return Err("expected mysql://user:password@host:port/schema, sqlite:///path/to/file, or a path");
        }
        Ok(Self::File(PathBuf::from(path)))
    }
}

/// Shows no password.
impl fmt::Debug for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Server { url, .. } => write!(f, "mysql://{}", url.rsplit('@').next().unwrap_or_default()),
        }
    }
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

impl StoreError {
    /// The server does not answer, or its name is not known: it may have yet to start.
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut))
    }
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

    /// Opens the store that a URL names: `mysql://user:password@host:port/schema`, `sqlite:///path/to/file`, or a path.
    ///
    /// # Errors
    /// As [`Store::sqlite`] and [`Store::mysql`].
    pub async fn open(location: &StoreLocation) -> Result<Self, StoreError> {
        match location {
            StoreLocation::File(file) => Self::sqlite(file).await,
            StoreLocation::Server { url, connections } => Self::mysql(url, *connections).await,
        }
    }

    /// Whose jobs it reads and writes.
    pub(crate) fn agent(&self) -> &str {
        &self.agent
    }

    /// The same store, seen by this agent: it reads and writes only its own jobs.
    pub(crate) fn of(&self, agent: &str) -> Self {
        Self { database: self.database.clone(), agent: agent.into() }
    }
}
