use super::{Rest, parts::Id};
use crate::tape::Tapes;
use axum::{Json, Router, extract::State, routing::get};
use protocol::Problem;
use runtime::{Principal, http::Failure, model::Tape};

pub(super) fn router() -> Router<Rest> {
    Router::new().route("/v1/tasks/{id}/tape", get(tape))
}

/// Everything that was said to language models and heard from them, by agent and round: `yonin replay` plays it again.
#[utoipa::path(
    get, path = "/v1/tasks/{id}/tape", tag = "tasks", params(("id" = String, Path)),
    responses((status = 200, description = "The answer", body = Object), (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn tape(State(tapes): State<Tapes>, caller: Principal, Id(id): Id) -> Result<Json<Tape>, Failure> {
    Ok(Json(tapes.of(&caller, id).await?))
}
