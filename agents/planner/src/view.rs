//! A job as the task that a person sees.

use crate::pipeline::{Order, Progress};
use protocol::{
    Code, Problem,
    rest::SubmitTask,
    task::{Question, Stage, Status, Task, Usage},
    tools::planner::{IMPORT_APP, ImportAppInput, ROLLBACK_APP, RollbackAppInput, SUBMIT_TASK, TaskOutcome},
};
use runtime::job::{JobRecord, JobStatus};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The task that this job is.
///
/// # Errors
/// [`Code::Internal`] when what is stored does not have the form it was written in.
pub(crate) fn task(record: &JobRecord) -> Result<Task, Problem> {
    let order = order(record)?;
    let progress = progress(record)?;
    let question = asked(record, progress.as_ref());
    let (mut result, mut error) = (None, None);
    match &record.status {
        JobStatus::Done(output) => result = read::<TaskOutcome>(output)?.result,
        JobStatus::Failed(problem) => error = Some(problem.clone()),
        JobStatus::Queued | JobStatus::Running | JobStatus::Asking | JobStatus::InDoubt | JobStatus::Cancelled => {}
    }
    let status = status(&record.status, question.is_some());
    let attempt = progress.as_ref().map_or(0, |progress| progress.state.attempt());
    Ok(Task {
        id: record.id,
        goal: order.goal,
        app: order.app,
        status,
        stage: progress.as_ref().map_or_else(|| first_stage(record), |progress| progress.state.stage()),
        attempt,
        created_at: record.created_at,
        updated_at: record.updated_at,
        message: record.message.clone().filter(|_| status == Status::Running),
        labels: order.labels,
        question,
        result,
        error,
        usage: usage(record, attempt, progress.as_ref()),
    })
}

/// How far the task is, once it has begun.
pub(crate) fn progress(record: &JobRecord) -> Result<Option<Progress>, Problem> {
    record.checkpoint.as_ref().map(read).transpose()
}

fn usage(record: &JobRecord, attempts: u32, progress: Option<&Progress>) -> Usage {
    let millis = millis(record);
    match progress.map(|progress| &progress.ledger) {
        None => Usage { attempts, millis, ..Usage::default() },
        Some(ledger) => {
            Usage { attempts, tokens: ledger.tokens(), cost_usd: ledger.cost_usd(), millis, models: ledger.models() }
        }
    }
}

fn order(record: &JobRecord) -> Result<Order, Problem> {
    match record.tool.as_str() {
        SUBMIT_TASK => Ok(Order::from(&read::<SubmitTask>(&record.input)?)),
        ROLLBACK_APP => Ok(Order::from(&read::<RollbackAppInput>(&record.input)?)),
        IMPORT_APP => Ok(Order::from(&read::<ImportAppInput>(&record.input)?)),
        other => Err(Code::Internal.problem(format!("a job of the tool {other} is no task"))),
    }
}

/// A task asks from the moment it has come to the approval, and its job a moment later; until a person has said something.
fn asked(record: &JobRecord, progress: Option<&Progress>) -> Option<Question> {
    match record.status {
        _ if record.answered => None,
        JobStatus::Running | JobStatus::Asking => progress.and_then(Progress::question),
        // The task itself is, not one of its parts: its workers died again and again once it could not be given up any more.
        JobStatus::InDoubt => Some(Question::InDoubt { reason: record.message.clone().unwrap_or_default() }),
        JobStatus::Queued | JobStatus::Done(_) | JobStatus::Failed(_) | JobStatus::Cancelled => None,
    }
}

fn status(status: &JobStatus, asked: bool) -> Status {
    match status {
        JobStatus::Queued => Status::Queued,
        JobStatus::Running | JobStatus::Asking | JobStatus::InDoubt if asked => Status::Waiting,
        JobStatus::Running | JobStatus::Asking | JobStatus::InDoubt => Status::Running,
        JobStatus::Done(_) => Status::Succeeded,
        JobStatus::Failed(_) => Status::Failed,
        JobStatus::Cancelled => Status::Cancelled,
    }
}

fn first_stage(record: &JobRecord) -> Stage {
    if record.tool == ROLLBACK_APP { Stage::Release } else { Stage::Plan }
}

fn millis(record: &JobRecord) -> u64 {
    let Some(started) = record.started_at else { return 0 };
    let until = record.ended_at.unwrap_or_else(chrono::Utc::now);
    u64::try_from((until - started).num_milliseconds()).unwrap_or(0)
}

/// What is stored of a task.
pub(crate) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Problem> {
    T::deserialize(value).map_err(|error| {
        tracing::error!(%error, "A stored task can't be read");
        Code::Internal.problem("a stored task can't be read")
    })
}
