//! One log line and one measurement for each request.

use crate::http::Caller;
use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, Method};
use std::time::Instant;
use tracing::Instrument as _;

/// Runs the request in a span that carries its trace id, counts and times it by its route (never by its path, which has no
/// end of values), and logs it. Bodies, keys and queries stay out.
pub(super) async fn request(State(service): State<&'static str>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| "none".to_owned(), |it| it.as_str().to_owned());
    let span = tracing::info_span!("request", service, trace.id = %trace_id(request.headers()));
    let response = next.run(request).instrument(span.clone()).await;
    let (status, took) = (response.status(), began.elapsed());

    let labels = [
        ("service", service.to_owned()),
        ("method", known(&method).to_owned()),
        ("route", route.clone()),
        ("status", status.as_u16().to_string()),
    ];
    metrics::counter!("yonin_http_requests_total", &labels).increment(1);
    metrics::histogram!("yonin_http_request_seconds", &labels[..3]).record(took);

    let caller = response.extensions().get::<Caller>();
    let caller =
        caller.and_then(|caller| caller.0.as_ref().ok()).map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let millis = took.as_secs_f64() * 1e3;
    span.in_scope(|| {
        if status.is_server_error() {
            tracing::warn!(http.method = %method, http.route = route, http.status = status.as_u16(), caller, took.ms = millis, "A request failed");
        } else if method.is_safe() || route == "/mcp" {
            tracing::debug!(http.method = %method, http.route = route, http.status = status.as_u16(), caller, took.ms = millis, "Answered a request");
        } else {
            tracing::info!(http.method = %method, http.route = route, http.status = status.as_u16(), caller, took.ms = millis, "Answered a request");
        }
    });
    response
}

/// The method, if it is one of those that HTTP knows: anybody may make up others, and each would be a series of its own for ever.
fn known(method: &Method) -> &str {
    const KNOWN: [Method; 7] =
        [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD, Method::OPTIONS];
    if KNOWN.contains(method) { method.as_str() } else { "other" }
}

/// The trace the caller is in (W3C `traceparent`), or a new one.
fn trace_id(headers: &HeaderMap) -> String {
    let given = headers.get("traceparent").and_then(|value| value.to_str().ok()?.split('-').nth(1));
    match given {
        Some(id) if id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => id.to_owned(),
        _ => uuid::Uuid::new_v4().simple().to_string(),
    }
}
