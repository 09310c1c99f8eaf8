//! What a language model can do while it designs: read the live release, and submit.

mod submit;

use environment::files::{Live, Look, Whose};
use protocol::{
    Digest,
    artifact::{Design, Plan},
    chat::ToolCall,
};
use runtime::{
    Job, JobError,
    model::{Did, Hands, ToolSpec, arguments},
};
use submit::Submitted;

/// The app on one side, the plan on the other.
pub(crate) struct Desk<'a> {
    job: &'a Job,
    app: Live<'a>,
    plan: &'a Plan,
    base: Option<Digest>,
    /// Migrations that the live schema has seen.
    applied: &'a [String],
}

/// Everything that can be called.
pub(crate) fn tools() -> Vec<ToolSpec> {
    let submit = ToolSpec::of::<Submitted>(
        "submit_design",
        "Hands in the whole design, and ends your work when it holds together. Otherwise it says what does not.",
    );
    [Look::tools(Whose::Live), vec![submit]].concat()
}

impl<'a> Desk<'a> {
    pub(crate) fn new(
        job: &'a Job,
        app: Live<'a>,
        plan: &'a Plan,
        base: Option<Digest>,
        applied: &'a [String],
    ) -> Self {
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
        Ok(match Look::of(call, Whose::Live) {
            Err(wrong) => Did::Said(wrong),
            Ok(Some(look)) => Did::Said(look.at(&mut self.app, self.job.id()).await?),
            Ok(None) if call.name == "submit_design" => match arguments(call) {
                Ok(submitted) => self.submit(submitted),
                Err(wrong) => Did::Said(wrong),
            },
            Ok(None) => Did::Said(format!("There is no tool {:?}.", call.name)),
        })
    }

    /// Nothing that it did before matters now: it only read.
    async fn again(&mut self, _call: &ToolCall, _said: &str) -> Result<(), JobError> {
        Ok(())
    }
}
