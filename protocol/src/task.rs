//! A task as a person sees it.

use crate::{AppName, Digest, Problem, TaskId, Timestamp, artifact::Statement};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What a person submitted and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Task {
    /// The same id over REST, MCP and the command line.
    #[schema(value_type = String)]
    pub id: TaskId,
    /// The goal exactly as it was written; for a rollback, what it does in words.
    pub goal: String,
    /// The app it is for.
    #[schema(value_type = String)]
    pub app: AppName,
    /// How far it is.
    pub status: Status,
    /// Which part of the path it is in; a failed task keeps the stage it failed in.
    pub stage: Stage,
    /// The round of build and verify, from 1; 0 before the first.
    pub attempt: u32,
    /// When it was submitted.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When something last happened to it.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// What it is doing, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Labels given with the submission.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What a person is asked, while `waiting`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Question>,
    /// What came of it, once `succeeded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<TaskResult>,
    /// Why it ended, once `failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// What it has used.
    pub usage: Usage,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Another task of the app goes first, or nobody is free.
    Queued,
    /// An agent is at work.
    Running,
    /// A person is asked something.
    Waiting,
    /// The release is live and was seen to pass.
    Succeeded,
    /// It ended without a new release.
    Failed,
    /// A person ended it.
    Cancelled,
}

impl Status {
    /// Nothing will happen to the task any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Which part of the path a task is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The Planner reads the goal.
    Plan,
    /// The Architect designs.
    Design,
    /// The Coder builds and stages a preview.
    Build,
    /// The Tester tests the preview.
    Verify,
    /// A person decides.
    Approve,
    /// The Coder makes it live, or takes it back.
    Release,
    /// The Tester looks at the live app.
    Smoke,
    /// Over.
    Done,
}

impl Stage {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Design => "design",
            Self::Build => "build",
            Self::Verify => "verify",
            Self::Approve => "approve",
            Self::Release => "release",
            Self::Smoke => "smoke",
            Self::Done => "done",
        }
    }
}

/// When a person is asked before a change goes live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// For changes that can lose data.
    #[default]
    Destructive,
    /// For every change.
    Always,
    /// Never; changes that can lose data fail with `approval-required`.
    Auto,
}

/// What a task may use.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// Rounds of build and verify, 1 to 10.
    #[schema(minimum = 1, maximum = 10)]
    #[schemars(range(min = 1, max = 10))]
    pub attempts: u32,
    /// Tokens of language models, in and out together.
    pub tokens: u64,
    /// US dollars for language models, by the prices that the installation knows; absent for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub cost_usd: Option<f64>,
    /// Seconds from the moment it leaves the queue, waiting for a person not counted; 10 to 86,400.
    #[schema(minimum = 10, maximum = 86_400)]
    #[schemars(range(min = 10, max = 86_400))]
    pub seconds: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { attempts: 3, tokens: 1_000_000, cost_usd: None, seconds: 3_600 }
    }
}

/// What a person is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Question {
    /// May this change go live? Answered with approve or reject.
    Approval {
        /// Why a person is asked.
        reason: String,
        /// What can lose data, statement by statement; empty when the task's policy asks for every change.
        statements: Vec<Statement>,
        /// Where the change can be looked at.
        preview: String,
        /// What was not proven of it, or only in part.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reservations: Vec<String>,
    },
    /// The goal can be understood in more than one way. Answered with answer, in words, or with reject.
    Clarify {
        /// What the Planner wants to know.
        questions: Vec<String>,
    },
    /// An act on the environment may or may not have taken place, and no program can tell. Answered, after a look, with approve
    /// (do it again) or reject (leave it: the task fails).
    InDoubt {
        /// Which act, and what happened.
        reason: String,
    },
}

/// What came of a task that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct TaskResult {
    /// Where the app is.
    pub url: String,
    /// The live release.
    #[schema(value_type = String)]
    pub release: Digest,
    /// The verdict that it went live with; a rollback has only the smoke verdict.
    #[schema(value_type = String)]
    pub verdict: Digest,
    /// How many checks passed.
    pub checks_passed: u32,
    /// What was not proven of the change, or only in part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reservations: Vec<String>,
}

/// What a task has used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Usage {
    /// Rounds of build and verify.
    pub attempts: u32,
    /// Tokens of language models, in and out together.
    pub tokens: u64,
    /// US dollars for language models; absent when no price is known for one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Milliseconds since it left the queue, until it ended.
    pub millis: u64,
    /// By agent and model, once a part of the task has ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelUsage>,
}

/// What one agent has used of one language model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct ModelUsage {
    /// The agent: `planner`, `architect`, `coder` or `tester`.
    pub agent: String,
    /// The model, as the setting names it.
    pub model: String,
    /// Calls that were made, answered or not.
    pub calls: u32,
    /// Tokens that were sent.
    pub tokens_in: u64,
    /// Tokens that came back.
    pub tokens_out: u64,
    /// US dollars; absent when no price is known for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
}
