use super::{Workbench, draft::File, wrong::Wrong};
use environment::client::grep;
use protocol::{
    artifact::{Content, Migration, Path},
    chat::ToolCall,
};
use runtime::model::{ToolSpec, arguments, clip, data};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt::Write as _;

/// A look at files.
pub(super) enum Read {
    List(ListFiles),
    File(ReadFile),
    Search(Search),
}

/// A list names at most so many files.
const MOST_FILES: usize = 600;
/// So many lines are shown unless more are asked for.
const LINES: usize = 400;
/// A model is shown at most so many bytes of one file, or of what a search finds.
const MOST_BYTES: usize = 40 << 10;
/// What a list shows of the draft's migrations, in bytes.
const MIGRATIONS: usize = 4 << 10;
/// Files of the live release that are longer are not searched.
const SEARCHED: u64 = 1 << 20;

/// Which files.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListFiles {
    /// Only paths that start so: `src/`. All of them when absent.
    #[serde(default)]
    under: String,
}

/// Which file, and which lines of it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadFile {
    /// Relative to the release: `public/index.php`.
    path: String,
    /// The first line wanted, from 1.
    #[serde(default)]
    from_line: Option<usize>,
    /// How many lines; 400 when absent.
    #[serde(default)]
    lines: Option<usize>,
}

/// What is looked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// A regular expression, matched against each line. No look-around, no back-references. `(?i)` in front ignores case.
    pattern: String,
    /// Only in paths that start so: `src/`.
    #[serde(default)]
    under: String,
}

impl Read {
    pub(super) fn tools() -> Vec<ToolSpec> {
        vec![
            ToolSpec::of::<ListFiles>(
                "list_files",
                "Lists the files of the app as your draft has them, and its migrations.",
            ),
            ToolSpec::of::<ReadFile>("read_file", "Shows a text file as your draft has it, exactly as it is."),
            ToolSpec::of::<Search>(
                "search",
                "Finds lines in all text files as your draft has them; shows path, line number and text.",
            ),
        ]
    }

    pub(super) fn of(call: &ToolCall) -> Result<Option<Self>, Wrong> {
        Ok(Some(match call.name.as_str() {
            "list_files" => Self::List(arguments(call)?),
            "read_file" => Self::File(arguments(call)?),
            "search" => Self::Search(arguments(call)?),
            _ => return Ok(None),
        }))
    }
}

impl Workbench<'_> {
    pub(super) async fn read(&mut self, read: Read) -> Result<String, Wrong> {
        match read {
            Read::List(list) => Ok(self.list(&list.under)),
            Read::File(file) => self.show(&file).await,
            Read::Search(search) => self.search(&search).await,
        }
    }

    fn list(&self, under: &str) -> String {
        let mut text = String::new();
        let (mut shown, mut left) = (0, 0);
        for path in self.draft.paths().filter(|path| path.as_str().starts_with(under)) {
            if shown == MOST_FILES {
                left += 1;
                continue;
            }
            shown += 1;
            let _ = match self.draft.file(path) {
                File::Absent => Ok(()),
                File::Same(size) => writeln!(text, "{path} ({size} bytes)"),
                File::Deleted => writeln!(text, "{path} (deleted by your draft)"),
                File::Written(content) => {
                    let how = if self.draft.is_new(path) { "new" } else { "changed" };
                    writeln!(text, "{path} ({} bytes, {how} in your draft)", content.len())
                }
            };
        }
        let files = match shown {
            0 => "There is no such file.".to_owned(),
            _ => data(self.job.id(), "the app's file names", text.trim_end()),
        };
        let more = if left > 0 { format!("\n{left} more files; name a folder with `under`.") } else { String::new() };
        format!("{files}{more}\n{}", self.migrations())
    }

    fn migrations(&self) -> String {
        let line = |one: &Migration| format!("{}: {}", one.id, one.sql);
        let lines: Vec<_> = self.draft.migrations().iter().map(line).collect();
        if lines.is_empty() {
            return "Your draft has no migrations.".to_owned();
        }
        format!("Migrations of your draft:\n{}", clip(&lines.join("\n"), MIGRATIONS).0)
    }

    async fn show(&mut self, file: &ReadFile) -> Result<String, Wrong> {
        let path = path(&file.path)?;
        let text = self.text(&path).await?;
        let all = text.lines().count();
        let from = file.from_line.unwrap_or(1).max(1);
        let wanted: String = text.split_inclusive('\n').skip(from - 1).take(file.lines.unwrap_or(LINES)).collect();
        if wanted.is_empty() {
            return Ok(format!("{path} has {all} lines; there is nothing from line {from} on."));
        }
        let (shown, whole) = clip(&wanted, MOST_BYTES);
        let to = (from + shown.lines().count()).saturating_sub(1);
        let cut = if whole { "" } else { ", cut off here because it is long" };
        let head = format!("{path}, lines {from} to {to} of {all}{cut}:");
        Ok(format!("{head}\n{}", data(self.job.id(), &format!("file {path}"), shown)))
    }

    /// A file's text as the draft has it.
    pub(super) async fn text(&mut self, path: &Path) -> Result<String, Wrong> {
        let absent = || Wrong::Said(format!("There is no file {path}. list_files names those that are there."));
        let content = match self.draft.file(path) {
            File::Absent => return Err(absent()),
            File::Deleted => return Err(format!("Your draft deletes {path}. write_file brings it back.").into()),
            File::Written(content) => content,
            File::Same(_) => self.base.content(path).await?.ok_or_else(absent)?,
        };
        match content {
            Content::Text(text) => Ok(text.clone()),
            Content::Base64(_) => Err(format!("{path} is no text; it can only be kept, or deleted.").into()),
        }
    }

    async fn search(&mut self, search: &Search) -> Result<String, Wrong> {
        let paths: Vec<_> =
            self.draft.paths().filter(|path| path.as_str().starts_with(&search.under)).cloned().collect();
        let (mut wanted, mut skipped) = (Vec::new(), 0);
        for path in &paths {
            match self.draft.file(path) {
                File::Same(size) if size <= SEARCHED => wanted.push((path.clone(), size)),
                File::Same(_) => skipped += 1,
                _ => {}
            }
        }
        self.base.learn(wanted).await?;
        let texts = paths.iter().filter_map(|path| match self.draft.file(path) {
            File::Written(Content::Text(text)) => Some((path, text.as_str())),
            File::Same(_) => match self.base.known(path)? {
                Content::Text(text) => Some((path, text.as_str())),
                Content::Base64(_) => None,
            },
            _ => None,
        });
        let found = grep(texts, &search.pattern)?;
        let note = if skipped > 0 { format!(" {skipped} very long files were not searched.") } else { String::new() };
        if found.is_empty() {
            return Ok(format!("No line matches.{note}"));
        }
        let (shown, whole) = clip(&found, MOST_BYTES);
        let more = if whole { note } else { format!("{note} There is more; use a narrower pattern.") };
        Ok(format!("{}{more}", data(self.job.id(), "lines that match", shown)))
    }
}

/// # Errors
/// Why it is no path of a release.
pub(super) fn path(text: &str) -> Result<Path, Wrong> {
    text.parse().map_err(|error| Wrong::Said(format!("{text:?} is not the path of a file of the app: {error}.")))
}
