//! Everything a service answers: its own routes, `/mcp`, the probes, and a problem for the rest.

use super::{
    challenge,
    guard::{self, Guard},
    record,
};
use crate::{
    Jobs,
    http::Failure,
    mcp::{Server, listen},
    telemetry,
};
use axum::{
    Router,
    extract::State,
    http::{Method, Uri},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use protocol::{Code, Problem};
use std::{any::Any, sync::Arc};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

/// What the probes look at.
#[derive(Clone)]
pub(super) struct Health {
    pub(super) jobs: Option<Jobs>,
    pub(super) stopping: CancellationToken,
}

/// Puts it together. The probes come without host check and key: kubelets and Prometheus ask by address.
pub(super) fn router(
    service: &'static str,
    own: Router,
    (mcp, endpoint): (Server, MethodRouter),
    guard: Guard,
    health: Health,
) -> Router {
    let endpoint = Router::new()
        .route("/mcp", endpoint)
        .route_layer(from_fn_with_state(mcp.clone(), listen::admit))
        .route_layer(from_fn_with_state(mcp, guard::known));
    let guarded = own
        .merge(endpoint)
        .merge(challenge::router(service))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(Arc::new(guard), guard::pass));
    let probes = Router::new()
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .method_not_allowed_fallback(wrong_method)
        .with_state(health);
    guarded.merge(probes).layer(from_fn_with_state(service, record::request))
}

/// For an address where whoever reaches it may see counts and do nothing.
pub(super) fn metrics_alone() -> Router {
    Router::new().route("/metrics", get(metrics)).fallback(unknown_path).method_not_allowed_fallback(wrong_method)
}

async fn ready(State(health): State<Health>) -> Result<&'static str, Failure> {
    if health.stopping.is_cancelled() {
        return Err(Code::Draining.problem("the service hands its jobs back and stops").into());
    }
    if let Some(jobs) = &health.jobs {
        jobs.ping().await?;
    }
    Ok("ready\n")
}

async fn metrics() -> Result<Response, Failure> {
    let recorder = telemetry::recorder().ok_or_else(|| Code::NotFound.problem("nothing is recorded here"))?;
    Ok(([("content-type", "text/plain; version=0.0.4")], recorder.render()).into_response())
}

async fn unknown_path(uri: Uri) -> Failure {
    Failure(Code::NotFound.problem(format!("nothing is at {}", uri.path())))
}

async fn wrong_method(method: Method) -> Failure {
    Failure(Code::MethodNotAllowed.problem(format!("{method} is not among those in `Allow`")))
}

fn panicked(cause: Box<dyn Any + Send>) -> Response {
    let said = cause.downcast_ref::<String>().map(String::as_str).or_else(|| cause.downcast_ref::<&str>().copied());
    tracing::error!(panic.message = said.unwrap_or("nothing"), "A request panicked");
    let problem: Problem = Code::Internal.problem("the request broke off; the log says more");
    Failure(problem).into_response()
}
