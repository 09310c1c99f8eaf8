//! The Planner's tools, for MCP clients: the REST API once more. `submit_task` is the long one.

use crate::{
    AppName, Digest, TaskId,
    rest::SuppliedFile,
    task::{Approval, Status, TaskResult},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Takes [`crate::rest::SubmitTask`]; long.
pub const SUBMIT_TASK: &str = "submit_task";
/// Takes [`TaskInput`].
pub const GET_TASK: &str = "get_task";
/// Takes [`WaitTaskInput`].
pub const WAIT_TASK: &str = "wait_task";
/// Takes [`ListTasksInput`].
pub const LIST_TASKS: &str = "list_tasks";
/// Takes [`TaskInput`].
pub const CANCEL_TASK: &str = "cancel_task";
/// Takes [`TaskInput`].
pub const APPROVE_TASK: &str = "approve_task";
/// Takes [`RejectTaskInput`].
pub const REJECT_TASK: &str = "reject_task";
/// Takes [`AnswerTaskInput`].
pub const ANSWER_TASK: &str = "answer_task";
/// Takes [`ListAppsInput`].
pub const LIST_APPS: &str = "list_apps";
/// Takes [`RollbackAppInput`]; long.
pub const ROLLBACK_APP: &str = "rollback_app";
/// Takes [`ImportAppInput`]; long.
pub const IMPORT_APP: &str = "import_app";

/// One task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskInput {
    /// The task's id, as submit_task, rollback_app or list_tasks gave it.
    pub id: TaskId,
}

/// Wait for a task to end, or to ask something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitTaskInput {
    /// The task's id, as submit_task, rollback_app or list_tasks gave it.
    pub id: TaskId,
    /// How long at most, in seconds: 1 to 45 (the default). Then it answers where the task stands.
    #[serde(default)]
    #[schemars(range(min = 1, max = 45), extend("default" = 45))]
    pub seconds: Option<u32>,
}

/// Which tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListTasksInput {
    /// Only this app's tasks.
    #[serde(default)]
    pub app: Option<AppName>,
    /// Only those with this status.
    #[serde(default)]
    pub status: Option<Status>,
    /// At most this many: 1 to 100, 20 when absent.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100), extend("default" = 20))]
    pub limit: Option<u32>,
    /// From an earlier answer's `next_cursor`, as it was; absent for the newest.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Refuse a change that waits for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectTaskInput {
    /// The task's id, as submit_task, rollback_app or list_tasks gave it.
    pub id: TaskId,
    /// Why, in a sentence, for those who read the task later.
    #[serde(default)]
    #[schemars(extend("examples" = ["The column is still in use."]))]
    pub reason: Option<String>,
}

/// Answer a task that asks about its goal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerTaskInput {
    /// The task's id, as submit_task, rollback_app or list_tasks gave it.
    pub id: TaskId,
    /// The answer to all questions, in words; 1 to 16,384 characters.
    #[schemars(length(min = 1, max = 16_384), extend("examples" = ["Members only. Times are Japan time."]))]
    pub text: String,
}

/// Return an app to an earlier release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackAppInput {
    /// The app, as list_apps names it.
    pub app: AppName,
    /// The digest of the release to return to; the one before the live one when absent.
    #[serde(default)]
    pub to: Option<Digest>,
}

/// Take over an app that exists elsewhere, as it is. [`crate::rest::ImportApp`] for an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportAppInput {
    /// The app; it may not have a live release.
    pub app: AppName,
    /// Its files, below what becomes the release: `public/index.php` answers every request.
    #[serde(default)]
    pub files: Vec<SuppliedFile>,
    /// What `mysqldump` or `mariadb-dump` wrote of its one schema: tables, and rows.
    #[serde(default)]
    pub sql: Option<String>,
    /// Pages that must answer besides the first one: paths such as `/events`. At most 100.
    #[serde(default)]
    pub pages: Vec<String>,
    /// When a person is asked. What is imported loses nothing, so only `always` asks.
    #[serde(default)]
    pub approval: Approval,
}

/// Lists the apps; there is nothing to say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAppsInput {}

/// What `submit_task`, `rollback_app` and `import_app` answer once the task has succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskOutcome {
    /// The task.
    pub id: TaskId,
    /// The app.
    pub app: AppName,
    /// What is live now; absent when an app's first release was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<TaskResult>,
}
