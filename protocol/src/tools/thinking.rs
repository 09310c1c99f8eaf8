//! What an agent that asks language models can tell of a job: `get_usage` and `get_transcript` (both short).

use crate::{JobId, chat::Turn, task::ModelUsage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Takes [`WhichJob`], answers [`UsageOutput`].
pub const GET_USAGE: &str = "get_usage";
/// Takes [`WhichJob`], answers [`Transcript`].
pub const GET_TRANSCRIPT: &str = "get_transcript";

/// One job of this agent, of the caller's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhichJob {
    /// Its id.
    pub job_id: JobId,
}

/// What a job has used of language models so far; nothing when an engine without a model does the thinking.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageOutput {
    /// By model.
    pub models: Vec<ModelUsage>,
}

/// Everything that was said to language models in a job, and what they answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Transcript {
    /// Turn by turn.
    pub turns: Vec<Turn>,
}

/// What a part of a task may still spend on language models. The Planner hands on what is left of the task's budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Allowance {
    /// Tokens, in and out together.
    pub tokens: u64,
    /// Millionths of a US dollar; absent for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_usd: Option<u64>,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { tokens: crate::task::Budget::default().tokens, micro_usd: None }
    }
}
