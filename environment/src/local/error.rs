use protocol::{Code, Problem};
use std::path::PathBuf;

/// Why the private servers could not start.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// A program is not installed.
    #[error("{program} is not installed; on Debian and Ubuntu: apt-get install {package}")]
    Missing {
        /// The program.
        program: &'static str,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// Somebody else listens on a port that was asked for.
    #[error("port {0} is taken")]
    PortTaken(u16),
    /// A server ended, or did not answer in time; with the end of what it wrote.
    #[error("{server} did not start: {output}")]
    NotStarted {
        /// Which.
        server: &'static str,
        /// The end of its log.
        output: String,
    },
    /// Something about a file.
    #[error("{what} {path}")]
    File {
        /// What was tried, as a phrase.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A process could not be started.
    #[error("cannot start {program}")]
    Spawn {
        /// Which.
        program: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

impl LocalError {
    /// For `map_err`: an error about this file.
    pub(crate) fn file(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }
}

impl From<LocalError> for Problem {
    fn from(error: LocalError) -> Self {
        let code = match &error {
            LocalError::Missing { .. } => Code::MissingPackage,
            LocalError::PortTaken(_) => Code::PortTaken,
            LocalError::File { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => Code::DiskFull,
            LocalError::NotStarted { .. } | LocalError::File { .. } | LocalError::Spawn { .. } => Code::Internal,
        };
        match std::error::Error::source(&error) {
            Some(cause) => code.problem(format!("{error}: {cause}")),
            None => code.problem(error.to_string()),
        }
    }
}
