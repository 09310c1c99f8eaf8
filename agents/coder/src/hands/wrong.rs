use protocol::{Problem, chat::ToolCall};
use runtime::JobError;
use serde::de::DeserializeOwned;

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

/// The arguments of a call.
///
/// # Errors
/// [`Wrong::Said`]: where they do not fit, and how.
pub(super) fn arguments<T: DeserializeOwned>(call: &ToolCall) -> Result<T, Wrong> {
    serde_path_to_error::deserialize(&call.arguments).map_err(|error| {
        let inner = error.inner();
        Wrong::Said(match error.path().to_string().as_str() {
            "." => format!("The arguments of {} do not fit: {inner}. Nothing was done; call it again.", call.name),
            path => format!(
                "The arguments of {} do not fit: at {path}: {inner}. Nothing was done; call it again.",
                call.name
            ),
        })
    })
}

/// As much of a text as a model is shown, and whether that is all.
pub(super) fn clip(text: &str, most: usize) -> (&str, bool) {
    if text.len() <= most {
        return (text, true);
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    (&text[..end], false)
}
