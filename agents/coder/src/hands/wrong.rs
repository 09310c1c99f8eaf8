use protocol::Problem;
use runtime::JobError;

/// Why a tool call came to nothing.
#[derive(Debug)]
pub(super) enum Wrong {
    /// The model can do better; it is told this.
    Said(String),
    /// The work cannot go on.
    Job(JobError),
}

impl From<JobError> for Wrong {
    fn from(error: JobError) -> Self {
        Self::Job(error)
    }
}

impl From<Problem> for Wrong {
    fn from(problem: Problem) -> Self {
        Self::Job(problem.into())
    }
}

impl From<String> for Wrong {
    fn from(text: String) -> Self {
        Self::Said(text)
    }
}
