use super::{
    Filter, JobRecord, JobStatus, Kept, Question, Replied, Reply, Resolution, Timing, erased::ErasedLongTool,
    queue::Queue,
};
use crate::{
    Hints, Principal, Store,
    store::{Asking, Filtered, NewArtifact, NewJob, StoreError, Submitted},
    telemetry::TraceContext,
    tool::Admission,
};
use protocol::{Code, Digest, JobId, Problem, Role, chat::Turn, event::Event};
use serde::Serialize;
use std::{collections::BTreeMap, fmt, future::Future, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// Events that are read at once.
const EVENTS: u32 = 500;

/// What somebody must be to start jobs, end them and answer them. Every way to do so, whatever it is called outside, passes here.
const DECIDES: Role = Role::Operator;

/// How long a run has, after the event that asks a person, to let go of its job.
const SETTLING: Duration = Duration::from_millis(500);

/// How long a reply waits for the run that asked to let go of its job; a run that lost its lease is repeated meanwhile.
const ASKS_SOON: Duration = Duration::from_secs(5);

/// What a new job is to do.
#[derive(Debug, Default)]
pub struct Order<'a> {
    /// The same key of the same caller is the same job.
    pub key: Option<&'a str>,
    /// Whom it is done for, when that is not the caller: claims are dealt out evenly among those.
    pub share: Option<&'a str>,
    /// What the tool takes.
    pub input: serde_json::Value,
}

/// A service's jobs, seen from outside. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    pub(super) store: Store,
    pub(super) agent: &'static str,
    pub(super) tools: Arc<BTreeMap<&'static str, Arc<dyn ErasedLongTool>>>,
    pub(super) hints: Hints,
    pub(super) queue: Arc<Queue>,
    timing: Timing,
}

impl Jobs {
    /// The jobs of this agent in this store, run by these tools.
    pub(crate) fn new(
        store: Store,
        agent: &'static str,
        tools: Arc<BTreeMap<&'static str, Arc<dyn ErasedLongTool>>>,
        hints: Hints,
        timing: Timing,
        longest_queue: u64,
    ) -> Self {
        Self { store: store.of(agent), agent, tools, hints, queue: Arc::new(Queue::new(longest_queue)), timing }
    }

    /// Writes a job, or finds the one that the same caller wrote under the same key. Checked by the tool's `admit` first.
    ///
    /// # Errors
    /// What `admit` says; [`protocol::Code::IdempotencyConflict`] when the key was used with another input;
    /// [`protocol::Code::NotFound`] for an unknown tool; [`protocol::Code::BadRequest`] for an input of another shape;
    /// [`protocol::Code::TooManyRequests`] when as many jobs are queued as may be; [`protocol::Code::InsufficientRole`].
    pub async fn submit(&self, caller: &Principal, tool: &str, order: Order<'_>) -> Result<JobRecord, Problem> {
        caller.require(DECIDES)?;
        let known = self.tools.get(tool).ok_or_else(|| Code::NotFound.problem(format!("There is no tool {tool}.")))?;
        let admission = known.admit(caller, &order.input)?;
        let job = NewJob::of(known.name(), caller, order, admission);
        if self.queue.is_full(&self.store).await.map_err(unavailable)? {
            return self.find_known(&job).await;
        }
        match self.store.submit(&job).await.map_err(unavailable)? {
            Submitted::New(record) => {
                self.queue.grew();
                self.hints.queued(self.agent);
                Ok(record)
            }
            Submitted::Known(record) => Ok(record),
            Submitted::Conflict => Err(conflict()),
        }
    }

    /// The job that the same caller wrote under the same key, if there is one.
    ///
    /// # Errors
    /// [`protocol::Code::IdempotencyConflict`] when the key was used with another input.
    pub async fn known(&self, caller: &Principal, tool: &str, order: Order<'_>) -> Result<Option<JobRecord>, Problem> {
        let known = self.tools.get(tool).ok_or_else(|| Code::NotFound.problem(format!("There is no tool {tool}.")))?;
        let job = NewJob::of(known.name(), caller, order, Admission::default());
        match self.store.known(&job).await.map_err(unavailable)? {
            Some(Submitted::New(record) | Submitted::Known(record)) => Ok(Some(record)),
            Some(Submitted::Conflict) => Err(conflict()),
            None => Ok(None),
        }
    }

    /// A job that was written before is given even when no new one can be taken.
    async fn find_known(&self, job: &NewJob) -> Result<JobRecord, Problem> {
        match self.store.known(job).await.map_err(unavailable)? {
            Some(Submitted::New(record) | Submitted::Known(record)) => Ok(record),
            Some(Submitted::Conflict) => Err(conflict()),
            None => {
                Err(Code::TooManyRequests
                    .problem("As many jobs are queued as this agent takes. Try again in a moment."))
            }
        }
    }

    /// A job as it stands. Everybody sees only their own, an admin those of every person ([`Principal::may_see`]).
    ///
    /// # Errors
    /// [`protocol::Code::NotFound`], also for a job that is not the caller's.
    pub async fn get(&self, caller: &Principal, id: JobId) -> Result<JobRecord, Problem> {
        Ok(self.find(caller, id).await?.0)
    }

    /// Jobs, newest first.
    ///
    /// # Errors
    /// [`protocol::Code::StoreUnavailable`].
    pub async fn list(&self, caller: &Principal, filter: Filter) -> Result<Vec<JobRecord>, Problem> {
        let filter = Filtered {
            tools: filter.tools,
            lane: filter.lane.map(String::from),
            status: filter.status,
            before: filter.before,
            limit: filter.limit,
            viewer: caller.clone(),
        };
        self.store.list(&filter).await.map_err(unavailable)
    }

    /// Asks for a job to end. What was running is dropped; the tool's `cancelled` cleans up; then the job is `Cancelled`.
    ///
    /// # Errors
    /// [`protocol::Code::AlreadyFinished`], [`protocol::Code::Releasing`], [`protocol::Code::NotFound`].
    pub async fn cancel(&self, caller: &Principal, id: JobId) -> Result<JobRecord, Problem> {
        self.check_decider(caller, id).await?;
        if self.store.cancel(id).await.map_err(unavailable)? {
            self.hints.send(id);
            self.hints.queued(self.agent);
            return self.get(caller, id).await;
        }
        let (record, committed) = self.find(caller, id).await?;
        if committed && record.ended_at.is_none() {
            return Err(Code::Releasing.problem("What it does now must come to its end. Roll back afterwards."));
        }
        Err(Code::AlreadyFinished.problem("There is nothing left to cancel."))
    }

    /// Answers a job that waits for a person, and wakes it. One that still runs gets half a second to begin to wait.
    ///
    /// # Errors
    /// [`protocol::Code::NotWaiting`], [`protocol::Code::NotFound`].
    pub async fn answer<A: Serialize + Sync>(
        &self,
        caller: &Principal,
        id: JobId,
        answer: &A,
    ) -> Result<JobRecord, Problem> {
        self.check_decider(caller, id).await?;
        let answer = serde_json::to_value(answer)
            .map_err(|error| Code::BadRequest.problem(format!("The answer is no JSON: {error}.")))?;
        let deadline = Instant::now() + SETTLING;
        loop {
            let changed = self.changed(id);
            if self.store.answer(id, Asking::Person, None, &answer).await.map_err(unavailable)? {
                self.hints.send(id);
                self.hints.queued(self.agent);
                return self.get(caller, id).await;
            }
            // Who was quick to read the question may be here before the run that asks it has let go.
            let may_ask = self.get(caller, id).await?.status == JobStatus::Running && Instant::now() < deadline;
            if !may_ask || timeout_at(deadline, changed).await.is_err() {
                return Err(Code::NotWaiting.problem("It does not wait for an answer."));
            }
        }
    }

    /// Says what is to become of a job that is in doubt, and wakes it.
    ///
    /// # Errors
    /// [`protocol::Code::NotWaiting`] when it is not in doubt, [`protocol::Code::NotFound`].
    pub async fn resolve(&self, caller: &Principal, id: JobId, resolution: Resolution) -> Result<JobRecord, Problem> {
        self.check_decider(caller, id).await?;
        let answer = serde_json::to_value(resolution).map_err(|error| Code::Internal.problem(error.to_string()))?;
        if !self.store.answer(id, Asking::InDoubt, None, &answer).await.map_err(unavailable)? {
            return Err(Code::NotWaiting.problem("It is not in doubt."));
        }
        self.hints.send(id);
        self.hints.queued(self.agent);
        self.get(caller, id).await
    }

    /// What a job asks a person now, if anything.
    #[must_use]
    pub fn question(&self, record: &JobRecord) -> Option<Question> {
        if record.answered || record.ended_at.is_some() {
            return None;
        }
        let own = self.tools.get(record.tool.as_str()).and_then(|tool| tool.question(record));
        let doubt = || {
            let reason = record.message.as_deref().unwrap_or("An act may or may not have taken place.");
            Question::in_doubt(&(record.id, record.fence), reason)
        };
        own.or_else(|| (record.status == JobStatus::InDoubt).then(doubt))
    }

    /// What a job does, in a sentence for people.
    #[must_use]
    pub fn status(&self, record: &JobRecord) -> Option<String> {
        self.tools.get(record.tool.as_str()).map_or_else(|| record.message.clone(), |tool| tool.status(record))
    }

    /// Whether this caller may decide what a job asks. People who may change something decide; a service says of its own job's doubt
    /// what a person told it.
    #[must_use]
    pub fn may_decide(caller: &Principal, question: &Question) -> bool {
        caller.require(Role::Operator).is_ok()
            && (matches!(caller, Principal::Person { .. }) || question.kind == Question::IN_DOUBT)
    }

    /// Takes a reply to exactly this question, and wakes the job. Of two replies one is taken.
    ///
    /// # Errors
    /// [`protocol::Code::QuestionOver`] when the job asks something else, or nothing any more: nothing happens then;
    /// [`protocol::Code::Forbidden`]; [`protocol::Code::NotFound`]; what the tool says of the reply.
    pub async fn reply(
        &self,
        caller: &Principal,
        id: JobId,
        question: Digest,
        reply: &Reply,
    ) -> Result<Replied, Problem> {
        let deadline = Instant::now() + ASKS_SOON;
        loop {
            let changed = self.changed(id);
            let record = self.get(caller, id).await?;
            let asked = self.question(&record).filter(|asked| asked.id == question).ok_or_else(over)?;
            if !Self::may_decide(caller, &asked) {
                return Err(Code::Forbidden.problem("Only a person may decide that."));
            }
            let Some((asking, answer)) = self.decision(caller, &record, &asked, reply)? else {
                return Ok(Replied::Undecided(record));
            };
            // Bound to the claim that asks: whatever happened since the look, nothing else is answered.
            if self.store.answer(id, asking, Some(record.fence), &answer).await.map_err(unavailable)? {
                self.hints.send(id);
                self.hints.queued(self.agent);
                return Ok(Replied::Taken(self.get(caller, id).await?));
            }
            if timeout_at(deadline, changed).await.is_err() {
                return Err(Code::NotWaiting.problem("It does not wait for an answer yet. Try again soon."));
            }
        }
    }

    /// The answer that a reply comes to; `None` when it decides nothing.
    fn decision(
        &self,
        caller: &Principal,
        record: &JobRecord,
        question: &Question,
        reply: &Reply,
    ) -> Result<Option<(Asking, serde_json::Value)>, Problem> {
        if record.status == JobStatus::InDoubt {
            let answer = reply.resolution()?.map(serde_json::to_value).transpose();
            let answer = answer.map_err(|error| Code::Internal.problem(error.to_string()))?;
            return Ok(answer.map(|answer| (Asking::InDoubt, answer)));
        }
        let tool = self.tools.get(record.tool.as_str()).ok_or_else(over)?;
        Ok(tool.reply(caller, question, reply.clone())?.map(|answer| (Asking::Person, answer)))
    }

    /// The job's events after this sequence number, at most 500, in order.
    ///
    /// # Errors
    /// [`protocol::Code::NotFound`].
    pub async fn events(&self, caller: &Principal, id: JobId, after: u64) -> Result<Vec<Event>, Problem> {
        self.check_owner(caller, id).await?;
        self.store.events(id, after, EVENTS).await.map_err(unavailable)
    }

    /// Returns when something may have happened to the job since the call, at the latest after the poll interval. Subscribe
    /// (call it, without awaiting) before looking, so that nothing is missed.
    pub fn changed(&self, id: JobId) -> impl Future<Output = ()> + Send + use<> {
        self.changed_within(id, self.timing.poll)
    }

    /// The same, at the latest after this time.
    pub(crate) fn changed_within(&self, id: JobId, longest: Duration) -> impl Future<Output = ()> + Send + use<> {
        let watch = self.hints.watch(id);
        async move {
            // Late is as good as in time: either way the caller looks again.
            let _ = tokio::time::timeout(longest, watch.changed()).await;
        }
    }

    /// An artifact that a job kept: of this attempt, or the last one.
    ///
    /// # Errors
    /// [`protocol::Code::NotFound`].
    pub async fn artifact(
        &self,
        caller: &Principal,
        id: JobId,
        kind: &str,
        attempt: Option<u32>,
    ) -> Result<serde_json::Value, Problem> {
        self.check_owner(caller, id).await?;
        self.store
            .artifact(id, kind, attempt)
            .await
            .map_err(unavailable)?
            .ok_or_else(|| Code::NotFound.problem(format!("It has kept no {kind} of that attempt.")))
    }

    /// What a job has kept so far, by kind, the last round's of each.
    ///
    /// # Errors
    /// [`protocol::Code::NotFound`].
    pub async fn kept(&self, caller: &Principal, id: JobId) -> Result<Vec<Kept>, Problem> {
        self.check_owner(caller, id).await?;
        self.store.kept(id).await.map_err(unavailable)
    }

    /// The service whose jobs these are.
    pub(crate) fn agent(&self) -> &str {
        self.store.agent()
    }

    /// What was said to language models in a job, turn by turn.
    ///
    /// # Errors
    /// [`protocol::Code::NotFound`]; [`protocol::Code::Internal`] when what is stored has not the form it was written in.
    pub async fn turns(&self, caller: &Principal, id: JobId) -> Result<Vec<Turn>, Problem> {
        self.check_owner(caller, id).await?;
        let recorded = self.store.effects(id, super::ask::CALLS).await.map_err(unavailable)?;
        super::ask::turns(recorded).map_err(|error| Code::Internal.problem(error.to_string()))
    }

    /// A secret that all replicas of this service share.
    pub(crate) async fn secret(&self, name: &str) -> Result<Vec<u8>, Problem> {
        self.store.secret(name).await.map_err(unavailable)
    }

    /// Whether the store answers.
    pub(crate) async fn ping(&self) -> Result<(), Problem> {
        self.store.ping().await.map_err(unavailable)
    }

    async fn find(&self, caller: &Principal, id: JobId) -> Result<(JobRecord, bool), Problem> {
        let found = self.store.get(id).await.map_err(unavailable)?;
        found.filter(|(record, _)| caller.may_see(&record.owner)).ok_or_else(unknown)
    }

    /// Of what somebody may not see they don't hear whether they could decide it.
    async fn check_decider(&self, caller: &Principal, id: JobId) -> Result<(), Problem> {
        self.check_owner(caller, id).await?;
        caller.require(DECIDES)
    }

    async fn check_owner(&self, caller: &Principal, id: JobId) -> Result<(), Problem> {
        let owner = self.store.owner(id).await.map_err(unavailable)?;
        if owner.is_some_and(|owner| caller.may_see(&owner)) { Ok(()) } else { Err(unknown()) }
    }
}

impl NewJob {
    fn of(tool: &'static str, caller: &Principal, order: Order<'_>, admission: Admission) -> Self {
        let input_digest = Digest::of(&order.input);
        let (input, artifacts) = match admission.aside {
            Some(aside) => (aside.input, aside.artifacts),
            None => (order.input, Vec::new()),
        };
        Self {
            tool,
            owner: caller.owner(),
            key: order.key.map(str::to_owned),
            input_digest,
            input,
            artifacts: artifacts.into_iter().map(|(kind, artifact)| NewArtifact::of(kind, &artifact)).collect(),
            lane: admission.lane,
            share: order.share.map(str::to_owned),
            events: admission.events,
            trace: TraceContext::current(),
        }
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs").field("agent", &self.agent).field("tools", &self.tools.keys()).finish_non_exhaustive()
    }
}

fn conflict() -> Problem {
    Code::IdempotencyConflict.problem("This key came with another body before. Use a fresh key for a new request.")
}

/// Whoever answers it learns what is asked now by looking again.
pub(crate) fn over() -> Problem {
    Code::QuestionOver.problem("It was answered, or became another. Look again to see what is asked now.")
}

/// The same whether it does not exist or is somebody else's.
fn unknown() -> Problem {
    Code::NotFound.problem("There is no task with this id.")
}

pub(crate) fn unavailable(error: StoreError) -> Problem {
    tracing::error!(error = &error as &dyn std::error::Error, "The store does not answer");
    Code::StoreUnavailable.problem("The store does not answer. Try again soon.")
}
