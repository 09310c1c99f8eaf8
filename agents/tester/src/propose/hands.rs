use crate::run::Checklist;
use environment::client::grep;
use protocol::{
    artifact::{Act, Check, Content, Criterion, FileChange, Method, VerdictKind},
    chat::ToolCall,
    tools::host::{Place, READ_FILES, ReadFilesInput, ReadFilesOutput},
};
use runtime::{
    Job, JobError, Peer,
    model::{Did, Hands, ToolSpec, arguments, clip, data},
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt::Write as _;
use tokio::sync::OnceCell;

/// A model proposes at most so many checks.
const MOST: usize = 200;
/// So many lines of a file are read at once.
const LINES: usize = 400;
/// A model is shown at most so many bytes at once: what is longer would lose the mark at its end.
const MOST_BYTES: usize = 40 << 10;

/// What a model ended with.
#[derive(Debug)]
pub(super) struct Proposal {
    /// The checks.
    pub(super) checks: Vec<Check>,
    /// Those of before stand.
    pub(super) kept: bool,
    /// Why they are other than before.
    pub(super) why: String,
}

/// What a model that tests can do: read the preview's files, and propose.
pub(super) struct CheckHands<'a> {
    job: &'a Job,
    host: &'a Peer,
    place: Place,
    criteria: &'a [Criterion],
    files: OnceCell<Vec<FileChange>>,
    proposed: Vec<Check>,
}

/// The tools, as the model is told of them.
pub(super) fn tools() -> Vec<ToolSpec> {
    vec![
        ToolSpec::of::<Nothing>("list_files", "The preview's files with their sizes."),
        ToolSpec::of::<ReadFile>("read_file", "Lines of one file of the preview, at most 400 at once."),
        ToolSpec::of::<Search>("search", "Lines of the preview's files that a regular expression matches."),
        ToolSpec::of::<Propose>(
            "propose_checks",
            "The complete list of checks, in the order to run them. Ends your turn.",
        ),
        ToolSpec::of::<Nothing>(
            "keep_checks",
            "After a run with failures: the checks are right, the app is at fault. Ends your turn.",
        ),
    ]
}

/// Nothing to say.
#[derive(Deserialize, JsonSchema)]
struct Nothing {}

/// Which file.
#[derive(Deserialize, JsonSchema)]
struct ReadFile {
    /// As `list_files` has it.
    path: String,
    /// The first line, from 1.
    #[serde(default)]
    from_line: Option<usize>,
}

/// What to look for.
#[derive(Deserialize, JsonSchema)]
struct Search {
    /// A regular expression.
    pattern: String,
}

/// The checks.
#[derive(Deserialize, JsonSchema)]
struct Propose {
    /// All of them.
    checks: Vec<Check>,
    /// When the list replaces one that failed: what was wrong with it.
    #[serde(default)]
    why: String,
}

impl<'a> CheckHands<'a> {
    pub(super) fn new(job: &'a Job, host: &'a Peer, place: Place, criteria: &'a [Criterion]) -> Self {
        Self { job, host, place, criteria, files: OnceCell::new(), proposed: Vec::new() }
    }

    /// These were proposed before.
    pub(super) fn propose(&mut self, checks: Vec<Check>) {
        self.proposed = checks;
    }

    async fn files(&self) -> Result<&[FileChange], JobError> {
        let read = async {
            let input = ReadFilesInput { place: self.place.clone(), paths: Vec::new() };
            let output: ReadFilesOutput = self.host.call(READ_FILES, &input).await?;
            Ok::<_, JobError>(output.files)
        };
        Ok(self.files.get_or_try_init(|| read).await?)
    }

    async fn list(&self) -> Result<String, JobError> {
        let mut list = String::new();
        for file in self.files().await? {
            let _ = writeln!(list, "{} ({} bytes)", file.path, file.content.as_ref().map_or(0, Content::len));
        }
        Ok(self.marked("the preview's files", &list))
    }

    async fn read(&self, ReadFile { path, from_line }: ReadFile) -> Result<String, JobError> {
        let found = self.files().await?.iter().find(|file| file.path.as_str() == path);
        Ok(match found.and_then(|file| file.content.as_ref()) {
            None => format!("There is no file {path:?}. `list_files` says which there are."),
            Some(Content::Base64(_)) => format!("{path} is not text."),
            Some(Content::Text(text)) => {
                let from = from_line.unwrap_or(1).max(1);
                let lines: Vec<_> = text.lines().skip(from - 1).take(LINES).collect();
                let rest = text.lines().count().saturating_sub(from - 1 + lines.len());
                let marked = self.marked(&format!("{path} from line {from}"), &lines.join("\n"));
                if rest == 0 { marked } else { format!("{marked}\n({rest} more lines)") }
            }
        })
    }

    async fn search(&self, Search { pattern }: Search) -> Result<String, JobError> {
        let texts = self.files().await?.iter().filter_map(|file| match &file.content {
            Some(Content::Text(text)) => Some((&file.path, text.as_str())),
            _ => None,
        });
        Ok(match grep(texts, &pattern) {
            Err(wrong) => wrong,
            Ok(found) if found.is_empty() => "No line matches.".to_owned(),
            Ok(found) => self.marked("lines that match", &found),
        })
    }

    fn marked(&self, source: &str, text: &str) -> String {
        let (shown, whole) = clip(text, MOST_BYTES);
        let marked = data(self.job.id(), source, shown);
        if whole { marked } else { format!("{marked}\n(cut off here because it is long)") }
    }

    /// The list as it can be run, or what is wrong with it.
    fn look(&self, checks: &[Check]) -> Result<(), String> {
        if checks.len() > MOST {
            return Err(format!("{} checks; at most {MOST} are run", checks.len()));
        }
        let list = Checklist::new(VerdictKind::Preview, checks.to_vec()).map_err(|bad| bad.to_string())?;
        let missing = list.unshown(self.criteria);
        if !missing.is_empty() {
            return Err(format!("no check names the criteria {}", missing.join(", ")));
        }
        let known = |id: &String| self.criteria.iter().any(|criterion| criterion.id == *id);
        if let Some(unknown) = checks.iter().filter_map(|check| check.criterion.as_ref()).find(|id| !known(id)) {
            return Err(format!("there is no criterion {unknown}"));
        }
        if let Some(writes) = checks.iter().find(|check| check.smoke && !reads(check)) {
            return Err(format!("{} is marked smoke, and is more than a GET or HEAD without a body", writes.id));
        }
        if !checks.iter().any(|check| check.smoke) {
            return Err("no check is marked smoke".to_owned());
        }
        Ok(())
    }
}

impl Hands for CheckHands<'_> {
    type Outcome = Proposal;

    async fn call(&mut self, call: &ToolCall) -> Result<Did<Proposal>, JobError> {
        Ok(match call.name.as_str() {
            "list_files" => Did::Said(self.list().await?),
            "read_file" => match arguments(call) {
                Ok(which) => Did::Said(self.read(which).await?),
                Err(wrong) => Did::Said(wrong),
            },
            "search" => match arguments(call) {
                Ok(what) => Did::Said(self.search(what).await?),
                Err(wrong) => Did::Said(wrong),
            },
            "keep_checks" if self.proposed.is_empty() => Did::Said("There are no checks yet: propose some.".to_owned()),
            "keep_checks" => Did::Finished(Proposal { checks: self.proposed.clone(), kept: true, why: String::new() }),
            _ => match arguments(call).and_then(|given: Propose| self.look(&given.checks).map(|()| given)) {
                Ok(Propose { checks, why }) => {
                    self.proposed.clone_from(&checks);
                    Did::Finished(Proposal { checks, kept: false, why })
                }
                Err(wrong) => {
                    Did::Said(format!("These checks cannot be run: {wrong}. Call again with the whole list."))
                }
            },
        })
    }

    async fn again(&mut self, _call: &ToolCall, _said: &str) -> Result<(), JobError> {
        // What ends a turn is never told, and is carried out again; everything else only reads.
        Ok(())
    }
}

fn reads(check: &Check) -> bool {
    match &check.act {
        Act::Http(http) => matches!(http.method, Method::Get | Method::Head) && http.body.is_none(),
        Act::Sql(_) | Act::Cache(_) | Act::Log(_) | Act::Lint(_) => true,
    }
}
