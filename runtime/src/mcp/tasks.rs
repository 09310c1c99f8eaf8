//! Jobs as MCP tasks. The store is the only state: whichever replica is asked answers the same.

use super::answer;
use crate::job::{JobRecord, JobStatus, Resolution};
use protocol::{Problem, Timestamp, problem::Code};
use rmcp::model::{
    CallToolResult, ContentBlock, CreateTaskResult, DetailedTask, ElicitRequest, ElicitRequestParams,
    ElicitationSchema, GetTaskResult, InputRequest, InputRequests, InputResponses, JsonObject, Task, TaskPayload,
    TaskStatus,
};
use serde_json::{Value, json};
use std::time::Duration;

/// The handle that `tools/call` answers with.
pub(super) fn handle(record: &JobRecord, poll: Duration) -> CreateTaskResult {
    CreateTaskResult::new(task(record, poll))
}

/// The task as it stands. A job that failed is a tool's own error, so the task is completed with that error as its result;
/// `failed` is for errors of the protocol. The links lead from what came of it to what there is to read.
pub(super) fn report(record: &JobRecord, poll: Duration, links: Vec<ContentBlock>) -> GetTaskResult {
    let payload = match &record.status {
        JobStatus::Queued | JobStatus::Running | JobStatus::Asking => TaskPayload::Working,
        JobStatus::InDoubt => in_doubt(record),
        JobStatus::Done(output) => completed(&answer::linked(answer::good(output.clone()), links)),
        JobStatus::Failed(problem) => completed(&answer::linked(answer::bad(problem), links)),
        JobStatus::Cancelled => TaskPayload::Cancelled,
    };
    GetTaskResult::new(DetailedTask::new(task(record, poll), payload))
}

fn task(record: &JobRecord, poll: Duration) -> Task {
    let status = match &record.status {
        JobStatus::Queued | JobStatus::Running | JobStatus::Asking => TaskStatus::Working,
        JobStatus::InDoubt => TaskStatus::InputRequired,
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

/// What a task that is in doubt asks, under this name: whether the act is done again.
const AGAIN: &str = "again";

fn in_doubt(record: &JobRecord) -> TaskPayload {
    let message = format!("{} Shall it be done again?", record.message.as_deref().unwrap_or("An act is in doubt."));
    let schema = ElicitationSchema::builder().required_bool(AGAIN).build();
    let Ok(requested_schema) = schema else { return TaskPayload::Working };
    let params = ElicitRequestParams::FormElicitationParams { meta: None, message, requested_schema };
    let request = InputRequest::Elicitation(ElicitRequest::new(params));
    TaskPayload::InputRequired { input_requests: InputRequests::from([(AGAIN.to_owned(), request)]) }
}

/// The answer in a form that [`resolution`] reads.
pub(crate) fn responses(resolution: Resolution) -> InputResponses {
    let content = json!({AGAIN: resolution == Resolution::Again});
    InputResponses::from([(AGAIN.to_owned(), json!({"action": "accept", "content": content}))])
}

/// What was answered. Who declines, gives up; who only closed the question has said nothing.
pub(super) fn resolution(responses: &InputResponses) -> Result<Resolution, Problem> {
    let answer = responses.get(AGAIN);
    let action = answer.and_then(|answer| answer["action"].as_str());
    let again = answer.and_then(|answer| answer["content"][AGAIN].as_bool());
    match (action, again) {
        (Some("accept"), Some(true)) => Ok(Resolution::Again),
        (Some("accept"), Some(false)) | (Some("decline"), _) => Ok(Resolution::GiveUp),
        _ => Err(Code::BadRequest.problem("inputResponses.again: accept with {\"again\": true or false}, or decline")),
    }
}

fn completed(result: &CallToolResult) -> TaskPayload {
    let result = match answer::json(result) {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    };
    TaskPayload::Completed { result }
}

pub(super) fn time(moment: Timestamp) -> String {
    moment.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// A cancel that came too late is no error: the caller wanted the task to be over, and it is.
pub(super) fn is_over(code: Code) -> bool {
    code == Code::AlreadyFinished
}
