//! The Coder: `inspect_app` and `discard_preview` (short), `build`, `release` and `rollback` (long).

use super::{PreviewRef, is_zero, thinking::Allowance};
use crate::{
    AppName, Digest, TaskId,
    artifact::{ChangeSet, CheckResult, Column, Design, Index, Path, Plan, Reference, Release, Statement, Verdict},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names of the tools.
pub const INSPECT_APP: &str = "inspect_app";
/// See [`DiscardPreviewInput`].
pub const DISCARD_PREVIEW: &str = "discard_preview";
/// See [`BuildInput`].
pub const BUILD: &str = "build";
/// See [`ReleaseInput`].
pub const RELEASE: &str = "release";
/// See [`RollbackInput`].
pub const ROLLBACK: &str = "rollback";

/// Look at an app, or at the list of apps. Short; reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InspectAppInput {
    /// The app; every app's name and live release when absent.
    #[serde(default)]
    pub app: Option<AppName>,
    /// Files whose text is wanted, of the live release; at most 1 MiB together.
    #[serde(default)]
    pub files: Vec<Path>,
}

/// What there is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InspectAppOutput {
    /// The app asked for (if it exists), or all apps by name.
    pub apps: Vec<AppSnapshot>,
}

/// An app as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AppSnapshot {
    /// Its name.
    pub app: AppName,
    /// Where it answers.
    pub url: String,
    /// The live release.
    pub live: Option<Release>,
    /// All releases that are kept, newest first.
    pub releases: Vec<Release>,
    /// The live release's files. Only when one app was asked for.
    pub tree: Vec<FileEntry>,
    /// The files whose text was asked for and that exist.
    pub files: Vec<FileText>,
    /// Tables of the live schema. Only when one app was asked for.
    pub schema: Vec<Table>,
    /// Ids of the migrations that the live schema has seen.
    pub migrations: Vec<String>,
}

/// One file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileEntry {
    /// Where.
    pub path: Path,
    /// Bytes.
    pub size: u64,
}

/// One file with its text; text that is not UTF-8 is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileText {
    /// Where.
    pub path: Path,
    /// What it holds.
    pub text: String,
}

/// One table of a schema.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// Its foreign keys.
    pub references: Vec<Reference>,
    /// Its indexes by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Index>,
    /// Its rows.
    pub rows: u64,
    /// They were counted, and not only estimated by the server.
    #[serde(default)]
    pub counted: bool,
}

/// Build a change-set and stage it as a preview. Long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BuildInput {
    /// The task.
    pub task: TaskId,
    /// The app.
    pub app: AppName,
    /// What is wanted.
    pub plan: Plan,
    /// How.
    pub design: Design,
    /// The round, from 1.
    pub attempt: u32,
    /// How often the same round was built before: once, where an approval came so late that the preview was gone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub again: u32,
    /// What the Tester found wrong in the round before.
    pub findings: Vec<CheckResult>,
    /// The change-set of the round before, which those findings are about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<ChangeSet>,
    /// The change-set itself, where a person supplied the app as it is: it is staged, and nothing is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplied: Option<ChangeSet>,
    /// What may be spent on language models.
    #[serde(default)]
    pub allowance: Allowance,
    /// The order of writers of one app: later ones are higher, and the host refuses lower ones.
    pub turn: u64,
}

/// A change-set, staged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuildOutput {
    /// What changes.
    pub change_set: ChangeSet,
    /// The address of the files that the release will have.
    pub release: Digest,
    /// Where it can be tested.
    pub preview: PreviewRef,
    /// Its statements that can lose data or break the running code.
    pub destructive: Vec<Statement>,
}

/// Make a tested change-set live. Long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseInput {
    /// The task.
    pub task: TaskId,
    /// The app.
    pub app: AppName,
    /// The change-set.
    pub change_set: Digest,
    /// The release it starts from.
    pub base: Option<Digest>,
    /// The preview it was tested in; it is closed afterwards.
    pub preview: PreviewRef,
    /// The evidence.
    pub verdict: Verdict,
    /// Checksums of the statements that a person approved.
    pub approved: Vec<Digest>,
    /// The order of writers of one app: later ones are higher, and the host refuses lower ones.
    pub turn: u64,
}

/// The live release; what `release` and `rollback` answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseOutput {
    /// What is live now; nothing when the app's first release was taken back.
    pub live: Option<Release>,
    /// Where.
    pub url: String,
}

/// Return to an earlier release. Long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RollbackInput {
    /// The task.
    pub task: TaskId,
    /// The app.
    pub app: AppName,
    /// The release that must be live for this to happen.
    pub from: Digest,
    /// Where to.
    pub to: RollbackTo,
    /// The order of writers of one app: later ones are higher, and the host refuses lower ones.
    pub turn: u64,
}

/// Where a rollback goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RollbackTo {
    /// This release.
    Release(Digest),
    /// What was live before `from`: its base; for an app's first release, nothing.
    Base,
}

/// Close a preview whose task ended without a release. Short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiscardPreviewInput {
    /// The app.
    pub app: AppName,
    /// The task whose previews go.
    pub task: TaskId,
    /// The order of writers of one app: later ones are higher, and the host refuses lower ones.
    pub turn: u64,
}
