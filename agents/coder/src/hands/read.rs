//! Looking at files as the draft has them.

use super::{
    Workbench,
    base::Base,
    draft::{Draft, File},
    wrong::Wrong,
};
use environment::files::{Files, Look};
use protocol::{
    Problem,
    artifact::{Content, Migration, Path},
};
use runtime::model::{clip, data};

/// What a list shows of the draft's migrations, in bytes.
const MIGRATIONS: usize = 4 << 10;

/// The files of a draft, and what is kept of the release that it starts from.
struct Drafted<'b, 'a> {
    draft: &'b Draft,
    base: &'b mut Base<'a>,
}

impl Files for Drafted<'_, '_> {
    fn names(&self) -> Vec<(&Path, String)> {
        let about = |path: &Path| match self.draft.file(path) {
            File::Absent => String::new(),
            File::Same(size) => format!("{size} bytes"),
            File::Deleted => "deleted by your draft".to_owned(),
            File::Written(content) => {
                let how = if self.draft.is_new(path) { "new" } else { "changed" };
                format!("{} bytes, {how} in your draft", content.len())
            }
        };
        self.draft.paths().map(|path| (path, about(path))).collect()
    }

    fn size(&self, path: &Path) -> Option<u64> {
        match self.draft.file(path) {
            File::Absent | File::Deleted => None,
            File::Same(size) => Some(size),
            File::Written(content) => Some(content.len() as u64),
        }
    }

    async fn learn(&mut self, paths: Vec<Path>) -> Result<(), Problem> {
        let kept = |path: Path| match self.draft.file(&path) {
            File::Same(size) => Some((path, size)),
            _ => None,
        };
        self.base.learn(paths.into_iter().filter_map(kept).collect()).await
    }

    fn text(&self, path: &Path) -> Result<&str, String> {
        let absent = || format!("There is no file {path}. list_files names those that are there.");
        let content = match self.draft.file(path) {
            File::Absent => return Err(absent()),
            File::Deleted => return Err(format!("Your draft deletes {path}. write_file brings it back.")),
            File::Written(content) => content,
            File::Same(_) => self.base.known(path).ok_or_else(absent)?,
        };
        match content {
            Content::Text(text) => Ok(text),
            Content::Base64(_) => Err(format!("{path} is no text; it can only be kept, or deleted.")),
        }
    }
}

impl Workbench<'_> {
    pub(super) async fn read(&mut self, look: Look) -> Result<String, Wrong> {
        let mut files = Drafted { draft: &self.draft, base: &mut self.base };
        let seen = look.at(&mut files, self.job.id()).await?;
        Ok(match look {
            Look::List(_) => format!("{seen}\n{}", self.migrations()),
            Look::Read(_) | Look::Search(_) => seen,
        })
    }

    fn migrations(&self) -> String {
        let line = |one: &Migration| format!("{}: {}", one.id, one.sql);
        let lines: Vec<_> = self.draft.migrations().iter().map(line).collect();
        if lines.is_empty() {
            return "Your draft has no migrations.".to_owned();
        }
        let shown = data(self.job.id(), "migrations", clip(&lines.join("\n"), MIGRATIONS).0);
        format!("Migrations of your draft:\n{shown}")
    }

    /// A file's text as the draft has it.
    pub(super) async fn text(&mut self, path: &Path) -> Result<String, Wrong> {
        let mut files = Drafted { draft: &self.draft, base: &mut self.base };
        files.learn(vec![path.clone()]).await?;
        Ok(files.text(path)?.to_owned())
    }
}
