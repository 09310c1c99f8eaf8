use super::Rest;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{delete, get},
};
use protocol::{
    Code, KeyName, Problem,
    id::BadName,
    keys::{CreateKey, KeyList, NewKey},
};
use runtime::{
    Keys, Principal,
    http::{Failure, JsonBody, read_json},
};
use serde_json::Value;

pub(super) fn router() -> Router<Rest> {
    Router::new().route("/v1/keys", get(list).post(create)).route("/v1/keys/{key}", delete(revoke))
}

/// All API keys, without the keys themselves. For admins.
#[utoipa::path(
    get, path = "/v1/keys", operation_id = "list_keys", tag = "keys",
    responses((status = 200, description = "The answer", body = KeyList), (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn list(State(keys): State<Keys>, caller: Principal) -> Result<Json<KeyList>, Failure> {
    Ok(Json(keys.list(&caller).await?))
}

/// Make an API key. The answer is the only one that ever shows it. For admins.
#[utoipa::path(
    post, path = "/v1/keys", operation_id = "create_key", tag = "keys", request_body = CreateKey,
    responses((status = 201, description = "The key", body = NewKey), (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn create(
    State(keys): State<Keys>,
    caller: Principal,
    JsonBody(body): JsonBody<Value>,
) -> Result<Response, Failure> {
    let made = keys.create(&caller, wanted(body)?).await?;
    // No cache on the way may keep it.
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(made)).into_response())
}

/// Revoke the key with this id, or every key of this name. For admins.
#[utoipa::path(
    delete, path = "/v1/keys/{key}", operation_id = "revoke_key", tag = "keys",
    params(("key" = String, Path, description = "a key's id, or a name")),
    responses((status = 200, description = "The keys as they are now", body = KeyList), (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn revoke(
    State(keys): State<Keys>,
    caller: Principal,
    Path(key): Path<String>,
) -> Result<Json<KeyList>, Failure> {
    Ok(Json(keys.revoke(&caller, &key).await?))
}

/// What is wanted, out of a body.
fn wanted(body: Value) -> Result<CreateKey, Problem> {
    if let Some(name) = body.get("name").and_then(Value::as_str) {
        let named: Result<KeyName, BadName> = name.parse();
        named.map_err(|error| Code::BadRequest.problem(format!("name: {error}, and be no id")))?;
    }
    read_json(body)
}
