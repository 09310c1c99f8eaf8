//! An engine that writes what the built-in one does, and then a bug into it.

use coder::{Blueprint, Engine, Order};
use protocol::{
    Code, Problem,
    artifact::{ChangeSet, Content, FileChange, Path},
};

/// Plants a bug into every app that is named for one: `bug-NAME-...` keeps it, `mend-NAME-...` has it in the first attempt
/// only.
pub struct Planted;

/// One way to break an app.
#[derive(Debug)]
pub struct Bug {
    /// What the app is named for; letters and digits.
    pub name: &'static str,
    /// The start of the path of the files it is in.
    pub file: &'static str,
    /// What the good code says.
    pub good: &'static str,
    /// What it says with the bug.
    pub bad: &'static str,
}

/// Every bug there is to find.
pub const BUGS: &[Bug] = &[];

impl Engine for Planted {
    fn wanted_files(&self) -> Vec<Path> {
        Blueprint.wanted_files()
    }

    fn build(&self, order: &Order<'_>) -> Result<ChangeSet, Problem> {
        let mut change_set = Blueprint.build(order)?;
        let mut words = order.app.as_str().split('-');
        let (kind, name) = (words.next(), words.next().unwrap_or_default());
        let plants = match kind {
            Some("bug") => true,
            Some("mend") => order.attempt == 1,
            _ => false,
        };
        if plants {
            let bug = BUGS.iter().find(|bug| bug.name == name);
            let bug = bug.ok_or_else(|| Code::Internal.problem(format!("there is no bug {name}")))?;
            bug.plant(&mut change_set)?;
        }
        Ok(change_set)
    }
}

impl Bug {
    fn plant(&self, change_set: &mut ChangeSet) -> Result<(), Problem> {
        let mut planted = 0;
        for FileChange { path, content } in &mut change_set.files {
            let Some(Content::Text(text)) = content else { continue };
            if path.as_str().starts_with(self.file) && text.contains(self.good) {
                *text = text.replace(self.good, self.bad);
                planted += 1;
            }
        }
        if planted > 0 {
            return Ok(());
        }
        // The engine's output has changed: the bug would be "found" without having been there.
        Err(Code::Internal.problem(format!("{}: no file of {} says {}", self.name, self.file, self.good)))
    }
}
