//! Jobs as MCP tasks. The store is the only state: whichever replica is asked answers the same.

use super::answer;
use crate::job::{JobRecord, JobStatus};
use protocol::{Timestamp, problem::Code};
use rmcp::model::{
    CallToolResult, CreateTaskResult, DetailedTask, GetTaskResult, JsonObject, Task, TaskPayload, TaskStatus,
};
use serde_json::Value;
use std::time::Duration;

/// The handle that `tools/call` answers with.
pub(super) fn handle(record: &JobRecord, poll: Duration) -> CreateTaskResult {
    CreateTaskResult::new(task(record, poll))
}

/// The task as it stands. A job that failed is a tool's own error, so the task is completed with that error as its result;
/// `failed` is for errors of the protocol.
pub(super) fn report(record: &JobRecord, poll: Duration) -> GetTaskResult {
    let payload = match &record.status {
        JobStatus::Queued | JobStatus::Running | JobStatus::Asking => TaskPayload::Working,
        JobStatus::Done(output) => completed(&answer::good(output.clone())),
        JobStatus::Failed(problem) => completed(&answer::bad(problem)),
        JobStatus::Cancelled => TaskPayload::Cancelled,
    };
    GetTaskResult::new(DetailedTask::new(task(record, poll), payload))
}

fn task(record: &JobRecord, poll: Duration) -> Task {
    let status = match &record.status {
        JobStatus::Queued | JobStatus::Running | JobStatus::Asking => TaskStatus::Working,
        JobStatus::Done(_) | JobStatus::Failed(_) => TaskStatus::Completed,
        JobStatus::Cancelled => TaskStatus::Cancelled,
    };
    let mut task = Task::new(record.id.to_string(), status, time(record.created_at), time(record.updated_at))
        .with_poll_interval_ms(u64::try_from(poll.as_millis()).unwrap_or(u64::MAX));
    // No time to live: jobs are kept.
    task.status_message = match &record.status {
        JobStatus::Failed(problem) => Some(problem.to_string()),
        JobStatus::Queued => Some(record.message.clone().unwrap_or_else(|| "Queued".to_owned())),
        _ => record.message.clone(),
    };
    task
}

fn completed(result: &CallToolResult) -> TaskPayload {
    let result = match answer::json(result) {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    };
    TaskPayload::Completed { result }
}

fn time(moment: Timestamp) -> String {
    moment.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// A cancel that came too late is no error: the caller wanted the task to be over, and it is.
pub(super) fn is_over(code: Code) -> bool {
    code == Code::AlreadyFinished
}
