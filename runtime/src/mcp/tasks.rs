//! Jobs as MCP tasks (`io.modelcontextprotocol/tasks`). The store is the only state: whichever replica is asked answers the same.

use super::{
    Terms, answer,
    asking::{self, Audience, Heard},
};
use crate::{
    Jobs, Principal,
    job::{JobRecord, JobStatus, Question},
};
use protocol::{Code, JobId, Problem, Timestamp};
use rmcp::model::{
    CallToolResult, ContentBlock, CreateTaskResult, DetailedTask, GetTaskResult, InputResponses, JsonObject, Task,
    TaskPayload, TaskStatus,
};
use serde_json::Value;
use std::time::Duration;

/// The handle that `tools/call` answers with. The job is in the store by then.
pub(super) fn handle(jobs: &Jobs, record: &JobRecord, terms: Terms, audience: &Audience) -> CreateTaskResult {
    CreateTaskResult::new(Shown::of(jobs, record, audience).task(terms))
}

/// The task as it stands. A job that failed is a tool's own error, so the task is completed with that error as its result;
/// `failed` is for errors of the protocol, which no job has: what they are about is looked at before a job is written. The links lead
/// from what came of it to what there is to read.
pub(super) fn report(
    jobs: &Jobs,
    record: &JobRecord,
    terms: Terms,
    audience: &Audience,
    links: Vec<ContentBlock>,
) -> GetTaskResult {
    let shown = Shown::of(jobs, record, audience);
    let payload = match (&record.status, &shown.question) {
        (JobStatus::Done(output), _) => completed(&answer::linked(answer::good(output.clone()), links)),
        (JobStatus::Failed(problem), _) => completed(&answer::linked(answer::bad(problem), links)),
        (JobStatus::Cancelled, _) => TaskPayload::Cancelled,
        (_, Some(question)) if shown.asked => TaskPayload::InputRequired { input_requests: asking::form(question) },
        _ => TaskPayload::Working,
    };
    GetTaskResult::new(DetailedTask::new(shown.task(terms), payload))
}

/// Asks for a task's end. That it has ended, or has come too far to be stopped, is no error: a cancellation says what the caller
/// wants, and is acknowledged.
pub(super) async fn cancel(jobs: &Jobs, caller: &Principal, id: JobId) -> Result<(), Problem> {
    match jobs.cancel(caller, id).await {
        Err(problem) if !matches!(problem.code, Code::AlreadyFinished | Code::Releasing) => Err(problem),
        _ => Ok(()),
    }
}

/// Takes what a person answered. Answers to what is not asked, or not any more, are ignored: their keys name other questions.
pub(super) async fn update(
    jobs: &Jobs,
    caller: &Principal,
    id: JobId,
    responses: &InputResponses,
) -> Result<(), Problem> {
    let record = jobs.get(caller, id).await?;
    let Some(question) = jobs.question(&record).filter(|it| responses.contains_key(&it.key())) else { return Ok(()) };
    match asking::heard(&question, responses)? {
        Heard::Closed => Ok(()),
        Heard::Missing => Err(asking::incomplete(&question)),
        Heard::Reply(reply) => match jobs.reply(caller, id, question.id, &reply).await {
            Err(problem) if problem.code != Code::QuestionOver => Err(problem),
            _ => Ok(()),
        },
    }
}

/// A job, as one caller's client may see it.
struct Shown<'a> {
    record: &'a JobRecord,
    status: Option<String>,
    question: Option<Question>,
    /// The client is asked; otherwise it is told.
    asked: bool,
}

impl<'a> Shown<'a> {
    fn of(jobs: &Jobs, record: &'a JobRecord, audience: &Audience) -> Self {
        let question = jobs.question(record);
        let asked = question.as_ref().is_some_and(|question| audience.is_asked(question));
        let status = jobs.status(record);
        let status = match &question {
            Some(question) if !asked => {
                let words = audience.told(question);
                Some(status.map_or(words.clone(), |status| format!("{status}\n\n{words}")))
            }
            _ => status,
        };
        Self { record, status, question, asked }
    }

    fn task(&self, terms: Terms) -> Task {
        let record = self.record;
        let status = match &record.status {
            JobStatus::Done(_) | JobStatus::Failed(_) => TaskStatus::Completed,
            JobStatus::Cancelled => TaskStatus::Cancelled,
            _ if self.asked => TaskStatus::InputRequired,
            _ => TaskStatus::Working,
        };
        let mut task = Task::new(record.id.to_string(), status, time(record.created_at), time(record.updated_at))
            .with_ttl_ms(ttl(record, terms.retention, chrono::Utc::now()))
            .with_poll_interval_ms(millis(terms.poll).max(1));
        task.status_message = match (&self.status, &record.status) {
            (_, JobStatus::Failed(problem)) => Some(problem.to_string()),
            (None, JobStatus::Queued) => Some("Queued".to_owned()),
            (status, _) => status.clone(),
        };
        task
    }
}

/// How long after its creation a task is kept at least, in milliseconds. Nothing is removed before its end, and then it stays for
/// the retention: of a task that goes on, the moment that counts moves with the clock. In steps of an hour, so that a task that
/// does not change looks the same.
fn ttl(record: &JobRecord, retention: Duration, now: Timestamp) -> u64 {
    let (retention, hour) = (millis(retention), 3_600_000);
    let until = record.ended_at.unwrap_or(now).max(record.created_at);
    let lasted = u64::try_from((until - record.created_at).num_milliseconds()).unwrap_or(0);
    // A step is never longer than what is promised beyond it.
    let step = hour.min(retention).max(1);
    (lasted / step * step).saturating_add(retention)
}

fn completed(result: &CallToolResult) -> TaskPayload {
    let result = match answer::json(result) {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    };
    TaskPayload::Completed { result }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn time(moment: Timestamp) -> String {
    moment.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Owner;
    use chrono::TimeDelta;
    use serde_json::json;

    /// A job that was written at that moment and has not ended.
    fn job(created_at: Timestamp) -> JobRecord {
        JobRecord {
            id: JobId::fresh(),
            tool: "tool".to_owned(),
            owner: Owner::Person("ann".to_owned()),
            lane: None,
            status: JobStatus::Running,
            answered: false,
            message: None,
            input: json!({}),
            checkpoint: None,
            fence: 1,
            events: 0,
            created_at,
            updated_at: created_at,
            started_at: None,
            ended_at: None,
        }
    }

    #[test]
    fn a_task_that_goes_on_never_outlives_its_ttl() {
        let created = Timestamp::UNIX_EPOCH;
        for retention in [Duration::from_millis(1), Duration::from_secs(60), Duration::from_secs(30 * 24 * 3600)] {
            for seconds in [0, 59, 3_600, 40 * 24 * 3_600] {
                let now = created + TimeDelta::seconds(seconds);
                let mut job = job(created);
                let kept = created + TimeDelta::milliseconds(ttl(&job, retention, now).cast_signed());
                assert!(kept > now - TimeDelta::milliseconds(1), "{retention:?}, {seconds} s");
                assert!(kept <= now + retention, "no more is promised than is kept");
                // After its end the clock counts no more.
                job.ended_at = Some(now);
                let later = now + TimeDelta::days(365);
                assert_eq!(ttl(&job, retention, later), ttl(&job, retention, now));
            }
        }
    }
}
