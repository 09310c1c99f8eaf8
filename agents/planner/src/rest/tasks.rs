use super::{
    Rest,
    parts::{Asked, Id, Key, MaybeBody},
};
use crate::tasks::Tasks;
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use protocol::{
    AppName, Code, Problem,
    rest::{AnswerTask, RejectTask, SubmitTask, TaskList},
    task::{Status, Task},
    tools::planner::ListTasksInput,
};
use runtime::{
    Principal,
    http::{Failure, JsonBody, read_json},
};
use serde_json::Value;

pub(super) fn router() -> Router<Rest> {
    Router::new()
        .route("/v1/tasks", post(submit).get(list))
        .route("/v1/tasks/{id}", get(show))
        .route("/v1/tasks/{id}/cancel", post(cancel))
        .route("/v1/tasks/{id}/approve", post(approve))
        .route("/v1/tasks/{id}/reject", post(reject))
        .route("/v1/tasks/{id}/answer", post(answer))
}

/// Submit a goal for an app.
#[utoipa::path(
    post, path = "/v1/tasks", tag = "tasks", request_body = SubmitTask,
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,200}$", description = "The same key and body give the same task")),
    responses((status = 202, body = Task, description = "Submitted; `Location` says where to look"),
              (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn submit(
    State(tasks): State<Tasks>,
    caller: Principal,
    Key(key): Key,
    JsonBody(body): JsonBody<Value>,
) -> Result<Response, Failure> {
    let task = tasks.submit(&caller, key.as_deref(), &submission(body)?).await?;
    Ok(accepted(task))
}

/// The tasks, newest first.
#[utoipa::path(
    get, path = "/v1/tasks", operation_id = "list_tasks", tag = "tasks",
    params(("app" = Option<String>, Query, pattern = "^[a-z][a-z0-9-]{1,30}$"), ("status" = Option<Status>, Query),
           ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "1 to 100; 20 when absent"),
           ("cursor" = Option<String>, Query, format = Uuid, description = "an earlier answer's `next_cursor`")),
    responses((status = 200, description = "The answer", body = TaskList), (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn list(
    State(tasks): State<Tasks>,
    caller: Principal,
    Asked(which): Asked<ListTasksInput>,
) -> Result<Json<TaskList>, Failure> {
    Ok(Json(tasks.list(&caller, which).await?))
}

/// A task as it stands.
#[utoipa::path(
    get, path = "/v1/tasks/{id}", operation_id = "get_task", tag = "tasks", params(("id" = String, Path)),
    responses((status = 200, description = "The answer", body = Task), (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn show(State(tasks): State<Tasks>, caller: Principal, Id(id): Id) -> Result<Json<Task>, Failure> {
    Ok(Json(tasks.get(&caller, id).await?))
}

/// End a task, as long as its release is not under way.
#[utoipa::path(
    post, path = "/v1/tasks/{id}/cancel", tag = "tasks", params(("id" = String, Path)),
    responses((status = 200, description = "The answer", body = Task), (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn cancel(State(tasks): State<Tasks>, caller: Principal, Id(id): Id) -> Result<Json<Task>, Failure> {
    Ok(Json(tasks.cancel(&caller, id).await?))
}

/// Let a change that waits for approval go live.
#[utoipa::path(
    post, path = "/v1/tasks/{id}/approve", tag = "tasks", params(("id" = String, Path)),
    responses((status = 200, description = "The answer", body = Task), (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn approve(State(tasks): State<Tasks>, caller: Principal, Id(id): Id) -> Result<Json<Task>, Failure> {
    Ok(Json(tasks.approve(&caller, id).await?))
}

/// Refuse a change that waits for approval, or give up a task that asks about its goal.
#[utoipa::path(
    post, path = "/v1/tasks/{id}/reject", tag = "tasks", params(("id" = String, Path)), request_body = Option<RejectTask>,
    responses((status = 200, description = "The answer", body = Task), (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn reject(
    State(tasks): State<Tasks>,
    caller: Principal,
    Id(id): Id,
    MaybeBody(body): MaybeBody<RejectTask>,
) -> Result<Json<Task>, Failure> {
    Ok(Json(tasks.reject(&caller, id, body.reason).await?))
}

/// Answer a task that asks about its goal, in words: all its questions at once.
#[utoipa::path(
    post, path = "/v1/tasks/{id}/answer", tag = "tasks", params(("id" = String, Path)), request_body = AnswerTask,
    responses((status = 200, description = "The answer", body = Task), (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn answer(
    State(tasks): State<Tasks>,
    caller: Principal,
    Id(id): Id,
    JsonBody(body): JsonBody<AnswerTask>,
) -> Result<Json<Task>, Failure> {
    Ok(Json(tasks.clarify(&caller, id, body).await?))
}

/// 202 with the place to look.
pub(super) fn accepted(task: Task) -> Response {
    let place = HeaderValue::from_str(&format!("/v1/tasks/{}", task.id)).expect("an id is visible ASCII");
    (StatusCode::ACCEPTED, [(header::LOCATION, place)], Json(task)).into_response()
}

/// A submission out of a body. An app's name that is not allowed has a code of its own.
fn submission(body: Value) -> Result<SubmitTask, Problem> {
    if let Some(app) = body.get("app").and_then(Value::as_str) {
        app.parse::<AppName>().map_err(|error| Code::BadAppName.problem(error.to_string()))?;
    }
    read_json(body)
}
