//! What a language model can do while it designs: read the live release, and submit.

mod read;
mod submit;

use crate::app::App;
use protocol::{
    Digest,
    artifact::{Design, Plan},
    chat::ToolCall,
};
use read::{ReadFiles, Search};
use runtime::{
    Job, JobError,
    model::{Did, Hands, ToolSpec, arguments},
};
use submit::Submitted;

/// The app on one side, the plan on the other.
pub(crate) struct Desk<'a> {
    job: &'a Job,
    app: App<'a>,
    plan: &'a Plan,
    base: Option<Digest>,
    /// Migrations that the live schema has seen.
    applied: &'a [String],
}

/// Everything that can be called.
pub(crate) fn tools() -> Vec<ToolSpec> {
    vec![
        ToolSpec::of::<ReadFiles>("read_files", "Shows text files of the live release, exactly as they are."),
        ToolSpec::of::<Search>(
            "search",
            "Finds lines in all text files of the live release; shows path, line number and text.",
        ),
        ToolSpec::of::<Submitted>(
            "submit_design",
            "Hands in the whole design, and ends your work when it holds together. Otherwise it says what does not.",
        ),
    ]
}

impl<'a> Desk<'a> {
    pub(crate) fn new(job: &'a Job, app: App<'a>, plan: &'a Plan, base: Option<Digest>, applied: &'a [String]) -> Self {
        Self { job, app, plan, base, applied }
    }

    fn submit(&self, submitted: Submitted) -> Did<Design> {
        match submitted.checked(self.plan, self.applied) {
            Ok(submitted) => Did::Finished(submitted.design(Digest::of(self.plan), self.base)),
            Err(why) => Did::Said(format!("Not accepted:\n{why}\nSubmit the whole design again, corrected.")),
        }
    }
}

impl Hands for Desk<'_> {
    type Outcome = Design;

    async fn call(&mut self, call: &ToolCall) -> Result<Did<Design>, JobError> {
        Ok(match call.name.as_str() {
            "read_files" => Did::Said(match arguments(call) {
                Ok(files) => self.show(&files).await?,
                Err(wrong) => wrong,
            }),
            "search" => Did::Said(match arguments(call) {
                Ok(search) => self.search(&search).await?,
                Err(wrong) => wrong,
            }),
            "submit_design" => match arguments(call) {
                Ok(submitted) => self.submit(submitted),
                Err(wrong) => Did::Said(wrong),
            },
            other => Did::Said(format!("There is no tool {other:?}.")),
        })
    }

    /// Nothing that it did before matters now: it only read.
    async fn again(&mut self, _call: &ToolCall, _said: &str) -> Result<(), JobError> {
        Ok(())
    }
}
