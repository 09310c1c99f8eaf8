use super::draft::Draft;
use crate::{base::Base, run::World};
use environment::client::{Query, Request, grep};
use protocol::{
    artifact::{Check, Content, Criterion, FileChange, Unproven},
    chat::ToolCall,
    tools::host::{Place, READ_FILES, ReadFilesInput, ReadFilesOutput},
};
use runtime::{
    Job, JobError, Peer,
    model::{Did, Hands, ToolSpec, arguments, clip, data},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::fmt::Write as _;
use tokio::sync::OnceCell;

/// So many lines of a file are read at once.
const LINES: usize = 400;
/// What is said of looking at what is not there.
const NOTHING_BEFORE: &str =
    "The app is new: there is no release before the change to look at. Read the preview's files.";
/// A model is shown at most so many bytes at once: what is longer would lose the mark at its end.
const MOST_BYTES: usize = 40 << 10;

/// The tools that propose.
const PROPOSES: [&str; 2] = ["propose_checks", "change_checks"];

/// What a model ended with.
#[derive(Debug, Default)]
pub(super) struct Proposal {
    /// The checks.
    pub(super) checks: Vec<Check>,
    /// The criteria that they leave unproven.
    pub(super) unproven: Vec<Unproven>,
    /// Those of before stand.
    pub(super) kept: bool,
    /// Why they are other than before.
    pub(super) why: String,
}

/// What a model that tests can do: read the preview's files, look at the release before the change, and propose.
pub(super) struct CheckHands<'a> {
    job: &'a Job,
    host: &'a Peer,
    place: Place,
    base: Base<'a>,
    criteria: &'a [Criterion],
    files: OnceCell<Vec<FileChange>>,
    before: OnceCell<World>,
    proposed: Draft,
}

/// The tools, as the model is told of them.
pub(super) fn tools() -> Vec<ToolSpec> {
    vec![
        ToolSpec::of::<Nothing>("list_files", "The preview's files with their sizes."),
        ToolSpec::of::<ReadFile>("read_file", "Lines of one file of the preview, at most 400 at once."),
        ToolSpec::of::<Search>("search", "Lines of the preview's files that a regular expression matches."),
        ToolSpec::of::<Query>(
            "query",
            "Asks the database of the release before the change one SELECT, or EXPLAIN of one; shows at most 50 rows. It is a copy of \
             the live data; after the checks have run it also holds what they did there.",
        ),
        ToolSpec::of::<GetPage>(
            "request",
            "Sends a GET to the release before the change, as somebody who is not logged in, and shows what comes back. Redirects are \
             not followed.",
        ),
        ToolSpec::of::<Propose>(
            "propose_checks",
            "The complete list of checks, in the order to run them. Ends your turn.",
        ),
        ToolSpec::of::<Change>(
            "change_checks",
            "Changes the list that was proposed last, also one that was refused, and proposes it: what is not named stays as it is. Ends \
             your turn.",
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

/// Which page.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GetPage {
    /// Path and query, percent-encoded, starting with `/`.
    path: String,
}

/// The checks.
#[derive(Deserialize, JsonSchema)]
struct Propose {
    /// All of them.
    #[schemars(with = "Vec<Check>")]
    checks: Vec<Value>,
    /// Criteria that no check can show, each with the reason. People are told.
    #[serde(default)]
    unproven: Vec<Unproven>,
    /// When the list replaces one that failed: what was wrong with it.
    #[serde(default)]
    why: String,
}

/// What is other than in the list before.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Whole checks: one takes the place of the check that has its id; one with a new id is added.
    #[serde(default)]
    #[schemars(with = "Vec<Check>")]
    put: Vec<Value>,
    /// New ones are added behind the check of this id; at the end when absent.
    #[serde(default)]
    after: Option<String>,
    /// Ids of checks that go.
    #[serde(default)]
    remove: Vec<String>,
    /// As in `propose_checks`, in place of what was said before; absent leaves it.
    #[serde(default)]
    unproven: Option<Vec<Unproven>>,
    /// When the list before had been run: what was wrong with it.
    #[serde(default)]
    why: String,
}

impl<'a> CheckHands<'a> {
    pub(super) fn new(base: Base<'a>, place: Place, criteria: &'a [Criterion]) -> Self {
        let (files, before) = (OnceCell::new(), OnceCell::new());
        let (job, host, proposed) = (base.job(), base.host(), Draft::default());
        Self { job, host, place, base, criteria, files, before, proposed }
    }

    /// These were proposed before.
    pub(super) fn proposed(&mut self, checks: Vec<Check>, unproven: Vec<Unproven>) {
        self.proposed = Draft::again(checks, unproven);
    }

    /// What a model proposes, or what is wrong with it.
    fn propose(&mut self, call: &ToolCall) -> Did<Proposal> {
        let why = match self.take(call) {
            Ok(why) => why,
            Err(wrong) => return Did::Said(wrong),
        };
        match self.proposed.look(self.criteria) {
            Ok((checks, unproven)) => Did::Finished(Proposal { checks, unproven, kept: false, why }),
            Err(wrong) => Did::Said(format!(
                "These checks cannot be run: {wrong}. Your list is kept: put it right with `change_checks`, which takes only what changes."
            )),
        }
    }

    /// Takes a proposal, or a change of one, into the draft. Answers what the model says of it.
    fn take(&mut self, call: &ToolCall) -> Result<String, String> {
        if call.name == "propose_checks" {
            let Propose { checks, unproven, why } = arguments(call)?;
            self.proposed = Draft::of(checks, unproven);
            return Ok(why);
        }
        let Change { put, after, remove, unproven, why } = arguments(call)?;
        if self.proposed.is_empty() {
            return Err("There are no checks yet: call `propose_checks`.".to_owned());
        }
        self.proposed.change(put, after.as_deref(), &remove).map_err(|wrong| format!("{wrong}."))?;
        if let Some(unproven) = unproven {
            self.proposed.leave_unproven(unproven);
        }
        Ok(why)
    }

    async fn query(&self, query: &Query) -> Result<String, JobError> {
        match self.before().await? {
            Some(world) => Ok(world.answer(query, self.job.id()).await?),
            None => Ok(NOTHING_BEFORE.to_owned()),
        }
    }

    async fn request(&self, request: &Request) -> Result<String, JobError> {
        match self.before().await? {
            Some(world) => Ok(world.page(request, self.job.id()).await?),
            None => Ok(NOTHING_BEFORE.to_owned()),
        }
    }

    /// The release before the change, if there is one.
    async fn before(&self) -> Result<Option<&World>, JobError> {
        if !self.base.exists() {
            return Ok(None);
        }
        Ok(Some(self.before.get_or_try_init(|| self.base.world()).await?))
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
}

impl Hands for CheckHands<'_> {
    type Outcome = Proposal;

    async fn call(&mut self, call: &ToolCall) -> Result<Did<Proposal>, JobError> {
        let said = match call.name.as_str() {
            "list_files" => self.list().await?,
            "read_file" => match arguments(call) {
                Ok(which) => self.read(which).await?,
                Err(wrong) => wrong,
            },
            "search" => match arguments(call) {
                Ok(what) => self.search(what).await?,
                Err(wrong) => wrong,
            },
            "query" => match arguments(call).and_then(Query::checked) {
                Ok(query) => self.query(&query).await?,
                Err(wrong) => wrong,
            },
            "request" => match arguments(call).and_then(|GetPage { path }| Request::get(path).checked()) {
                Ok(request) => self.request(&request).await?,
                Err(wrong) => wrong,
            },
            "keep_checks" if self.proposed.is_empty() => "There are no checks yet: propose some.".to_owned(),
            "keep_checks" => {
                return Ok(Did::Finished(Proposal { checks: Vec::new(), kept: true, ..Proposal::default() }));
            }
            _ => return Ok(self.propose(call)),
        };
        Ok(Did::Said(said))
    }

    async fn again(&mut self, call: &ToolCall, _said: &str) -> Result<(), JobError> {
        // What was refused then is in the draft all the same. What ends a turn is never told, and is carried out again.
        if PROPOSES.contains(&call.name.as_str()) {
            drop(self.propose(call));
        }
        Ok(())
    }
}
