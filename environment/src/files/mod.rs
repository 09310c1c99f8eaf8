//! What a language model is shown of an app's files: their names, their texts, lines that match. One implementation for every agent;
//! [`Files`] says which files: those of the [`Live`] release, or of a draft.

mod live;

pub use live::{Live, base, inspect, moved};

use crate::client::grep;
use protocol::{JobId, Problem, artifact::Path, chat::ToolCall};
use runtime::model::{ToolSpec, arguments, clip, data};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use std::fmt::Write as _;

/// Files that can be looked at.
pub trait Files: Send {
    /// Every name, in order, with what is to be said of the file.
    fn names(&self) -> Vec<(&Path, String)>;

    /// Bytes of a file that is there.
    fn size(&self, path: &Path) -> Option<u64>;

    /// Has the texts of these ready. Files that are not there are none of its business.
    ///
    /// # Errors
    /// What keeps it from going on at all.
    fn learn(&mut self, paths: Vec<Path>) -> impl Future<Output = Result<(), Problem>> + Send;

    /// What a file holds that was learnt.
    ///
    /// # Errors
    /// Why there is nothing to show, in words for the model.
    fn text(&self, path: &Path) -> Result<&str, String>;
}

/// A look at files. It leaves no trace.
#[derive(Debug)]
pub enum Look {
    /// At their names.
    List(ListFiles),
    /// At their texts.
    Read(ReadFiles),
    /// At lines in them.
    Search(Search),
}

/// Whose files they are, for the tools' descriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Those of the live release.
    Live,
    /// Those of the Coder's draft.
    Draft,
}

/// A list names at most so many files.
const MOST_NAMES: usize = 600;
/// So many files are read at once.
const MOST_FILES: usize = 20;
/// So many lines of each are shown unless more are asked for.
const LINES: usize = 400;
/// A model is shown at most so many bytes at once.
const MOST_BYTES: usize = 40 << 10;
/// Longer files are not searched, and of the others so many bytes together.
const SEARCHED: u64 = 1 << 20;
const SEARCHED_TOGETHER: u64 = 16 << 20;

/// Which names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListFiles {
    /// Only paths that start so: `src/`. All of them when absent.
    #[serde(default)]
    under: String,
}

/// Which files, and which lines of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadFiles {
    /// Relative to the release: `["public/index.php", "src/Posts.php"]`. Together at most 40 KiB are shown.
    #[serde(alias = "path", deserialize_with = "one_or_more")]
    paths: Vec<String>,
    /// The first line wanted, in each; from 1.
    #[serde(default)]
    from_line: Option<usize>,
    /// How many lines of each; 400 when absent.
    #[serde(default)]
    lines: Option<usize>,
}

/// What is looked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// A regular expression, matched against each line. No look-around, no back-references. `(?i)` in front ignores case.
    pattern: String,
    /// Only in paths that start so: `src/`.
    #[serde(default)]
    under: String,
}

/// Models that want one file often say it so, whatever the schema says.
fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a list of paths")]
    enum Paths {
        One(String),
        More(Vec<String>),
    }
    Ok(match Paths::deserialize(from)? {
        Paths::One(path) => vec![path],
        Paths::More(paths) => paths,
    })
}

impl Whose {
    fn read(self) -> &'static str {
        match self {
            Self::Live => "read_files",
            Self::Draft => "read_file",
        }
    }
}

impl Look {
    /// The three tools.
    #[must_use]
    pub fn tools(whose: Whose) -> Vec<ToolSpec> {
        let [list, read, search] = match whose {
            Whose::Live => [
                "Lists the files of the live release, with their sizes.",
                "Shows text files of the live release, exactly as they are.",
                "Finds lines in all text files of the live release; shows path, line number and text.",
            ],
            Whose::Draft => [
                "Lists the files of the app as your draft has them, and its migrations.",
                "Shows text files as your draft has them, exactly as they are.",
                "Finds lines in all text files as your draft has them; shows path, line number and text.",
            ],
        };
        vec![
            ToolSpec::of::<ListFiles>("list_files", list),
            ToolSpec::of::<ReadFiles>(whose.read(), read),
            ToolSpec::of::<Search>("search", search),
        ]
    }

    /// A call of one of them; nothing for a call of another tool.
    ///
    /// # Errors
    /// What is wrong with the arguments, in words for the model.
    pub fn of(call: &ToolCall, whose: Whose) -> Result<Option<Self>, String> {
        Ok(Some(match call.name.as_str() {
            "list_files" => Self::List(arguments(call)?),
            "search" => Self::Search(arguments(call)?),
            name if name == whose.read() => Self::Read(arguments(call)?),
            _ => return Ok(None),
        }))
    }

    /// What is seen: in words for the model, and what the files say as data.
    ///
    /// # Errors
    /// Those of [`Files::learn`].
    pub async fn at(&self, files: &mut impl Files, job: JobId) -> Result<String, Problem> {
        match self {
            Self::List(list) => Ok(names(files, job, &list.under)),
            Self::Read(read) => texts(files, job, read).await,
            Self::Search(search) => lines(files, job, search).await,
        }
    }
}

fn names(files: &impl Files, job: JobId, under: &str) -> String {
    let (mut text, mut left) = (String::new(), 0_usize);
    let there = files.names();
    for (place, (path, about)) in there.iter().filter(|(path, _)| path.as_str().starts_with(under)).enumerate() {
        if place < MOST_NAMES {
            let _ = writeln!(text, "{path} ({about})");
        } else {
            left += 1;
        }
    }
    if text.is_empty() {
        return "There is no such file.".to_owned();
    }
    let more = if left > 0 { format!("\n{left} more files; name a folder with `under`.") } else { String::new() };
    format!("{}{more}", data(job, "the app's file names", text.trim_end()))
}

async fn texts(files: &mut impl Files, job: JobId, read: &ReadFiles) -> Result<String, Problem> {
    if read.paths.is_empty() || read.paths.len() > MOST_FILES {
        return Ok(format!("Name 1 to {MOST_FILES} files."));
    }
    let paths: Vec<_> = read.paths.iter().map(|text| path(text)).collect();
    files.learn(paths.iter().flatten().cloned().collect()).await?;
    let mut left = MOST_BYTES;
    let shown = paths.into_iter().map(|path| path.and_then(|path| one(files, job, &path, read, &mut left)));
    Ok(shown.map(|shown| shown.unwrap_or_else(|wrong| wrong)).collect::<Vec<_>>().join("\n"))
}

/// One file, as far as there is room left.
fn one(files: &impl Files, job: JobId, path: &Path, read: &ReadFiles, left: &mut usize) -> Result<String, String> {
    let text = files.text(path)?;
    let (all, from) = (text.lines().count(), read.from_line.unwrap_or(1).max(1));
    let wanted: String = text.split_inclusive('\n').skip(from - 1).take(read.lines.unwrap_or(LINES)).collect();
    if wanted.is_empty() {
        return Err(format!("{path} has {all} lines; there is nothing from line {from} on."));
    }
    let (shown, whole) = clip(&wanted, *left);
    if shown.is_empty() {
        return Err(format!("{path}: there is no room left for it; read it alone."));
    }
    *left -= shown.len();
    let to = (from + shown.lines().count()).saturating_sub(1);
    let cut = if whole { "" } else { ", cut off here because it is long" };
    Ok(format!("{path}, lines {from} to {to} of {all}{cut}:\n{}", data(job, &format!("file {path}"), shown)))
}

async fn lines(files: &mut impl Files, job: JobId, search: &Search) -> Result<String, Problem> {
    let (mut paths, mut skipped, mut total) = (Vec::new(), 0_usize, 0);
    for (path, _) in files.names() {
        let Some(size) = files.size(path).filter(|_| path.as_str().starts_with(&search.under)) else { continue };
        if size > SEARCHED || total + size > SEARCHED_TOGETHER {
            skipped += 1;
            continue;
        }
        total += size;
        paths.push(path.clone());
    }
    files.learn(paths.clone()).await?;
    let texts = paths.iter().filter_map(|path| Some((path, files.text(path).ok()?)));
    let note = if skipped > 0 { format!(" {skipped} large files were not searched.") } else { String::new() };
    Ok(match grep(texts, &search.pattern) {
        Err(wrong) => wrong,
        Ok(found) if found.is_empty() => format!("No line matches.{note}"),
        Ok(found) => {
            let (shown, whole) = clip(&found, MOST_BYTES);
            let more = if whole { "" } else { " There is more; use a narrower pattern." };
            format!("{}{note}{more}", data(job, "lines that match", shown))
        }
    })
}

/// The path of a file of an app.
///
/// # Errors
/// Why it is none, in words for the model.
pub fn path(text: &str) -> Result<Path, String> {
    text.parse().map_err(|error| format!("{text:?} is not the path of a file of the app: {error}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    /// Files that are all known.
    struct Known(BTreeMap<Path, String>);

    impl Files for Known {
        fn names(&self) -> Vec<(&Path, String)> {
            self.0.iter().map(|(path, text)| (path, format!("{} bytes", text.len()))).collect()
        }

        fn size(&self, path: &Path) -> Option<u64> {
            Some(self.0.get(path)?.len() as u64)
        }

        async fn learn(&mut self, _paths: Vec<Path>) -> Result<(), Problem> {
            Ok(())
        }

        fn text(&self, path: &Path) -> Result<&str, String> {
            self.0.get(path).map(String::as_str).ok_or_else(|| format!("There is no file {path}."))
        }
    }

    fn known(files: &[(&str, &str)]) -> Known {
        Known(files.iter().map(|(path, text)| (path.parse().expect("a path"), (*text).to_owned())).collect())
    }

    async fn seen(files: &mut Known, name: &str, arguments: Value) -> String {
        let call = ToolCall { id: "1".into(), name: name.into(), arguments };
        match Look::of(&call, Whose::Live) {
            Ok(look) => look.expect("a look").at(files, JobId::fresh()).await.expect("seen"),
            Err(wrong) => wrong,
        }
    }

    #[tokio::test]
    async fn several_files_are_read_at_once_and_share_the_room() {
        let long = "0123456789\n".repeat(9_000);
        let mut files = known(&[("a.php", "one\ntwo\nthree\n"), ("b.php", &long), ("c.php", "last")]);
        let said = seen(&mut files, "read_files", json!({"paths": ["a.php", "no.php", "../x"]})).await;
        assert!(said.contains("a.php, lines 1 to 3 of 3:") && said.contains("There is no file no.php."), "{said}");
        assert!(said.contains("\"../x\" is not the path"), "{said}");
        let some = json!({"paths": ["a.php", "b.php"], "from_line": 2, "lines": 1});
        let said = seen(&mut files, "read_files", some).await;
        assert!(said.contains("lines 2 to 2 of 3") && said.contains("\ntwo\n") && !said.contains("three"), "{said}");
        let all = json!({"paths": ["b.php", "c.php"], "lines": 100_000});
        let said = seen(&mut files, "read_files", all).await;
        assert!(said.contains("cut off here") && said.contains("c.php: there is no room left"), "{}", said.len());
        let said = seen(&mut files, "read_files", json!({"path": "c.php"})).await;
        assert!(said.starts_with("c.php, lines 1 to 1 of 1"), "one is as good as a list of one: {said}");
        let said = seen(&mut files, "read_files", json!({"paths": 7})).await;
        assert!(said.contains("do not fit"), "{said}");
    }

    #[tokio::test]
    async fn names_and_lines_are_found_below_a_folder() {
        let mut files = known(&[("src/a.php", "route /club"), ("web/b.php", "route /club")]);
        let said = seen(&mut files, "list_files", json!({"under": "src/"})).await;
        assert!(said.contains("src/a.php (11 bytes)") && !said.contains("web/"), "{said}");
        let said = seen(&mut files, "search", json!({"pattern": "club", "under": "web/"})).await;
        assert!(said.contains("web/b.php:1: route /club") && !said.contains("src/"), "{said}");
        assert_eq!(seen(&mut files, "search", json!({"pattern": "none"})).await, "No line matches.");
    }
}
