use super::{cache::CacheError, database::DatabaseError};
use crate::local::LocalError;
use protocol::{Code, Problem};
use std::{io, path::PathBuf};

/// What can go wrong in the host.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The call is refused, or cannot be carried out now.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// Something about a file.
    #[error("{what} {path}")]
    File {
        /// What was tried, as a phrase.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The environment's MySQL.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The environment's Redis.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A program of the machine.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// A newer writer ended this one, or the process stops.
    #[error("the act was broken off")]
    BrokenOff,
}

impl HostError {
    /// For `map_err`: an error about this file.
    pub(crate) fn file(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }
}

impl From<Problem> for HostError {
    fn from(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}

impl From<HostError> for Problem {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Refused(problem) => *problem,
            HostError::Database(error) => error.into(),
            HostError::Cache(error) => error.into(),
            HostError::Local(error) => error.into(),
            HostError::BrokenOff => Code::StaleEpoch.problem("a later owner ended this act"),
            HostError::File { what, path, source } => {
                tracing::error!(file.path = %path.display(), error = %source, "The host {what} a file");
                match source.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        Code::DiskFull.problem("nothing was changed; make room in the document root and try again")
                    }
                    _ => Code::Internal.problem(format!("the host {what} one of its files")),
                }
            }
        }
    }
}
