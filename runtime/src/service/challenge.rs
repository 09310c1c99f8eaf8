//! What a caller who is refused hears about getting in: RFC 6750 challenges, and the metadata of RFC 9728 that they point to.

use super::access::{Missing, Need};
use crate::credentials::Refusal;
use axum::{Extension, Json, Router, response::Response, routing::get};
use http::{HeaderValue, Method, StatusCode, header};
use protocol::Role;
use serde_json::{Value, json};

const METADATA: &str = "/.well-known/oauth-protected-resource";
const METADATA_OF_MCP: &str = "/.well-known/oauth-protected-resource/mcp";

/// How the caller reaches the service, as far as it can tell: `http://planner.example:8080`.
#[derive(Debug, Clone)]
pub(super) struct Reached(pub(super) String);

/// What the metadata routes need: nothing.
pub(super) fn needs() -> [Need; 2] {
    [Need::nothing(Method::GET, METADATA), Need::nothing(Method::GET, METADATA_OF_MCP)]
}

/// `/.well-known/oauth-protected-resource` for the API, and the same with `/mcp` for the MCP endpoint.
pub(super) fn router(service: &'static str) -> Router {
    let of = move |path: &'static str| {
        get(move |Extension(Reached(origin)): Extension<Reached>| async move { metadata(service, &origin, path) })
    };
    Router::new().route(METADATA, of("")).route(METADATA_OF_MCP, of("/mcp"))
}

/// No `authorization_servers`: keys are made by an admin, and no server hands out tokens.
fn metadata(service: &str, origin: &str, path: &str) -> Json<Value> {
    Json(json!({
        "resource": format!("{origin}{path}"),
        "resource_name": format!("Yonin {service}"),
        "bearer_methods_supported": ["header"],
        "scopes_supported": Role::ALL,
    }))
}

/// Adds to 401 and 403 what a client needs to do better.
pub(super) fn challenge(response: &mut Response, reached: &Reached, path: &str, refusal: Option<&Refusal>) {
    let Some(text) = text(response, reached, path, refusal) else { return };
    // The host was admitted, so it is visible ASCII; a configured origin was looked at when it was read.
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
}

fn text(response: &Response, Reached(origin): &Reached, path: &str, refusal: Option<&Refusal>) -> Option<String> {
    let metadata = if path == "/mcp" { METADATA_OF_MCP } else { METADATA };
    let challenge = format!("Bearer resource_metadata=\"{origin}{metadata}\"");
    match (response.status(), response.extensions().get::<Missing>()) {
        // Who showed nothing has made no mistake yet.
        (StatusCode::UNAUTHORIZED, _) if refusal == Some(&Refusal::NothingShown) => Some(challenge),
        (StatusCode::UNAUTHORIZED, _) => Some(format!("{challenge}, error=\"invalid_token\"")),
        (StatusCode::FORBIDDEN, Some(Missing(role))) => {
            Some(format!("{challenge}, error=\"insufficient_scope\", scope=\"{role}\""))
        }
        _ => None,
    }
}
