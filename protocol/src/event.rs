//! What a task tells while it runs.

use crate::{
    Problem, Timestamp,
    artifact::Outcome,
    task::{Question, Stage, Status, TaskResult},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One line of a task's history. `seq` starts at 1 and has no gaps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Event {
    /// Its place in the task's history.
    pub seq: u64,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum What {
    /// The task was submitted.
    Submitted,
    /// It came to another stage, status or attempt.
    Moved {
        /// The stage it is in now.
        stage: Stage,
        /// The status it has now.
        status: Status,
        /// The round of build and verify.
        attempt: u32,
    },
    /// An agent says what it is doing.
    Progress {
        /// A sentence for people.
        message: String,
    },
    /// One check came to its end.
    Checked {
        /// The check's id.
        id: String,
        /// The check's title.
        title: String,
        /// How it ended.
        #[serde(flatten)]
        #[schema(value_type = Object)]
        outcome: Outcome,
    },
    /// A person is asked.
    Asked {
        /// What.
        question: Question,
    },
    /// The task ended.
    Ended {
        /// How.
        status: Status,
        /// What came of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<TaskResult>,
        /// Why, if it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Problem>,
    },
}
