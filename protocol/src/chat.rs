//! A conversation with a language model, as agents keep it, tapes hold it and transcripts show it. Providers' own wire formats are
//! the runtime's business.

use crate::{Digest, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing said in a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Message {
    /// The agent's program says something.
    User {
        /// The words.
        text: String,
    },
    /// The model answers.
    Model(Reply),
    /// What became of the tool calls of the answer before, in their order.
    Tools {
        /// One for each call.
        results: Vec<ToolResult>,
    },
}

impl Message {
    /// Something that the agent's program says.
    pub fn user(text: impl Into<String>) -> Self {
        Self::User { text: text.into() }
    }
}

/// What a model answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reply {
    /// The words.
    #[serde(default)]
    pub text: String,
    /// What it thought before, where its provider told and may want it back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thoughts: Vec<Thought>,
    /// The tools it wants called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    /// The answer broke off at the longest length that was allowed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// The model that answered, as the setting names it: `anthropic:claude-sonnet-4-5`.
    #[serde(default)]
    pub model: String,
    /// What it took.
    #[serde(default)]
    pub tokens: Tokens,
}

/// A piece of what a model thought, in the order in which it came. It goes back to the model that thought it, with the calls that came
/// of it, and to nobody else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Thought {
    /// Words.
    Words {
        /// The words.
        text: String,
    },
    /// The provider's proof that the words which follow are its own.
    Signature {
        /// As it came.
        signature: String,
    },
    /// Something that only the provider can read.
    Block {
        /// As it came.
        block: Value,
    },
}

/// A tool that a model wants called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolCall {
    /// Unique in the conversation.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments; a string where the model wrote something that is no JSON.
    pub arguments: Value,
}

/// What became of a tool call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolResult {
    /// The call's id.
    pub call: String,
    /// The tool.
    pub name: String,
    /// What the model is told.
    pub content: String,
}

/// What a call of a model took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tokens {
    /// Tokens that were sent.
    #[serde(rename = "in")]
    pub input: u64,
    /// Tokens that came back, thinking included.
    #[serde(rename = "out")]
    pub output: u64,
    /// Millionths of a US dollar, by the prices known when the call was made; absent when none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_usd: Option<u64>,
}

impl Tokens {
    /// Both together.
    #[must_use]
    pub fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// One turn of a conversation: what was said to the model since its last answer, and what became of the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Turn {
    /// The turn's number, from 1.
    pub turn: u32,
    /// The address of the prompt's fixed part (instructions and tools): the same text has the same address.
    pub prompt: Digest,
    /// The instructions; on the first turn only, they stay the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// What was said since the last answer.
    pub said: Vec<Message>,
    /// Calls of this turn that were made, in their order. The last one is the answer, if one came.
    pub tries: Vec<Try>,
}

/// What became of one call of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "became", rename_all = "snake_case")]
pub enum Try {
    /// It answered.
    Answered(Reply),
    /// It did not.
    Refused {
        /// Which model was asked last.
        model: String,
        /// Why.
        problem: Problem,
        /// Not before so many milliseconds should it be asked again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pause_millis: Option<u64>,
        /// What it took all the same.
        #[serde(default)]
        tokens: Tokens,
    },
    /// Who called died before it could store an answer; what was reserved for the call counts as taken.
    Lost {
        /// Which model was to be asked.
        model: String,
        /// What was reserved.
        tokens: Tokens,
    },
}
