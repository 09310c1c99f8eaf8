use crate::{AppName, TaskId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the team is going to do, in the Planner's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The task this plan is for.
    pub task: TaskId,
    /// The app it changes.
    pub app: AppName,
    /// The goal exactly as the person wrote it.
    pub goal: String,
    /// One sentence for people.
    pub summary: String,
    /// The work, in order.
    pub steps: Vec<PlanStep>,
    /// What must be true at the end; the Tester traces its checks to these.
    pub criteria: Vec<Criterion>,
    /// What was taken for granted because the goal does not say.
    pub assumptions: Vec<String>,
    /// How much can go wrong.
    pub risk: Risk,
    /// A person supplied the app as it is: nobody designs, writes or proposes anything, and no model is asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub supplied: bool,
    /// What made it; absent for the offline engine, and for an app that a person supplied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<MadeBy>,
}

/// The language model that made an artifact, and what it was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MadeBy {
    /// The model, as the setting names it.
    pub model: String,
    /// The prompt by name and the address of its fixed text: `plan@3f2a…`.
    pub prompt: String,
}

/// One piece of the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanStep {
    /// A few words.
    pub title: String,
    /// What is done.
    pub detail: String,
}

/// Something that must be true at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Criterion {
    /// Unique within the plan: `c1`, `c2` ...
    pub id: String,
    /// The statement.
    pub text: String,
    /// The app does not do this yet, so that a check of it must fail on the release before the change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new: bool,
}

/// How much can go wrong with a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Only adds.
    Low,
    /// Changes what exists, loses nothing.
    Medium,
    /// Can lose data.
    High,
}
