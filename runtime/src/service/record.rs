//! One log line, one measurement and one span for each request.

use crate::{
    http::Caller,
    telemetry::{TraceContext, span},
};
use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use http::Method;
use std::time::Instant;
use tracing::{Instrument as _, Span};

/// Runs the request in a span that carries its trace id, counts and times it by its route (never by its path, which has no
/// end of values), and logs it. Bodies, keys and queries stay out.
pub(super) async fn request(State(service): State<&'static str>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|it| it.as_str().to_owned());
    let from = TraceContext::of_headers(request.headers());
    // Probes are no part of anybody's work.
    let traced = match route.as_deref() {
        Some("/healthz" | "/readyz" | "/metrics") => Span::none(),
        route => span::request(service, known(&method).unwrap_or("_OTHER"), route, from.as_ref()),
    };
    let here = TraceContext::of_span(&traced);
    let trace = here.as_ref().or(from.as_ref()).map(TraceContext::trace_id).unwrap_or_else(fresh_trace_id);
    if let Some(here) = here {
        // Who answers may do so in another task of the runtime, which knows nothing of this one.
        request.extensions_mut().insert(here);
    }
    let span = tracing::info_span!("request", service, trace.id = trace);
    let response = next.run(request).instrument(span.clone()).instrument(traced.clone()).await;
    let (status, took) = (response.status(), began.elapsed());
    span::answered(&traced, status);
    let route = route.unwrap_or_else(|| "none".to_owned());

    let labels = [
        ("service", service.to_owned()),
        ("method", known(&method).unwrap_or("other").to_owned()),
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
fn known(method: &Method) -> Option<&str> {
    const KNOWN: [Method; 7] =
        [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD, Method::OPTIONS];
    KNOWN.contains(method).then(|| method.as_str())
}

fn fresh_trace_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
