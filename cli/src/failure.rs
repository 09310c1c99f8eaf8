use crate::output::out;
use console::style;
use protocol::{Code, Problem};
use std::{io, process::ExitCode};

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Yonin said no, with a code that has a page of its own.
    #[error("{0}")]
    Problem(Problem),
    /// The command can't be understood, or there is nobody to send it to.
    #[error("{0}")]
    Usage(String),
    /// Yonin does not answer, or not as it should.
    #[error("{what}")]
    Unreachable {
        /// What was tried.
        what: String,
        /// What came of it.
        #[source]
        source: reqwest::Error,
    },
    /// The system said no.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// What came of it.
        #[source]
        source: io::Error,
    },
    /// Ctrl-C. The text says what goes on nevertheless.
    #[error("{0}")]
    Interrupted(String),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<io::Error> for Failure {
    fn from(source: io::Error) -> Self {
        Self::Io { what: "the system refused".to_owned(), source }
    }
}

impl Failure {
    /// An error of the system, with what was tried.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        |source| Self::Io { what, source }
    }

    /// Tells a person, or with `json` a program, and gives the exit code.
    #[must_use]
    pub fn report(&self, json: bool) -> ExitCode {
        match self {
            Self::Problem(problem) if json => {
                // Standard output is gone: the exit code is what is left to say it with.
                let _ = out(serde_json::json!(problem).to_string() + "\n");
            }
            Self::Problem(problem) => eprintln!("{}", explained(problem)),
            other => {
                eprintln!("{} {other}", style("error:").for_stderr().red().bold());
                let mut cause = std::error::Error::source(other);
                while let Some(error) = cause {
                    eprintln!("  {error}");
                    cause = error.source();
                }
            }
        }
        ExitCode::from(self.exit_code())
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Problem(problem) if problem.code == Code::BadConfiguration => 2,
            Self::Problem(_) | Self::Unreachable { .. } | Self::Io { .. } => 1,
            Self::Usage(_) => 2,
            Self::Interrupted(_) => 130,
        }
    }
}

/// A problem for people: what, this time, and where to read on.
pub(crate) fn explained(problem: &Problem) -> String {
    let Problem { title, detail, code, status, .. } = problem;
    let label = style("error:").for_stderr().red().bold();
    format!("{label} {title}\n  {detail}\n  code {code} (HTTP {status}), see docs/errors/{code}.md")
}
