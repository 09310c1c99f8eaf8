//! The Tester: `verify` (long).

use super::{PreviewRef, is_zero, thinking::Allowance};
use crate::{
    AppName, Digest, TaskId,
    artifact::{Check, Design, Plan, Unproven, Verdict},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The tool's name.
pub const VERIFY: &str = "verify";

/// Test a change-set in its preview, or look at the live app. Long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyInput {
    /// The task.
    pub task: TaskId,
    /// The app.
    pub app: AppName,
    /// What is tested, and where.
    pub target: Target,
    /// What the change is meant to do; absent when a release is returned to, then the runner's own checks remain.
    #[serde(default)]
    pub intent: Option<Intent>,
    /// The release that the change-set starts from.
    pub base: Option<Digest>,
    /// The change-set.
    pub change_set: Digest,
    /// The round of build and verify, from 1; 0 for a rollback.
    #[serde(default)]
    pub attempt: u32,
    /// The checks of an earlier run of the same task, to be run again; proposed anew when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// Criteria that the earlier run found no check for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproven: Vec<Unproven>,
    /// How often the same round was tested before: once, where an approval came so late that the evidence was over.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub again: u32,
    /// What may be spent on language models.
    #[serde(default)]
    pub allowance: Allowance,
    /// The order of writers of one app: later ones are higher, and the host refuses lower ones.
    pub turn: u64,
}

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyOutput {
    /// What came of the checks.
    pub verdict: Verdict,
    /// The checks, for the task's next run.
    pub checks: Vec<Check>,
}

/// Where the checks run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    /// All checks, in the private branch.
    Preview {
        /// The branch.
        preview: PreviewRef,
    },
    /// Only checks that read, on the live app.
    Live,
}

/// What a change is meant to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Intent {
    /// What is wanted.
    pub plan: Plan,
    /// How.
    pub design: Design,
}
