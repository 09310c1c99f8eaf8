use super::Desk;
use environment::client::grep;
use protocol::{Problem, artifact::Path};
use runtime::model::{clip, data};
use schemars::JsonSchema;
use serde::Deserialize;

/// A model is shown at most so many bytes at once.
const MOST_BYTES: usize = 40 << 10;
/// So many files are read at once.
const MOST_FILES: usize = 20;
/// Longer files are not searched, and of the others so many bytes together.
const SEARCHED: u64 = 512 << 10;
const SEARCHED_TOGETHER: u64 = 16 << 20;

/// Which files.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadFiles {
    /// Relative to the release: `["public/index.php", "src/Posts.php"]`. Together at most 40 KiB are shown.
    paths: Vec<String>,
    /// Leaves out the lines before this one, in each; from 1.
    #[serde(default)]
    from_line: Option<usize>,
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

impl Desk<'_> {
    pub(super) async fn show(&mut self, files: &ReadFiles) -> Result<String, Problem> {
        if files.paths.is_empty() || files.paths.len() > MOST_FILES {
            return Ok(format!("Name 1 to {MOST_FILES} files."));
        }
        let paths: Vec<Result<Path, String>> = files.paths.iter().map(|text| path(text)).collect();
        self.app.learn(paths.iter().flatten().cloned()).await?;
        let mut left = MOST_BYTES;
        let mut shown = Vec::new();
        for path in paths {
            shown.push(match path {
                Ok(path) => self.one(&path, files.from_line.unwrap_or(1).max(1), &mut left),
                Err(wrong) => wrong,
            });
        }
        Ok(shown.join("\n"))
    }

    /// One file, as far as there is room left.
    fn one(&self, path: &Path, from: usize, left: &mut usize) -> String {
        let Some(text) = self.app.text(path) else {
            return if self.app.tree().contains_key(path) {
                format!("{path} is no text, or larger than 1 MiB; search finds lines in it if it is text.")
            } else {
                format!("There is no file {path}.")
            };
        };
        let all = text.lines().count();
        let wanted: String = text.split_inclusive('\n').skip(from - 1).collect();
        if wanted.is_empty() {
            return format!("{path} has {all} lines.");
        }
        let (shown, whole) = clip(&wanted, *left);
        if shown.is_empty() {
            return format!("{path}: there is no room left for it; read it alone.");
        }
        *left -= shown.len();
        let to = (from + shown.lines().count()).saturating_sub(1);
        let cut = if whole { "" } else { ", cut off here because it is long" };
        format!("{path}, lines {from} to {to} of {all}{cut}:\n{}", data(self.job.id(), &format!("file {path}"), shown))
    }

    pub(super) async fn search(&mut self, search: &Search) -> Result<String, Problem> {
        let (mut paths, mut skipped, mut total) = (Vec::new(), 0, 0);
        for (path, size) in self.app.tree().iter().filter(|(path, _)| path.as_str().starts_with(&search.under)) {
            if *size > SEARCHED || total + size > SEARCHED_TOGETHER {
                skipped += 1;
                continue;
            }
            total += size;
            paths.push(path.clone());
        }
        self.app.learn(paths.clone()).await?;
        let files = paths.iter().filter_map(|path| Some((path, self.app.text(path)?)));
        let note = if skipped > 0 { format!(" {skipped} large files were not searched.") } else { String::new() };
        Ok(match grep(files, &search.pattern) {
            Err(wrong) => wrong,
            Ok(found) if found.is_empty() => format!("No line matches.{note}"),
            Ok(found) => {
                let (shown, whole) = clip(&found, MOST_BYTES);
                let more = if whole { "" } else { " There is more; use a narrower pattern." };
                format!("{}{note}{more}", data(self.job.id(), "lines that match", shown))
            }
        })
    }
}

fn path(text: &str) -> Result<Path, String> {
    text.parse().map_err(|error| format!("{text:?} is not the path of a file of the app: {error}."))
}
