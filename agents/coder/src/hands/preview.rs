use super::{draft::Draft, look::Look, wrong::Wrong};
use crate::host::Host;
use environment::client::{Query, Request, Secrets, Sql, Web};
use protocol::{
    Code, Digest, Problem,
    tools::{
        Epoch, PreviewRef,
        coder::BuildInput,
        host::{
            ACCESS, Access, AccessInput, OPEN_PREVIEW, OpenPreviewInput, Place, STAGE_RELEASE, StageReleaseInput,
            Staged, TAIL_LOG, TailLogInput, TailLogOutput,
        },
    },
};
use runtime::{
    Job, JobError,
    model::{clip, data},
};

/// A log is read in at most so many pieces, and its last lines are shown.
const PIECES: usize = 64;
const MOST_LINES: usize = 80;
const MOST_BYTES: usize = 16 << 10;

/// The task's preview, and what of the draft stands in it.
pub(super) struct Preview<'a> {
    job: &'a Job,
    host: &'a Host,
    input: &'a BuildInput,
    /// The preview, once it is open.
    open: Option<PreviewRef>,
    /// Its log was shown, or is of an older draft, up to here.
    log_seen: u64,
    /// What stands in it.
    staged: Option<Digest>,
    /// How often something was staged in this conversation: the ledger's name for the next time.
    times: u32,
    access: Option<Access>,
    web: Option<Web>,
    sql: Option<Sql>,
    /// An earlier run sent requests, and took with it the cookies and what it had taken from answers.
    visitors_lost: bool,
}

impl<'a> Preview<'a> {
    pub(super) fn new(job: &'a Job, host: &'a Host, input: &'a BuildInput) -> Self {
        Self {
            job,
            host,
            input,
            open: None,
            log_seen: 0,
            staged: None,
            times: 0,
            access: None,
            web: None,
            sql: None,
            visitors_lost: false,
        }
    }

    pub(super) fn host(&self) -> &'a Host {
        self.host
    }

    /// Puts the draft into the preview, if it is not what stands there already. Every time is an act in the ledger, so a run that
    /// follows on this one finds what was done.
    ///
    /// # Errors
    /// [`Wrong::Said`] when the draft itself is at fault.
    pub(super) async fn stage(&mut self, draft: &Draft) -> Result<(), Wrong> {
        let change_set = draft.change_set();
        let digest = change_set.digest();
        if self.staged == Some(digest) {
            return Ok(());
        }
        let preview = self.opened(change_set.base).await?;
        self.staged = None;
        self.times += 1;
        let key = format!("stage/{:04}", self.times);
        let stage = StageReleaseInput { preview, change_set, epoch: self.epoch() };
        let staged: Result<Staged, JobError> =
            self.host.effect(self.job, &key, &(&stage.preview, digest), STAGE_RELEASE, &stage).await;
        match staged {
            Ok(_) => {
                self.staged = Some(digest);
                self.skip_log().await
            }
            Err(JobError::Terminal(problem)) if is_the_drafts(problem.code) => Err(self.refused(&problem).into()),
            Err(error) => Err(error.into()),
        }
    }

    /// What was logged until now is of an older draft. A look, kept like an act: a run that follows on this one begins at the same place.
    async fn skip_log(&mut self) -> Result<(), Wrong> {
        let (place, key) = (self.place()?, format!("log/{:04}", self.times));
        let tail = TailLogInput { place, from: None };
        let log: TailLogOutput = self.host.effect(self.job, &key, &tail, TAIL_LOG, &tail).await?;
        self.log_seen = log.end;
        Ok(())
    }

    fn refused(&self, problem: &Problem) -> String {
        let why = data(self.job.id(), "why", clip(&problem.detail, MOST_BYTES).0);
        format!("Your draft cannot be tried, so nothing was looked at. {}:\n{why}\nCorrect the draft.", problem.title)
    }

    async fn opened(&mut self, base: Option<Digest>) -> Result<protocol::PreviewName, Wrong> {
        if let Some(preview) = &self.open {
            return Ok(preview.name.clone());
        }
        let input = self.input;
        let open = OpenPreviewInput { app: input.app.clone(), task: input.task, base, epoch: self.epoch() };
        let what = (&open.app, open.task, open.base);
        let preview: PreviewRef = self.host.effect(self.job, "preview", &what, OPEN_PREVIEW, &open).await?;
        let name = preview.name.clone();
        self.open = Some(preview);
        Ok(name)
    }

    fn epoch(&self) -> Epoch {
        Epoch { turn: self.input.turn, fence: self.job.fence() }
    }

    /// Where the draft stands.
    pub(super) fn place(&self) -> Result<Place, Problem> {
        match &self.open {
            Some(preview) => Ok(Place::Preview(preview.name.clone())),
            None => Err(Code::Internal.problem("the preview is looked at before it was opened")),
        }
    }

    async fn access(&mut self) -> Result<&Access, Problem> {
        if self.access.is_none() {
            self.access = Some(self.host.call(ACCESS, &AccessInput { place: self.place()? }).await?);
        }
        self.access.as_ref().ok_or_else(|| Code::Internal.problem("the accounts were lost"))
    }

    async fn web(&mut self) -> Result<&Web, Problem> {
        if self.web.is_none() {
            self.web = Some(Web::new(self.access().await?));
        }
        self.web.as_ref().ok_or_else(|| Code::Internal.problem("the web client was lost"))
    }

    async fn sql(&mut self) -> Result<&Sql, Problem> {
        if self.sql.is_none() {
            self.sql = Some(Sql::connect(self.access().await?).await?);
        }
        self.sql.as_ref().ok_or_else(|| Code::Internal.problem("the database client was lost"))
    }

    /// What the app's PHP must keep to itself: it is sent to no provider.
    async fn secrets(&mut self) -> Result<Secrets, Problem> {
        self.access().await.map(Secrets::of)
    }

    /// Asks its database, with an account that only reads its schema.
    pub(super) async fn query(&mut self, query: &Query) -> Result<String, Wrong> {
        let (secrets, job) = (self.secrets().await?, self.job.id());
        Ok(query.ask(self.sql().await?, &secrets, job).await?)
    }

    /// Sends it a request.
    pub(super) async fn request(&mut self, request: &Request) -> Result<String, Wrong> {
        let (secrets, job) = (self.secrets().await?, self.job.id());
        let said = request.send(self.web().await?, &secrets, job, Some("coder")).await?;
        let lost = std::mem::take(&mut self.visitors_lost);
        let note = if lost {
            "(Your visitors' earlier cookies, and what was taken from answers, were lost on the way; log in again where that matters.)\n"
        } else {
            ""
        };
        Ok(format!("{note}{said}"))
    }

    /// Takes notice that an earlier run looked so.
    pub(super) fn forget_visitors(&mut self, look: &Look) {
        self.visitors_lost |= matches!(look, Look::Request(_));
    }

    /// The last lines that PHP has logged since this was asked, or the draft changed. Files are named as the draft names them.
    pub(super) async fn log(&mut self) -> Result<String, Wrong> {
        let place = self.place()?;
        let (mut from, mut lines) = (self.log_seen, Vec::new());
        for _ in 0..PIECES {
            let tail = TailLogInput { place: place.clone(), from: Some(from) };
            let piece: TailLogOutput = self.host.call(TAIL_LOG, &tail).await?;
            if piece.lines.is_empty() {
                break;
            }
            from = piece.end;
            lines.extend(piece.lines);
            lines.drain(..lines.len().saturating_sub(MOST_LINES));
        }
        self.log_seen = from;
        if lines.is_empty() {
            return Ok("PHP has logged nothing new.".to_owned());
        }
        let text = within_release(&self.secrets().await?.hide(&lines.join("\n")));
        Ok(data(self.job.id(), "the last lines of PHP's log", clip(&text, MOST_BYTES).0))
    }
}

/// A log with paths as `read_file` takes them: without the folder of the release, which only the host knows.
pub(crate) fn within_release(text: &str) -> String {
    const FOLDER: &str = "/releases/";
    let (mut short, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(FOLDER) {
        let (before, after) = (&rest[..at], &rest[at + FOLDER.len()..]);
        let digits = after.find(|letter: char| !letter.is_ascii_hexdigit()).unwrap_or(after.len());
        let whole = digits == 64 && after[digits..].starts_with('/');
        let start = before.rfind([' ', '\n', '\t', '\'', '"', '(', '[', '=', ':']).map_or(0, |place| place + 1);
        if whole && before[start..].starts_with('/') {
            short.push_str(&before[..start]);
            rest = &after[digits + 1..];
        } else {
            short.push_str(&rest[..at + FOLDER.len()]);
            rest = after;
        }
    }
    short + rest
}

/// The host refuses the draft for what is in it.
fn is_the_drafts(code: Code) -> bool {
    matches!(
        code,
        Code::BadMigration
            | Code::MigrationFailed
            | Code::MigrationChanged
            | Code::BadPath
            | Code::BadRequest
            | Code::ChangeSetTooLarge
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_in_a_log_are_named_as_the_draft_names_them() {
        let release = format!("/data/environment/previews/p-1/releases/{}", "0f".repeat(32));
        let log = format!(
            "PHP Warning:  Undefined variable $a in {release}/src/Clubs.php on line 3\n#0 {release}/public/index.php(12): go('{release}/x')"
        );
        assert_eq!(
            within_release(&log),
            "PHP Warning:  Undefined variable $a in src/Clubs.php on line 3\n#0 public/index.php(12): go('x')"
        );
        for other in ["GET /releases/2 failed", "see /releases/", "a/releases/0f0f/x"] {
            assert_eq!(within_release(other), other);
        }
    }
}
