use super::{
    Rest,
    parts::{Key, MaybeBody, Name},
    tasks::accepted,
};
use crate::{apps::Apps, tasks::Tasks};
use axum::{
    Json, Router,
    extract::State,
    response::Response,
    routing::{get, post},
};
use protocol::{
    Problem,
    rest::{App, AppList, ImportApp, ReleaseList, RollbackApp},
    task::Task,
    tools::planner::{ImportAppInput, RollbackAppInput},
};
use runtime::{
    Principal,
    http::{Failure, JsonBody},
};

/// The route that an app comes in by, with all its files.
pub(crate) const IMPORT: &str = "/v1/apps/{app}/import";

pub(super) fn router() -> Router<Rest> {
    Router::new()
        .route("/v1/apps", get(list))
        .route("/v1/apps/{app}", get(show))
        .route("/v1/apps/{app}/releases", get(releases))
        .route("/v1/apps/{app}/rollback", post(rollback))
        .route(IMPORT, post(import))
}

/// Every app.
#[utoipa::path(
    get, path = "/v1/apps", operation_id = "list_apps", tag = "apps",
    responses((status = 200, description = "The answer", body = AppList), (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn list(State(apps): State<Apps>, _caller: Principal) -> Result<Json<AppList>, Failure> {
    Ok(Json(apps.list().await?))
}

/// One app.
#[utoipa::path(
    get, path = "/v1/apps/{app}", operation_id = "get_app", tag = "apps", params(("app" = String, Path, pattern = "^[a-z][a-z0-9-]{1,30}$")),
    responses((status = 200, description = "The answer", body = App), (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn show(State(apps): State<Apps>, _caller: Principal, Name(app): Name) -> Result<Json<App>, Failure> {
    Ok(Json(apps.get(&app).await?))
}

/// The releases that are kept, newest first.
#[utoipa::path(
    get, path = "/v1/apps/{app}/releases", tag = "apps", params(("app" = String, Path, pattern = "^[a-z][a-z0-9-]{1,30}$")),
    responses((status = 200, description = "The answer", body = ReleaseList), (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn releases(State(apps): State<Apps>, _caller: Principal, Name(app): Name) -> Result<Json<ReleaseList>, Failure> {
    Ok(Json(apps.releases(&app).await?))
}

/// Return an app to an earlier release, as a task of its own.
#[utoipa::path(
    post, path = "/v1/apps/{app}/rollback", tag = "apps", request_body = Option<RollbackApp>,
    params(("app" = String, Path, pattern = "^[a-z][a-z0-9-]{1,30}$"),
           ("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,200}$", description = "The same key and body give the same task")),
    responses((status = 202, body = Task, description = "Submitted; `Location` says where to look"),
              (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn rollback(
    State(tasks): State<Tasks>,
    caller: Principal,
    Name(app): Name,
    Key(key): Key,
    MaybeBody(body): MaybeBody<RollbackApp>,
) -> Result<Response, Failure> {
    let input = RollbackAppInput { app, to: body.to };
    Ok(accepted(tasks.rollback(&caller, key.as_deref(), &input).await?))
}

/// Take over an app that exists elsewhere, as it is, as a task of its own. The body has at most 32 MiB.
#[utoipa::path(
    post, path = "/v1/apps/{app}/import", tag = "apps", request_body = ImportApp,
    params(("app" = String, Path, pattern = "^[a-z][a-z0-9-]{1,30}$"),
           ("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,200}$", description = "The same key and body give the same task")),
    responses((status = 202, body = Task, description = "Submitted; `Location` says where to look"),
              (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn import(
    State(tasks): State<Tasks>,
    State(apps): State<Apps>,
    caller: Principal,
    Name(app): Name,
    Key(key): Key,
    JsonBody(body): JsonBody<ImportApp>,
) -> Result<Response, Failure> {
    let ImportApp { files, sql, pages, approval } = body;
    let input = ImportAppInput { app, files, sql, pages, approval };
    Ok(accepted(tasks.import(&caller, key.as_deref(), &input, &apps).await?))
}
