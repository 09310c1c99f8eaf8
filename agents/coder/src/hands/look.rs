use super::{Workbench, draft::File, wrong::Wrong};
use environment::client::{Query, Request};
use protocol::{
    artifact::Path,
    chat::ToolCall,
    tools::host::{LINT_PHP, LintPhpInput, LintPhpOutput},
};
use runtime::model::{Did, ToolSpec, arguments, clip, data};
use schemars::JsonSchema;
use serde::Deserialize;

/// A look at the draft where it runs.
pub(super) enum Look {
    Lint,
    Query(Query),
    Request(Request),
    Log,
    Finish(Finish),
}

/// Nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// The work is done.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Finish {
    /// What was built, in one or two sentences for people, in the language of the goal.
    summary: String,
}

/// What PHP's parser says is cut off here, in bytes.
const MOST_SAID: usize = 8 << 10;
/// What Nginx hands every request to.
const FRONT: &str = "public/index.php";

impl Look {
    pub(super) fn tools() -> Vec<ToolSpec> {
        vec![
            ToolSpec::of::<Nothing>(
                "lint_php",
                "Lets PHP parse every file of your draft, and says what does not parse.",
            ),
            ToolSpec::of::<Query>(
                "query",
                "Asks the preview's database one SELECT, or EXPLAIN of one; shows at most 50 rows. It only reads.",
            ),
            ToolSpec::of::<Request>(
                "request",
                "Sends a request to your draft in the preview, and shows what comes back. Redirects are not followed. Each visitor \
                 (`as`) keeps its cookies. `take` keeps a form's token for a later request, also of the same answer.",
            ),
            ToolSpec::of::<Nothing>(
                "read_log",
                "Shows what PHP has logged in the preview since your draft last changed, or since you last looked.",
            ),
            ToolSpec::of::<Finish>(
                "finish",
                "Ends your work. Refused while a migration fails or a file does not parse.",
            ),
        ]
    }

    pub(super) fn of(call: &ToolCall) -> Result<Option<Self>, Wrong> {
        Ok(Some(match call.name.as_str() {
            "lint_php" => Self::nothing(call, Self::Lint)?,
            "query" => Self::Query(arguments::<Query>(call)?.checked()?),
            "request" => Self::Request(arguments::<Request>(call)?.checked()?),
            "read_log" => Self::nothing(call, Self::Log)?,
            "finish" => Self::Finish(arguments(call)?),
            _ => return Ok(None),
        }))
    }

    fn nothing(call: &ToolCall, look: Self) -> Result<Self, String> {
        arguments(call).map(|Nothing {}| look)
    }
}

impl Workbench<'_> {
    /// Looks at the draft, which is staged.
    pub(super) async fn look(&mut self, look: Look) -> Result<Did<String>, Wrong> {
        Ok(Did::Said(match look {
            Look::Lint => match self.lint().await? {
                Ok(files) => format!("All {files} PHP files parse."),
                Err(wrong) => wrong,
            },
            Look::Query(query) => self.preview.query(&query).await?,
            Look::Request(request) => self.preview.request(&request).await?,
            Look::Log => self.preview.log().await?,
            Look::Finish(Finish { summary }) => return self.finish(summary).await,
        }))
    }

    async fn finish(&mut self, summary: String) -> Result<Did<String>, Wrong> {
        let refused = |why: &str| Ok(Did::Said(format!("Not finished: {why}")));
        if self.draft.is_empty() {
            return refused("your draft changes nothing yet.");
        }
        let front: Path = FRONT.parse().map_err(|_| format!("{FRONT} is no path."))?;
        if matches!(self.draft.file(&front), File::Absent | File::Deleted) {
            return refused("there is no public/index.php, so the app would answer nothing.");
        }
        match self.lint().await? {
            Ok(_) => Ok(Did::Finished(summary)),
            Err(wrong) => refused(&wrong),
        }
    }

    /// How many files parse, or what does not.
    async fn lint(&self) -> Result<Result<u32, String>, Wrong> {
        let input = LintPhpInput { place: self.preview.place()?, paths: Vec::new() };
        let LintPhpOutput { files, errors } = self.preview.host().call(LINT_PHP, &input).await?;
        if errors.is_empty() {
            return Ok(Ok(files));
        }
        let said = errors.join("\n");
        let said = data(self.job.id(), "what PHP's parser says", clip(&said, MOST_SAID).0);
        Ok(Err(format!("{} of {files} PHP files do not parse; mend them:\n{said}", errors.len())))
    }
}
