use super::{
    Rest,
    parts::{Asked, Id},
};
use crate::{kept, tasks::Tasks};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use protocol::{Code, Problem};
use runtime::{Principal, http::Failure};
use serde::Deserialize;
use serde_json::Value;

pub(super) fn router() -> Router<Rest> {
    Router::new().route("/v1/tasks/{id}/artifacts/{kind}", get(artifact)).route("/v1/tasks/{id}/diff", get(diff))
}

/// Which round.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Round {
    attempt: Option<u32>,
}

/// What the agents handed on: plan, design, changes, checks, verdict; `smoke` is the verdict on the live app.
#[utoipa::path(
    get, path = "/v1/tasks/{id}/artifacts/{kind}", tag = "tasks",
    params(("id" = String, Path), ("kind" = String, Path, description = "plan, design, changes, checks, verdict or smoke"),
           ("attempt" = Option<u32>, Query, description = "the round; the last one when absent")),
    responses((status = 200, description = "The answer", body = Object), (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn artifact(
    State(tasks): State<Tasks>,
    caller: Principal,
    Id(id): Id,
    Path((_, kind)): Path<(String, String)>,
    Asked(round): Asked<Round>,
) -> Result<Json<Value>, Failure> {
    let kinds = [kept::PLAN, kept::DESIGN, kept::CHANGES, kept::CHECKS, kept::VERDICT, kept::SMOKE];
    let Some(kind) = kinds.into_iter().find(|known| *known == kind) else {
        return Err(Code::NotFound.problem(format!("the artifacts are {}", kinds.join(", "))).into());
    };
    Ok(Json(tasks.artifact(&caller, id, kind, round.attempt).await?))
}

/// The change as a unified diff against the release it starts from.
#[utoipa::path(
    get, path = "/v1/tasks/{id}/diff", tag = "tasks",
    params(("id" = String, Path), ("attempt" = Option<u32>, Query, description = "the round; the last one when absent")),
    responses((status = 200, description = "The answer", body = String, content_type = "text/x-diff"),
              (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn diff(
    State(tasks): State<Tasks>,
    caller: Principal,
    Id(id): Id,
    Asked(round): Asked<Round>,
) -> Result<Response, Failure> {
    match tasks.artifact(&caller, id, kept::DIFF, round.attempt).await? {
        Value::String(diff) => Ok(([(header::CONTENT_TYPE, "text/x-diff; charset=utf-8")], diff).into_response()),
        _ => Err(Code::Internal.problem("the stored diff is no text").into()),
    }
}
