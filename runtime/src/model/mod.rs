//! What an agent's thinking needs of language models.
//!
//! [`Models`] says whom to ask, and asks: over the wire (`wire`), or a `tape` of an earlier run. [`Thinking`] is one
//! conversation in one job: every call is written down before it is made and after it was answered, so that a run that died goes on
//! after the last answer; it is paid for out of an allowance before it is made; and what is sent fits the model's `window`.
//! What is not the team's own words goes through [`data`].

mod call;
mod config;
mod data;
mod limits;
mod price;
mod schema;
mod spec;
mod tape;
#[cfg(test)]
mod tests;
mod thinking;
mod usage;
mod window;
mod wire;

pub use call::arguments;
pub use config::ModelConfig;
pub use data::{clip, data, design, plan, pretty};
pub use spec::{ModelChoice, ModelSpec};
use tape::Tapes;
pub use tape::{Tape, TapePart};
pub(crate) use thinking::became;
pub use thinking::{Brief, Did, Hands, NoHands, Thinking};
pub(crate) use usage::measure;
pub use usage::usage;

use crate::config::Reader;
use protocol::{
    Problem,
    chat::{Message, Reply, Tokens},
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// A tool as a model is told of it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ToolSpec {
    /// `[a-z_]+`.
    pub name: &'static str,
    /// When and how to use it.
    pub description: &'static str,
    /// JSON Schema of the arguments, an object.
    pub parameters: Value,
}

/// The form that an answer must have.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Form {
    /// A word for it: `plan`.
    pub name: &'static str,
    /// JSON Schema, an object.
    pub schema: Value,
}

/// One call of a model.
#[derive(Debug, Clone)]
pub(crate) struct Question<'a> {
    pub(crate) instructions: &'a str,
    pub(crate) tools: &'a [ToolSpec],
    pub(crate) form: Option<&'a Form>,
    pub(crate) messages: Vec<Message>,
    /// The longest answer, in tokens.
    pub(crate) longest: u64,
}

/// Where a call stands in the work of the team: what a tape is wound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position<'a> {
    pub(crate) goal: &'a str,
    pub(crate) agent: &'static str,
    pub(crate) round: u32,
    pub(crate) again: u32,
    pub(crate) turn: u32,
}

/// A call that was not answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    /// Which model was asked last.
    pub(crate) model: String,
    pub(crate) problem: Box<Problem>,
    /// Asking again may go better, not before this time is over.
    pub(crate) again: Option<Duration>,
    /// What it took all the same.
    pub(crate) tokens: Tokens,
}

/// Leave to make one call ([`Models::place`]): of whom, and how. It is used up by making it.
#[derive(Debug)]
pub(crate) enum Place<'a> {
    /// Of a model over the wire.
    Wire(wire::Place<'a>),
    /// None is called; what was heard once is heard again.
    Tapes(&'a Tapes),
}

/// The language models that an agent may ask. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Models(Arc<Source>);

#[derive(Debug)]
enum Source {
    Wire(wire::Wire),
    Tapes(Tapes),
}

impl Models {
    /// The models of a setting; nothing for the offline engine.
    ///
    /// # Errors
    /// [`protocol::Code::BadConfiguration`]: a tape that cannot be read.
    pub fn open(config: &ModelConfig) -> Result<Option<Self>, Problem> {
        let source = match &config.choice {
            ModelChoice::Blueprint => return Ok(None),
            ModelChoice::Tape(file) => Source::Tapes(Tapes::read(file)?),
            ModelChoice::Wire(_) => Source::Wire(wire::Wire::new(config)?),
        };
        Ok(Some(Self(Arc::new(source))))
    }

    /// The models that the environment gives this agent; nothing for the offline engine. Mistakes stay in the reader.
    pub fn read(reader: &mut Reader, agent: &str) -> Option<Self> {
        let opened = Self::open(&ModelConfig::read(reader, agent));
        opened.unwrap_or_else(|problem| {
            reader.mistake(format!("YONIN_MODEL: {}", problem.detail));
            None
        })
    }

    /// Leave to make a call of so many tokens, after so many calls of the same turn that were paid for and came to nothing.
    ///
    /// # Errors
    /// How long it takes until there may be leave. Nobody waits for it with a worker in hand.
    pub(crate) fn place(&self, failed: usize, tokens: u64) -> Result<Place<'_>, Duration> {
        match &*self.0 {
            Source::Wire(wire) => wire.place(failed, tokens).map(Place::Wire),
            Source::Tapes(tapes) => Ok(Place::Tapes(tapes)),
        }
    }

    /// The model that is asked first, as the setting names it.
    pub(crate) fn first(&self) -> String {
        match &*self.0 {
            Source::Wire(wire) => wire.first(),
            Source::Tapes(_) => tape::NAME.to_owned(),
        }
    }

    /// How long a turn waits altogether for models that do not answer.
    pub(crate) fn patience(&self) -> Duration {
        match &*self.0 {
            Source::Wire(wire) => wire.patience(),
            Source::Tapes(_) => Duration::ZERO,
        }
    }

    /// Tokens that a call may have, its answer included.
    pub(crate) fn window(&self) -> u64 {
        match &*self.0 {
            Source::Wire(wire) => wire.window(),
            Source::Tapes(_) => u64::MAX,
        }
    }

    /// The longest answer, in tokens.
    pub(crate) fn longest(&self) -> u64 {
        match &*self.0 {
            Source::Wire(wire) => wire.longest(),
            Source::Tapes(_) => 0,
        }
    }

    /// What so many tokens of the dearest model that may be asked cost, in millionths of a US dollar; nothing when one has no
    /// price.
    pub(crate) fn price(&self, tokens: Tokens) -> Option<u64> {
        match &*self.0 {
            Source::Wire(wire) => wire.price(tokens),
            Source::Tapes(_) => Some(0),
        }
    }
}

impl Place<'_> {
    /// The model that there is leave to call, as the setting names it.
    pub(crate) fn model(&self) -> String {
        match self {
            Self::Wire(place) => place.model(),
            Self::Tapes(_) => tape::NAME.to_owned(),
        }
    }

    /// Asks, once; where several models may be asked, one after the other until one answers.
    pub(crate) async fn ask(self, at: Position<'_>, question: &Question<'_>) -> Result<Reply, Refusal> {
        match self {
            Self::Wire(place) => place.ask(question).await,
            Self::Tapes(tapes) => tapes.ask(at),
        }
    }
}
