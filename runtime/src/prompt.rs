//! Prompts that a service offers to people, and what it suggests while they type.

use crate::Principal;
use futures::future::BoxFuture;
use protocol::Problem;
use std::{collections::BTreeMap, sync::Arc};

/// A text that a person picks, fills in and has a model read ([`crate::Toolbox::prompt`]).
pub trait Prompt: Send + Sync + 'static {
    /// What it says about itself. A running process never changes it.
    fn about(&self) -> AboutPrompt;

    /// The text. Every required argument is there and not blank; nothing is there that is no argument.
    ///
    /// # Errors
    /// What is wrong with an argument.
    fn text(&self, arguments: &BTreeMap<String, String>) -> Result<String, Problem>;
}

/// What people see of a prompt.
#[derive(Clone)]
pub struct AboutPrompt {
    /// Its name on the wire.
    pub name: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What comes of it, in a sentence.
    pub description: &'static str,
    /// What is filled in, in the order that one is asked for it.
    pub arguments: Vec<Argument>,
}

/// Something to fill in.
#[derive(Clone)]
pub struct Argument {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) description: &'static str,
    pub(crate) required: bool,
    pub(crate) suggest: Option<Arc<dyn Suggest>>,
}

impl Argument {
    /// One without which there is no prompt.
    #[must_use]
    pub fn required(name: &'static str, title: &'static str, description: &'static str) -> Self {
        Self { name, title, description, required: true, suggest: None }
    }

    /// One that may be left out.
    #[must_use]
    pub fn optional(name: &'static str, title: &'static str, description: &'static str) -> Self {
        Self { required: false, ..Self::required(name, title, description) }
    }

    /// With suggestions while it is typed.
    #[must_use]
    pub fn suggested_by(mut self, suggest: Arc<dyn Suggest>) -> Self {
        self.suggest = Some(suggest);
        self
    }
}

/// Knows what may be meant by something half typed.
pub trait Suggest: Send + Sync + 'static {
    /// Values that begin with what was typed, the likeliest first, at most so many; none that the caller may not see.
    ///
    /// # Errors
    /// Those of whoever knows the values.
    fn suggest<'a>(
        &'a self,
        caller: &'a Principal,
        typed: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, Problem>>;
}

/// One of these words.
#[derive(Debug, Clone, Copy)]
pub struct Words(pub &'static [&'static str]);

impl Suggest for Words {
    fn suggest<'a>(
        &'a self,
        _caller: &'a Principal,
        typed: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, Problem>> {
        let words = self.0.iter().filter(|word| word.starts_with(typed)).take(limit);
        Box::pin(std::future::ready(Ok(words.map(|word| (*word).to_owned()).collect())))
    }
}
