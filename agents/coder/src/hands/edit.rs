use super::{Workbench, draft::File, wrong::Wrong};
use environment::{files::path, host::database::Class};
use protocol::{
    artifact::{Content, Invalidation, Migration, Path},
    chat::ToolCall,
};
use runtime::model::{ToolSpec, arguments};
use schemars::JsonSchema;
use serde::Deserialize;

/// A change of the draft.
pub(super) enum Edit {
    Write(WriteFile),
    Patch(PatchFile),
    Delete(DeleteFile),
    AddMigration(AddMigration),
    RemoveMigration(RemoveMigration),
    SetInvalidations(SetInvalidations),
}

/// A file and all that it holds from now on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WriteFile {
    /// Relative to the release: `src/Posts.php`.
    path: String,
    /// The whole text.
    content: String,
}

/// A piece of a file and what takes its place.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchFile {
    /// Relative to the release.
    path: String,
    /// Text that stands in the file exactly once, spaces and line ends included; as short as it may be to be the only one.
    find: String,
    /// What stands there from now on.
    replace: String,
}

/// Which file goes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteFile {
    /// Relative to the release.
    path: String,
}

/// One statement on the app's schema.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddMigration {
    /// `[a-z0-9_]{1,100}`; a number of four digits first, higher than that of every migration that was applied: `0005_add_views`.
    /// Migrations run in the order of their ids.
    id: String,
    /// Exactly one statement, without a semicolon and without comments.
    sql: String,
}

/// Which migration of this change goes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RemoveMigration {
    /// Its id.
    id: String,
}

/// What must leave the cache when the release goes live: all of it, it replaces what was set before.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetInvalidations {
    /// Keys of versions, below the app's prefix: each number there is raised by one.
    #[serde(default)]
    bump: Vec<String>,
    /// Every key that starts so, below the app's prefix, is deleted.
    #[serde(default)]
    delete: Vec<String>,
}

/// So many invalidations, and characters of each.
const MOST_KEYS: usize = 100;
const LONGEST_KEY: usize = 200;

impl Edit {
    pub(super) fn tools() -> Vec<ToolSpec> {
        vec![
            ToolSpec::of::<WriteFile>(
                "write_file",
                "Writes a whole text file into your draft: a new one, or in place of what is there.",
            ),
            ToolSpec::of::<PatchFile>(
                "patch_file",
                "Replaces one piece of a file in your draft. The piece must stand in it exactly once.",
            ),
            ToolSpec::of::<DeleteFile>("delete_file", "Deletes a file in your draft."),
            ToolSpec::of::<AddMigration>(
                "add_migration",
                "Adds one migration to your draft. Says at once whether it is allowed, and whether a person must approve it.",
            ),
            ToolSpec::of::<RemoveMigration>("remove_migration", "Takes a migration of this change out of your draft."),
            ToolSpec::of::<SetInvalidations>(
                "set_invalidations",
                "Says which keys of Redis must go when the change goes live, because what they hold is no longer right.",
            ),
        ]
    }

    pub(super) fn of(call: &ToolCall) -> Result<Option<Self>, Wrong> {
        Ok(Some(match call.name.as_str() {
            "write_file" => Self::Write(arguments(call)?),
            "patch_file" => Self::Patch(arguments(call)?),
            "delete_file" => Self::Delete(arguments(call)?),
            "add_migration" => Self::AddMigration(arguments(call)?),
            "remove_migration" => Self::RemoveMigration(arguments(call)?),
            "set_invalidations" => Self::SetInvalidations(arguments(call)?),
            _ => return Ok(None),
        }))
    }

    /// The file that is written, for those who watch.
    pub(super) fn writes(&self) -> Option<Path> {
        match self {
            Self::Write(WriteFile { path, .. }) | Self::Patch(PatchFile { path, .. }) => path.parse().ok(),
            _ => None,
        }
    }
}

impl Workbench<'_> {
    /// Changes the draft. The same calls on the same draft always come to the same.
    pub(super) async fn edit(&mut self, edit: Edit) -> Result<String, Wrong> {
        match edit {
            Edit::Write(WriteFile { path: name, content }) => self.write(path(&name)?, content).await,
            Edit::Patch(patch) => self.patch(patch).await,
            Edit::Delete(DeleteFile { path: name }) => self.delete(path(&name)?),
            Edit::AddMigration(AddMigration { id, sql }) => self.add(Migration { id, sql }),
            Edit::RemoveMigration(RemoveMigration { id }) => {
                self.draft.remove_migration(&id)?;
                Ok(format!("Removed {id}."))
            }
            Edit::SetInvalidations(set) => self.invalidate(set),
        }
    }

    async fn write(&mut self, path: Path, content: String) -> Result<String, Wrong> {
        let content = Content::Text(content);
        if !self.draft.is_new(&path) && self.base.content(&path).await? == Some(&content) {
            self.draft.keep(&path);
            return Ok(format!("{path} is as it was before this change."));
        }
        let size = content.len();
        self.draft.put(path.clone(), Some(content))?;
        Ok(format!("Wrote {path}, {size} bytes."))
    }

    async fn patch(&mut self, patch: PatchFile) -> Result<String, Wrong> {
        let PatchFile { path: name, find, replace } = patch;
        let path = path(&name)?;
        let text = self.text(&path).await?;
        match text.matches(&find).count() {
            _ if find.is_empty() => Err("`find` is empty; use write_file to write a whole file.".to_owned().into()),
            1 => self.write(path, text.replacen(&find, &replace, 1)).await,
            0 => Err(missing(&path, &text, &find).into()),
            more => Err(format!(
                "Not changed: `find` stands in {path} {more} times. Take more of the lines around the one that you mean."
            )
            .into()),
        }
    }

    fn delete(&mut self, path: Path) -> Result<String, Wrong> {
        match self.draft.file(&path) {
            File::Absent | File::Deleted => Err(format!("There is no file {path}.").into()),
            File::Same(_) | File::Written(_) => {
                self.draft.put(path.clone(), None)?;
                Ok(format!("Deleted {path}."))
            }
        }
    }

    fn add(&mut self, migration: Migration) -> Result<String, Wrong> {
        let id = migration.id.clone();
        Ok(match self.draft.add_migration(migration)? {
            Class::Additive => format!("Added {id}. It only adds; nobody needs to approve it."),
            Class::Destructive { danger } => format!(
                "Added {id}. {danger} A person must approve exactly this statement before it goes live; keep it only if the \
                 goal cannot be reached without."
            ),
        })
    }

    fn invalidate(&mut self, set: SetInvalidations) -> Result<String, Wrong> {
        let SetInvalidations { bump, delete } = set;
        let keys = bump.iter().chain(&delete);
        if bump.len() + delete.len() > MOST_KEYS
            || keys
                .clone()
                .any(|key| key.is_empty() || key.chars().count() > LONGEST_KEY || key.contains(char::is_control))
        {
            let why = format!("Not set: at most {MOST_KEYS} keys of 1 to {LONGEST_KEY} characters each.");
            return Err(why.into());
        }
        let count = keys.count();
        let bump = bump.into_iter().map(Invalidation::Bump);
        self.draft.set_invalidations(bump.chain(delete.into_iter().map(Invalidation::Delete)).collect());
        Ok(format!("Set: {count} keys."))
    }
}

/// Why a piece is not there, and where it nearly is.
fn missing(path: &Path, text: &str, find: &str) -> String {
    let first = find.lines().map(str::trim).find(|line| !line.is_empty());
    let near = first.and_then(|first| text.lines().position(|line| line.trim() == first));
    let hint = match near {
        Some(line) => format!("Line {} looks like its beginning, but spaces, or lines below, differ.", line + 1),
        None => "Nothing in it looks like its first line.".to_owned(),
    };
    format!("Not changed: `find` does not stand in {path}. {hint} Read the file and copy the text exactly.")
}
