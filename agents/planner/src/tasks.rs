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
    job::{Filter, Kept, Order},
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

/// The tools whose jobs are tasks.
const TOOLS: [&str; 3] = [SUBMIT_TASK, ROLLBACK_APP, IMPORT_APP];

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
            tools: TOOLS.to_vec(),
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
        self.answer(caller, id, &Answer::Approve { by: caller.name().to_owned() }).await
    }

    /// Refuses a change that waits for approval.
    pub(crate) async fn reject(&self, caller: &Principal, id: TaskId, reason: Option<String>) -> Result<Task, Problem> {
        self.answer(caller, id, &Answer::Reject { reason, by: caller.name().to_owned() }).await
    }

    /// Answers a task that asks about its goal.
    pub(crate) async fn clarify(&self, caller: &Principal, id: TaskId, said: AnswerTask) -> Result<Task, Problem> {
        said.validate()?;
        self.answer(caller, id, &Answer::Clarify { text: said.text, by: caller.name().to_owned() }).await
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

    /// What was handed on so far, the last round's of each kind.
    pub(crate) async fn kept(&self, caller: &Principal, id: TaskId) -> Result<Vec<Kept>, Problem> {
        self.jobs.kept(caller, id).await
    }

    /// The newest tasks whose ids begin so, at most so many.
    pub(crate) async fn ids_beginning_with(
        &self,
        caller: &Principal,
        typed: &str,
        limit: usize,
    ) -> Result<Vec<TaskId>, Problem> {
        let typed = typed.to_ascii_lowercase();
        let Some(before) = after_all_that_begin(&typed) else { return Ok(Vec::new()) };
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let filter = Filter { tools: TOOLS.to_vec(), before: Some(before), limit, ..Filter::default() };
        let ids = self.jobs.list(caller, filter).await?.into_iter().map(|record| record.id);
        Ok(ids.take_while(|id| id.to_string().starts_with(&typed)).collect())
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

/// The first id after all those that begin so; nothing when none can begin so.
fn after_all_that_begin(typed: &str) -> Option<JobId> {
    const LAST: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";
    let last: JobId = format!("{typed}{}", LAST.get(typed.len()..)?).parse().ok()?;
    Some(JobId::from_bytes(u128::from_be_bytes(*last.as_bytes()).saturating_add(1).to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_begin_so_come_before_the_first_that_does_not() {
        let after = |typed| after_all_that_begin(typed).map(|id| id.to_string());
        assert_eq!(after("0190").as_deref(), Some("01910000-0000-0000-0000-000000000000"));
        assert_eq!(after("01900000-7").as_deref(), Some("01900000-8000-0000-0000-000000000000"));
        let whole = "0190b5f2-9d3c-7000-8000-00000000abcd";
        assert_eq!(after(whole).as_deref(), Some("0190b5f2-9d3c-7000-8000-00000000abce"));
        assert!(after("").is_some());
        for none in ["x", "0190000070", "0190-", "日本", &format!("{whole}0")] {
            assert_eq!(after_all_that_begin(none), None, "{none}");
        }
    }
}
