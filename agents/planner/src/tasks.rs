use crate::{
    apps::Apps,
    kept,
    pipeline::{Answer, exists},
    view,
};
use protocol::{
    Code, JobId, Problem, TaskId,
    event::Event,
    rest::{AnswerTask, App, SubmitTask, TaskList},
    task::{Question, Status, Task},
    tools::planner::{IMPORT_APP, ImportAppInput, ListTasksInput, ROLLBACK_APP, RollbackAppInput, SUBMIT_TASK},
};
use runtime::{
    Jobs, Principal,
    job::{Filter, Order},
};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Everything that can be done with tasks: what REST, the web page and the MCP tools share. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Tasks {
    jobs: Jobs,
}

/// A task that has come to its question asks a moment later; an answer in between waits at most this long.
const ASKS_SOON: Duration = Duration::from_secs(5);

impl Tasks {
    pub(crate) fn new(jobs: Jobs) -> Self {
        Self { jobs }
    }

    /// Submits a goal. The same key and goal give the same task.
    pub(crate) async fn submit(
        &self,
        caller: &Principal,
        key: Option<&str>,
        input: &SubmitTask,
    ) -> Result<Task, Problem> {
        input.validate()?;
        self.start(caller, SUBMIT_TASK, key, input).await
    }

    /// Asks for a return to an earlier release.
    pub(crate) async fn rollback(
        &self,
        caller: &Principal,
        key: Option<&str>,
        input: &RollbackAppInput,
    ) -> Result<Task, Problem> {
        self.start(caller, ROLLBACK_APP, key, input).await
    }

    /// Takes an app over that exists elsewhere. The same key and body give the same task, also once the app is live.
    pub(crate) async fn import(
        &self,
        caller: &Principal,
        key: Option<&str>,
        input: &ImportAppInput,
        apps: &Apps,
    ) -> Result<Task, Problem> {
        match apps.get(&input.app).await {
            Ok(App { live: Some(live), .. }) => {
                let order = Order { key, share: None, input: json(input)? };
                let known = self.jobs.known(caller, IMPORT_APP, order).await?;
                view::task(&known.ok_or_else(|| exists(&input.app, &live.digest.short()))?)
            }
            Ok(App { live: None, .. }) => self.start(caller, IMPORT_APP, key, input).await,
            // There is none yet; or nobody knows now, and the task itself looks again before it does anything.
            Err(problem) if problem.code == Code::NotFound || problem.code.is_retryable() => {
                self.start(caller, IMPORT_APP, key, input).await
            }
            Err(problem) => Err(problem),
        }
    }

    /// A task as it stands.
    pub(crate) async fn get(&self, caller: &Principal, id: TaskId) -> Result<Task, Problem> {
        view::task(&self.jobs.get(caller, id).await?)
    }

    /// Tasks, newest first, a page at a time.
    pub(crate) async fn list(&self, caller: &Principal, which: ListTasksInput) -> Result<TaskList, Problem> {
        let limit = which.limit.unwrap_or(20);
        if !(1..=100).contains(&limit) {
            return Err(Code::BadRequest.problem("limit is 1 to 100"));
        }
        let filter = Filter {
            tools: vec![SUBMIT_TASK, ROLLBACK_APP, IMPORT_APP],
            lane: which.app,
            status: which.status.map(job_status),
            before: which.cursor.as_deref().map(cursor).transpose()?,
            limit: limit + 1,
        };
        let mut records = self.jobs.list(caller, filter).await?;
        let more = records.len() > limit as usize;
        records.truncate(limit as usize);
        let next_cursor = records.last().filter(|_| more).map(|last| last.id.to_string());
        let tasks = records.iter().map(view::task).collect::<Result<_, _>>()?;
        Ok(TaskList { tasks, next_cursor })
    }

    /// Ends a task, as long as nothing irrevocable was started.
    pub(crate) async fn cancel(&self, caller: &Principal, id: TaskId) -> Result<Task, Problem> {
        view::task(&self.jobs.cancel(caller, id).await?)
    }

    /// Lets a change that waits for approval go live.
    pub(crate) async fn approve(&self, caller: &Principal, id: TaskId) -> Result<Task, Problem> {
        self.answer(caller, id, &Answer::Approve { by: name(caller) }).await
    }

    /// Refuses a change that waits for approval.
    pub(crate) async fn reject(&self, caller: &Principal, id: TaskId, reason: Option<String>) -> Result<Task, Problem> {
        self.answer(caller, id, &Answer::Reject { reason, by: name(caller) }).await
    }

    /// Answers a task that asks about its goal.
    pub(crate) async fn clarify(&self, caller: &Principal, id: TaskId, said: AnswerTask) -> Result<Task, Problem> {
        said.validate()?;
        self.answer(caller, id, &Answer::Clarify { text: said.text, by: name(caller) }).await
    }

    /// Where the task stands once it has ended or asks something, at the latest after this time.
    pub(crate) async fn wait(&self, caller: &Principal, id: TaskId, longest: Duration) -> Result<Task, Problem> {
        let deadline = Instant::now() + longest;
        loop {
            let changed = self.jobs.changed(id);
            let task = self.get(caller, id).await?;
            let settled = task.status.is_final() || task.status == Status::Waiting;
            if settled || timeout_at(deadline, changed).await.is_err() {
                return Ok(task);
            }
        }
    }

    /// A task's events after this one, in order.
    pub(crate) async fn events(&self, caller: &Principal, id: TaskId, after: u64) -> Result<Vec<Event>, Problem> {
        self.jobs.events(caller, id, after).await
    }

    /// Returns when something may have happened to the task since the call.
    pub(crate) fn changed(&self, id: TaskId) -> impl Future<Output = ()> + Send + 'static {
        self.jobs.changed(id)
    }

    /// What was handed on: of this round, or the last one.
    pub(crate) async fn artifact(
        &self,
        caller: &Principal,
        id: TaskId,
        kind: &str,
        attempt: Option<u32>,
    ) -> Result<Value, Problem> {
        // There is one plan and one design, whatever the round.
        let attempt = attempt.filter(|_| !matches!(kind, kept::PLAN | kept::DESIGN));
        self.jobs.artifact(caller, id, kind, attempt).await
    }

    async fn start<I: Serialize>(
        &self,
        caller: &Principal,
        tool: &str,
        key: Option<&str>,
        input: &I,
    ) -> Result<Task, Problem> {
        view::task(&self.jobs.submit(caller, tool, Order { key, share: None, input: json(input)? }).await?)
    }

    async fn answer(&self, caller: &Principal, id: TaskId, answer: &Answer) -> Result<Task, Problem> {
        let deadline = Instant::now() + ASKS_SOON;
        loop {
            let changed = self.jobs.changed(id);
            if let Some(question) = self.get(caller, id).await?.question
                && !answer.fits(&question)
            {
                return Err(Code::NotWaiting.problem(instead(&question)));
            }
            match self.jobs.answer(caller, id, answer).await {
                Ok(record) => return view::task(&record),
                Err(problem) if problem.code == Code::NotWaiting => {
                    if let Some(resolution) = answer.resolution()
                        && let Ok(record) = self.jobs.resolve(caller, id, resolution).await
                    {
                        return view::task(&record);
                    }
                    let soon = self.get(caller, id).await?.question.is_some();
                    if !soon || timeout_at(deadline, changed).await.is_err() {
                        return Err(problem);
                    }
                }
                Err(problem) => return Err(problem),
            }
        }
    }
}

fn json<I: Serialize>(input: &I) -> Result<Value, Problem> {
    serde_json::to_value(input).map_err(|error| Code::Internal.problem(error.to_string()))
}

fn job_status(status: Status) -> &'static str {
    match status {
        Status::Queued => "queued",
        Status::Running => "running",
        Status::Waiting => "asking",
        Status::Succeeded => "done",
        Status::Failed => "failed",
        Status::Cancelled => "cancelled",
    }
}

/// What a question is answered with.
fn instead(question: &Question) -> &'static str {
    match question {
        Question::Clarify { .. } => "the task asks about its goal: answer in words, or reject it",
        Question::Approval { .. } => "the task asks for approval: use approve or reject",
        Question::InDoubt { .. } => "the task asks whether an act is done again: use approve or reject",
    }
}

fn cursor(text: &str) -> Result<JobId, Problem> {
    text.parse().map_err(|_| Code::BadCursor.problem("give back `next_cursor` as it was"))
}

/// Who it is, for people.
pub(crate) fn name(caller: &Principal) -> String {
    match caller {
        Principal::Person(name) | Principal::Service(name) => name.clone(),
    }
}
