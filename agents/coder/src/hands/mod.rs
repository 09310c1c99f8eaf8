//! What a language model can do while it builds: change a draft, look at it, and try it in the task's preview. Nothing else is in
//! its reach, whatever it asks for and whatever it has read.

mod base;
mod draft;
mod edit;
mod look;
mod preview;
mod read;
mod wrong;

pub(crate) use draft::Draft;
pub(crate) use preview::within_release;

use base::Base;
use edit::Edit;
use environment::files::{Look as Files, Whose};
use look::Look;
use preview::Preview;
use protocol::{artifact::ChangeSet, chat::ToolCall, tools::coder::BuildInput};
use runtime::{
    Job, JobError,
    model::{Did, Hands, ToolSpec},
};
use wrong::Wrong;

use crate::host::Host;

/// A draft, the release that it starts from, and the preview where it is tried.
pub(crate) struct Workbench<'a> {
    job: &'a Job,
    draft: Draft,
    base: Base<'a>,
    preview: Preview<'a>,
}

/// A tool call, understood.
enum Tool {
    /// Looks at files. Leaves no trace.
    Read(Files),
    /// Changes the draft.
    Edit(Edit),
    /// Tries the draft in the preview.
    Look(Look),
}

/// Everything that can be called.
pub(crate) fn tools() -> Vec<ToolSpec> {
    [Files::tools(Whose::Draft), Edit::tools(), Look::tools()].concat()
}

impl<'a> Workbench<'a> {
    pub(crate) fn new(job: &'a Job, host: &'a Host, input: &'a BuildInput, draft: Draft) -> Self {
        let (base, preview) = (Base::new(host, input.app.clone()), Preview::new(job, host, input));
        Self { job, draft, base, preview }
    }

    /// What was written so far.
    pub(crate) fn change_set(&self) -> ChangeSet {
        self.draft.change_set()
    }

    async fn carry_out(&mut self, tool: Tool) -> Result<Did<String>, Wrong> {
        match tool {
            Tool::Read(read) => self.read(read).await.map(Did::Said),
            Tool::Edit(edit) => {
                if let Some(path) = edit.writes() {
                    self.job.say(format!("writing {path}")).await?;
                }
                self.edit(edit).await.map(Did::Said)
            }
            Tool::Look(look) => {
                self.preview.stage(&self.draft).await?;
                self.look(look).await
            }
        }
    }
}

impl Tool {
    /// # Errors
    /// What is wrong with the arguments. Nothing has happened then.
    fn of(call: &ToolCall) -> Result<Self, Wrong> {
        if let Some(read) = Files::of(call, Whose::Draft)? {
            return Ok(Self::Read(read));
        }
        if let Some(edit) = Edit::of(call)? {
            return Ok(Self::Edit(edit));
        }
        let look = Look::of(call)?.ok_or_else(|| Wrong::Said(format!("There is no tool {:?}.", call.name)))?;
        Ok(Self::Look(look))
    }
}

impl Hands for Workbench<'_> {
    type Outcome = String;

    async fn call(&mut self, call: &ToolCall) -> Result<Did<String>, JobError> {
        let done = match Tool::of(call) {
            Ok(tool) => self.carry_out(tool).await,
            Err(wrong) => Err(wrong),
        };
        match done {
            Ok(did) => Ok(did),
            Err(Wrong::Said(text)) => Ok(Did::Said(text)),
            Err(Wrong::Job(error)) => Err(error),
        }
    }

    /// The draft is changed again. What was staged then is still staged, as the ledger says; the preview is left alone.
    async fn again(&mut self, call: &ToolCall, _said: &str) -> Result<(), JobError> {
        let done = match Tool::of(call) {
            Ok(Tool::Read(_)) => return Ok(()),
            Ok(Tool::Edit(edit)) => self.edit(edit).await.map(drop),
            Ok(Tool::Look(look)) => {
                self.preview.forget_visitors(&look);
                self.preview.stage(&self.draft).await
            }
            Err(wrong) => Err(wrong),
        };
        match done {
            // It was wrong then as well, and the model was told.
            Ok(()) | Err(Wrong::Said(_)) => Ok(()),
            Err(Wrong::Job(error)) => Err(error),
        }
    }
}
