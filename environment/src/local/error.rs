use protocol::{Code, Problem};
use std::{io::ErrorKind, path::PathBuf};

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
    /// A port that was asked for cannot be used, by this user at least.
    #[error("port {port} cannot be used")]
    Port {
        /// Which.
        port: u16,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
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
            LocalError::Port { .. } => Code::BadConfiguration,
            LocalError::File { source, .. }
                if matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) =>
            {
                Code::DiskFull
            }
            LocalError::NotStarted { .. } | LocalError::File { .. } | LocalError::Spawn { .. } => Code::Internal,
        };
        match std::error::Error::source(&error) {
            Some(cause) => code.problem(format!("{error}: {cause}")),
            None => code.problem(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_the_servers_from_starting_has_a_code_and_the_way_out() {
        let file = |kind: ErrorKind| LocalError::file("cannot write", "/x")(kind.into());
        let denied = LocalError::Port { port: 80, source: ErrorKind::PermissionDenied.into() };
        let cases = [
            (LocalError::Missing { program: "nginx", package: "nginx-light" }, Code::MissingPackage, "nginx-light"),
            (LocalError::PortTaken(80), Code::PortTaken, "80"),
            (denied, Code::BadConfiguration, "permission denied"),
            (file(ErrorKind::StorageFull), Code::DiskFull, "/x"),
            (file(ErrorKind::QuotaExceeded), Code::DiskFull, "/x"),
            (file(ErrorKind::PermissionDenied), Code::Internal, "/x"),
        ];
        for (error, code, says) in cases {
            let problem = Problem::from(error);
            assert_eq!(problem.code, code, "{problem}");
            assert!(problem.detail.contains(says), "{problem}");
        }
    }
}
