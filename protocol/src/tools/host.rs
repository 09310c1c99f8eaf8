//! The host: the only service that may change the environment. All its tools are short calls that answer when the act is
//! done; each may be repeated with the same arguments and then answers
//! what the first call did, but for [`ARRANGE`], which changes rows once more.
//!
//! Who may call: Coder everything; Tester [`OPEN_BASE_PREVIEW`], [`RESET_PREVIEW`], [`ARRANGE`], [`ACCESS`], [`READ_FILES`], [`LINT_PHP`], [`TAIL_LOG`].

use super::{Epoch, PreviewRef, coder::RollbackTo};
use crate::{
    AppName, Digest, PreviewName, TaskId,
    artifact::{ChangeSet, Path, Statement, Verdict},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Takes [`OpenPreviewInput`], answers [`PreviewRef`].
pub const OPEN_PREVIEW: &str = "open_preview";
/// A preview of the live release without any change, for checks that must be red before the change.
/// Takes [`OpenPreviewInput`], answers [`PreviewRef`].
pub const OPEN_BASE_PREVIEW: &str = "open_base_preview";
/// Takes [`PreviewInput`], answers [`Reset`]: schema and keys as they were right after staging.
pub const RESET_PREVIEW: &str = "reset_preview";
/// Takes [`ArrangeInput`], answers [`Arranged`]: changes rows of a preview.
pub const ARRANGE: &str = "arrange";
/// Takes [`ClosePreviewsInput`], answers [`Done`].
pub const CLOSE_PREVIEWS: &str = "close_previews";
/// Takes [`StageReleaseInput`], answers [`Staged`].
pub const STAGE_RELEASE: &str = "stage_release";
/// Takes [`ActivateReleaseInput`], answers [`super::coder::ReleaseOutput`].
pub const ACTIVATE_RELEASE: &str = "activate_release";
/// Takes [`RollbackReleaseInput`], answers [`super::coder::ReleaseOutput`].
pub const ROLLBACK_RELEASE: &str = "rollback_release";
/// Takes [`super::coder::InspectAppInput`], answers [`super::coder::InspectAppOutput`]: apps, releases, tree, files, schema.
pub const INSPECT: &str = "inspect";
/// Takes [`ListReleasesInput`], answers [`crate::rest::ReleaseList`].
pub const LIST_RELEASES: &str = "list_releases";
/// Takes [`ReadFilesInput`], answers [`ReadFilesOutput`].
pub const READ_FILES: &str = "read_files";
/// Takes [`LintPhpInput`], answers [`LintPhpOutput`].
pub const LINT_PHP: &str = "lint_php";
/// Takes [`TailLogInput`], answers [`TailLogOutput`].
pub const TAIL_LOG: &str = "tail_log";
/// Takes [`AccessInput`], answers [`Access`].
pub const ACCESS: &str = "access";

/// The app itself, or one of its previews.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// What users see.
    Live(AppName),
    /// A private branch.
    Preview(PreviewName),
}

/// Nothing more to say than that it is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {}

/// Open a private branch of the app: schema clone, own key prefix, own directory, own address, own accounts. The same task
/// gets the same preview. The app is created if it is new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenPreviewInput {
    /// The app.
    pub app: AppName,
    /// The task it is for.
    pub task: TaskId,
    /// The release that must be live.
    pub base: Option<Digest>,
    /// The caller's place in the order of writers.
    pub epoch: Epoch,
}

/// One preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreviewInput {
    /// The preview.
    pub preview: PreviewName,
    /// The caller's place in the order of writers.
    pub epoch: Epoch,
}

/// A preview as it was right after staging.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reset {
    /// What the preview's data leaves out, as staging told it; the verdict repeats it.
    #[serde(default)]
    pub caveats: Vec<String>,
}

/// Change rows of a preview with one statement, under the account of the preview's own PHP. There is no way to name the live app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArrangeInput {
    /// The preview.
    pub preview: PreviewName,
    /// One INSERT, UPDATE or DELETE of one of the app's tables, with `?` for parameters.
    pub statement: String,
    /// The parameters.
    #[serde(default)]
    pub params: Vec<serde_json::Value>,
    /// The caller's place in the order of writers.
    pub epoch: Epoch,
}

/// What a statement did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Arranged {
    /// Rows that were added, deleted, or found for an update.
    pub rows: u64,
    /// The id that the database gave the first row that was inserted, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
}

/// Close every preview of a task. None left is no error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClosePreviewsInput {
    /// The app.
    pub app: AppName,
    /// The task.
    pub task: TaskId,
    /// The caller's place in the order of writers.
    pub epoch: Epoch,
}

/// Put a change-set into a preview: schema and keys back to the base, then its files and migrations. Replaces what was
/// staged there before. The change-set is kept until the preview is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StageReleaseInput {
    /// Where.
    pub preview: PreviewName,
    /// What.
    pub change_set: ChangeSet,
    /// The caller's place in the order of writers.
    pub epoch: Epoch,
}

/// What was staged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Staged {
    /// The preview.
    pub preview: PreviewRef,
    /// The address of the files that the release will have.
    pub release: Digest,
    /// Statements that can lose data or break the running code.
    pub destructive: Vec<Statement>,
    /// What the preview's data leaves out, when the live schema is too large to copy.
    pub caveats: Vec<String>,
}

/// Make a staged change-set live: migrate the live schema, activate, invalidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActivateReleaseInput {
    /// The app.
    pub app: AppName,
    /// The task.
    pub task: TaskId,
    /// The preview it is staged in.
    pub preview: PreviewName,
    /// The change-set.
    pub change_set: Digest,
    /// The release that must be live.
    pub base: Option<Digest>,
    /// The evidence: passed, unexpired, `preview`, signed, over exactly this.
    pub verdict: Verdict,
    /// Checksums of the statements that a person approved.
    pub approved: Vec<Digest>,
    /// The caller's place in the order of writers.
    pub epoch: Epoch,
}

/// Return to an earlier release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RollbackReleaseInput {
    /// The app.
    pub app: AppName,
    /// The task.
    pub task: TaskId,
    /// The release that must be live.
    pub from: Digest,
    /// Where to.
    pub to: RollbackTo,
    /// The caller's place in the order of writers.
    pub epoch: Epoch,
}

/// Which app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListReleasesInput {
    /// The app.
    pub app: AppName,
}

/// Which files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadFilesInput {
    /// Of what.
    pub place: Place,
    /// All files when empty; at most 16 MiB together.
    #[serde(default)]
    pub paths: Vec<Path>,
}

/// Files with what they hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadFilesOutput {
    /// Those that exist.
    pub files: Vec<crate::artifact::FileChange>,
}

/// Which PHP files to parse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LintPhpInput {
    /// Of what.
    pub place: Place,
    /// All PHP files when empty.
    #[serde(default)]
    pub paths: Vec<Path>,
}

/// What PHP's parser says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LintPhpOutput {
    /// How many files were parsed.
    pub files: u32,
    /// One line for each file that does not parse.
    pub errors: Vec<String>,
}

/// Which log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TailLogInput {
    /// Of what.
    pub place: Place,
    /// Read from here; `None` only tells where the log ends now.
    #[serde(default)]
    pub from: Option<u64>,
}

/// A piece of PHP's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TailLogOutput {
    /// Whole lines, at most 1,000 and 256 KiB.
    pub lines: Vec<String>,
    /// Where to read on.
    pub end: u64,
}

/// Which accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessInput {
    /// Of what; for the live app they only read.
    pub place: Place,
}

/// How to reach one app's, or one preview's, services with its own accounts. Never logged, never stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Access {
    /// Where Nginx listens: `http://host:port`.
    pub web: String,
    /// The `Host` header to send there.
    pub host_header: String,
    /// `mysql://user:password@host:port/schema`.
    pub mysql: String,
    /// `redis://user:password@host:port/0`.
    pub redis: String,
    /// What every key starts with: `app:shop:`.
    pub redis_prefix: String,
    /// Digests of what only its PHP knows, by which it is recognised, and hidden, where it shows.
    pub secrets: Vec<Digest>,
}
