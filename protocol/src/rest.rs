//! Bodies of the REST API.

use crate::{
    AppName, Code, Digest, Problem,
    artifact::{Content, Path, Release},
    task::{Approval, Budget, Task},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// `POST /v1/tasks`: a goal for an app. Also the input of the MCP tool `submit_task`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitTask {
    /// What is wanted, in any language; 1 to 16,384 characters.
    #[schema(min_length = 1, max_length = 16_384)]
    #[schemars(
        length(min = 1, max = 16_384),
        extend("examples" = ["Visitors can book a table; staff see the day's bookings.", "posts(title:string!, body:text)"])
    )]
    pub goal: String,
    /// The app it is for; an unknown one is created.
    #[schema(value_type = String, pattern = "^[a-z][a-z0-9-]{1,30}$")]
    #[schemars(extend("examples" = ["shop"]))]
    pub app: AppName,
    /// When a person is asked.
    #[serde(default)]
    pub approval: Approval,
    /// What it may use.
    #[serde(default)]
    pub budget: Budget,
    /// Anything the submitter wants to find it by; at most 16, names and values of at most 100 characters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16, "examples" = [{"ticket": "SHOP-12"}]))]
    pub labels: BTreeMap<String, String>,
}

impl SubmitTask {
    /// A goal has at most this many characters.
    pub const MAX_GOAL: usize = 16_384;

    /// Checks what types alone do not.
    ///
    /// # Errors
    /// [`Code::BadGoal`] or [`Code::BadRequest`], saying which value and what is allowed.
    pub fn validate(&self) -> Result<(), Problem> {
        let length = self.goal.chars().count();
        if self.goal.trim().is_empty() || length > Self::MAX_GOAL {
            let detail = format!("a goal has 1 to {} characters; this one has {length}", Self::MAX_GOAL);
            return Err(Code::BadGoal.problem(detail));
        }
        if !(1..=10).contains(&self.budget.attempts) {
            return Err(Code::BadRequest.problem("budget.attempts is 1 to 10"));
        }
        if !(10..=86_400).contains(&self.budget.seconds) {
            return Err(Code::BadRequest.problem("budget.seconds is 10 to 86400"));
        }
        if self.budget.cost_usd.is_some_and(|cost| !(0.0..=1e6).contains(&cost)) {
            return Err(Code::BadRequest.problem("budget.cost_usd is 0 to 1000000"));
        }
        let too_long = |text: &String| text.chars().count() > 100;
        let bad = |(key, value): (&String, &String)| key.is_empty() || too_long(key) || too_long(value);
        if self.labels.len() > 16 || self.labels.iter().any(bad) {
            let detail = "at most 16 labels, names of 1 to 100 characters and values of at most 100";
            return Err(Code::BadRequest.problem(detail));
        }
        Ok(())
    }
}

/// `POST /v1/apps/{app}/rollback`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackApp {
    /// The release to return to; the one before the live one when absent.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub to: Option<Digest>,
}

/// `POST /v1/apps/{app}/import`: an app that exists elsewhere, as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportApp {
    /// Its files, below what becomes the release: `public/index.php` answers every request.
    pub files: Vec<SuppliedFile>,
    /// What `mysqldump` or `mariadb-dump` wrote of its one schema: tables, and rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// Pages that must answer besides the first one: paths such as `/events`. At most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<String>,
    /// When a person is asked. What is imported loses nothing, so only `always` asks.
    #[serde(default)]
    pub approval: Approval,
}

impl ImportApp {
    /// A body has at most this many bytes (32 MiB): a change-set of 16 MiB, its files and statements escaped as JSON strings.
    pub const MAX_BODY: usize = 32 << 20;
    /// At most this many pages can be named.
    pub const MAX_PAGES: usize = 100;
}

/// One file of an app that a person supplies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuppliedFile {
    /// Relative to the release: `public/index.php`. No part of it starts with a dot.
    #[schema(value_type = String)]
    pub path: Path,
    /// What it holds.
    pub content: Content,
}

/// `POST /v1/tasks/{id}/reject`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectTask {
    /// Why, for those who read the task later.
    #[serde(default)]
    pub reason: Option<String>,
}

/// `POST /v1/tasks/{id}/answer`: what a task that asks about its goal is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerTask {
    /// The answer to all questions, in words; 1 to 16,384 characters.
    #[schema(min_length = 1, max_length = 16_384)]
    pub text: String,
}

impl AnswerTask {
    /// Checks what types alone do not.
    ///
    /// # Errors
    /// [`Code::BadRequest`].
    pub fn validate(&self) -> Result<(), Problem> {
        let length = self.text.chars().count();
        if self.text.trim().is_empty() || length > SubmitTask::MAX_GOAL {
            let detail = format!("an answer has 1 to {} characters; this one has {length}", SubmitTask::MAX_GOAL);
            return Err(Code::BadRequest.problem(detail));
        }
        Ok(())
    }
}

/// `GET /v1/tasks`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct TaskList {
    /// Newest first.
    pub tasks: Vec<Task>,
    /// Give it back as `cursor` for the tasks before these; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct App {
    /// Its name.
    #[schema(value_type = String)]
    pub name: AppName,
    /// Where it is.
    pub url: String,
    /// The release that users see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Release>,
}

/// `GET /v1/apps`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct AppList {
    /// By name.
    pub apps: Vec<App>,
}

/// `GET /v1/apps/{app}/releases`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct ReleaseList {
    /// Newest first.
    pub releases: Vec<Release>,
}
