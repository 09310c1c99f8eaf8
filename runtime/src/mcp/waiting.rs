//! Calls that wait for a job: at most 45 seconds, showing how it goes on to those who want to see, asking those who can be asked.
//!
//! Nothing of a wait outlives its call. Who is cut off calls again, any replica, and finds the job where it is.

use super::{
    JOB_META, Server, answer,
    asking::{self, Audience, Heard},
    call::Call,
    older::AnswerBy,
    seal::{Asked, Bound},
};
use crate::{
    Jobs,
    job::{JobRecord, JobStatus, Question, Replied},
    tool::ErasedWaitingTool,
};
use protocol::{JobId, Problem};
use rmcp::{
    RoleServer,
    model::{CallToolResponse, ContentBlock, InputRequiredResult, ProgressNotificationParam, ProgressToken},
    service::{Peer, RequestContext},
};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Where no hint comes, a job that does not move is looked at more and more seldom, down to once in this many poll intervals.
const RAREST_LOOK: u32 = 3;

/// One such call.
pub(super) struct Wait<'a> {
    server: &'a Server,
    tool: &'a dyn ErasedWaitingTool,
    jobs: &'a Jobs,
    audience: Audience,
    bound: Bound,
    job: JobId,
    deadline: Instant,
    /// The client reads links in answers.
    reads_links: bool,
    /// The client went away.
    gone: CancellationToken,
    progress: Progress,
}

impl<'a> Wait<'a> {
    /// # Errors
    /// What is wrong with the arguments.
    pub(super) fn new(
        server: &'a Server,
        tool: &'a dyn ErasedWaitingTool,
        name: &str,
        audience: Audience,
        call: &Call,
        context: &RequestContext<RoleServer>,
    ) -> Result<Self, Problem> {
        let (job, longest) = tool.waits(call.arguments.clone())?;
        let whole = Instant::now() + longest;
        Ok(Self {
            server,
            tool,
            jobs: server.jobs()?,
            bound: Bound::to(&audience.caller, name, &call.arguments),
            audience,
            job,
            deadline: answer_by(context).map_or(whole, |by| by.min(whole)),
            reads_links: call.reads_links,
            gone: context.ct.clone(),
            progress: Progress::new(context.peer.clone(), context.meta.get_progress_token()),
        })
    }

    /// Takes a person's answer if one came with the call, and waits.
    ///
    /// # Errors
    /// [`protocol::Code::BadRequestState`] for an answer to nothing that was asked here, [`protocol::Code::QuestionOver`] for one
    /// that comes too late; what the store and the tool say.
    pub(super) async fn run(mut self, call: &Call) -> Result<CallToolResponse, Problem> {
        let _counted = Counted::new(self.server.0.service);
        match self.answered(call).await? {
            Some(record) => self.stands(&record, Some("Nothing was decided. Call again to be asked again.")).await,
            None => self.wait().await,
        }
    }

    /// What came with the call. The job as it stands, if the person has decided nothing.
    async fn answered(&self, call: &Call) -> Result<Option<JobRecord>, Problem> {
        if call.request_state.is_none() && call.responses.is_empty() {
            return Ok(None);
        }
        // An answer without the state that says to what is one to anything.
        let sealed = call.request_state.as_deref().unwrap_or_default();
        let Asked { job, question } = self.server.0.seal.open(self.jobs, &self.bound, sealed).await?;
        let record = self.jobs.get(&self.audience.caller, job).await?;
        let asked = self.jobs.question(&record).filter(|asked| asked.id == question);
        let asked = asked.ok_or_else(crate::job::over)?;
        match asking::heard(&asked, &call.responses)? {
            Heard::Reply(reply) => match self.jobs.reply(&self.audience.caller, job, question, &reply).await? {
                Replied::Taken(_) => Ok(None),
                Replied::Undecided(record) => Ok(Some(record)),
            },
            Heard::Closed => Ok(Some(record)),
            // It is asked again.
            Heard::Missing => Ok(None),
        }
    }

    async fn wait(&mut self) -> Result<CallToolResponse, Problem> {
        let poll = self.server.0.terms.poll;
        let (mut pause, mut seen) = (poll, None);
        loop {
            let changed = self.jobs.changed_within(self.job, pause);
            let record = self.jobs.get(&self.audience.caller, self.job).await?;
            if let Some(question) = self.jobs.question(&record) {
                return self.asks(&record, &question).await;
            }
            let asking = matches!(record.status, JobStatus::Asking | JobStatus::InDoubt) && !record.answered;
            if asking || record.ended_at.is_some() || self.is_over() {
                return self.stands(&record, None).await;
            }
            let moved = seen.replace((record.updated_at, record.events)) != Some((record.updated_at, record.events));
            pause = if moved { poll } else { (pause * 3 / 2).min(poll * RAREST_LOOK) };
            let status = self.jobs.status(&record).unwrap_or_else(|| match record.status {
                JobStatus::Queued => "queued".to_owned(),
                _ => "working".to_owned(),
            });
            tokio::select! {
                () = async { self.progress.tell(status, record.events).await; changed.await } => {}
                () = sleep_until(self.deadline) => {}
                () = self.gone.cancelled() => {}
                () = self.server.0.stopping.cancelled() => {}
            }
        }
    }

    /// It waits no longer: time is up, the client went away, or the service stops. Whoever wants to waits on elsewhere.
    fn is_over(&self) -> bool {
        Instant::now() >= self.deadline || self.gone.is_cancelled() || self.server.0.stopping.is_cancelled()
    }

    async fn asks(&self, record: &JobRecord, question: &Question) -> Result<CallToolResponse, Problem> {
        if !self.audience.is_asked(question) {
            return self.stands(record, Some(&self.audience.told(question))).await;
        }
        let asked = Asked { job: record.id, question: question.id };
        let state = self.server.0.seal.seal(self.jobs, &self.bound, &asked).await?;
        let mut asks = InputRequiredResult::new(Some(asking::form(question)), Some(state));
        let meta = asks.meta.get_or_insert_default();
        meta.insert(JOB_META.to_owned(), record.id.to_string().into());
        Ok(asks.into())
    }

    /// The job as it stands, and what there is to say about it.
    async fn stands(&self, record: &JobRecord, words: Option<&str>) -> Result<CallToolResponse, Problem> {
        let mut result = answer::good(self.tool.output(record)?);
        result.content.extend(words.map(ContentBlock::text));
        let links = self.server.links(&self.audience.caller, Some(record.id).filter(|_| self.reads_links)).await;
        Ok(answer::linked(result, links).into())
    }
}

/// When the call has to be answered, where it is a part of a longer one.
fn answer_by(context: &RequestContext<RoleServer>) -> Option<Instant> {
    let parts = context.extensions.get::<http::request::Parts>()?;
    parts.extensions.get::<AnswerBy>().map(|AnswerBy(moment)| *moment)
}

/// What a client that wants to see how it goes on is told: what the job does, whenever that changes.
struct Progress {
    peer: Peer<RoleServer>,
    token: Option<ProgressToken>,
    /// Rises with every message, and with the job's events: the same on every replica.
    last: u64,
    said: Option<String>,
}

impl Progress {
    fn new(peer: Peer<RoleServer>, token: Option<ProgressToken>) -> Self {
        Self { peer, token, last: 0, said: None }
    }

    async fn tell(&mut self, status: String, events: u64) {
        let Some(token) = &self.token else { return };
        if self.said.as_ref() == Some(&status) {
            return;
        }
        self.last = events.max(self.last + 1);
        self.said = Some(status.clone());
        let progress = ProgressNotificationParam::new(token.clone(), self.last as f64).with_message(status);
        if let Err(error) = self.peer.notify_progress(progress).await {
            // The client went away; the wait is told by other means.
            tracing::debug!(%error, "Progress could not be told");
        }
    }
}

/// Counts a wait for as long as it lasts.
struct Counted(metrics::Gauge);

impl Counted {
    fn new(service: &'static str) -> Self {
        let gauge = metrics::gauge!("yonin_waiting_calls", "service" => service);
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
