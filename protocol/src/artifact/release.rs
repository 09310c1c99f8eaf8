use crate::{AppName, Digest, TaskId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A directory of files under a digest over path and content; at most one of an app's releases is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Release {
    /// The app.
    #[schema(value_type = String)]
    pub app: AppName,
    /// The address of its files.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// The change-set that made it.
    #[schema(value_type = String)]
    pub change_set: Digest,
    /// The release that the change-set started from.
    #[schema(value_type = Option<String>)]
    pub base: Option<Digest>,
    /// The task that made it.
    #[schema(value_type = String)]
    pub task: TaskId,
    /// Where it stands.
    pub state: ReleaseState,
    /// When it was made live for the first time.
    #[schema(value_type = String, format = DateTime)]
    pub activated_at: Timestamp,
}

/// Where a release stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseState {
    /// Users see it.
    Live,
    /// It was live and can be returned to.
    Previous,
    /// It was live and was rolled back from.
    RolledBack,
}
