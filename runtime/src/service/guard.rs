//! What every request passes before its route sees it: is the host ours, who is calling, is the body small enough.

use crate::{
    Callers, Principal,
    http::{BodyLimit, Caller, Failure, is_json, read},
    mcp::envelope,
};
use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use futures::StreamExt as _;
use http::{HeaderMap, Method, StatusCode, Uri, header};
use protocol::{Code, Problem};
use std::{sync::Arc, time::Duration};

/// What services may send: a change-set of 16 MiB, its files escaped as JSON strings.
const SERVICES: BodyLimit = BodyLimit(64 * 1024 * 1024);

/// Of a body that is too large so much is read, 64 MiB.
const LONGEST_READ_OFF: usize = 64 * 1024 * 1024;

/// What the guard goes by.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    pub(super) callers: Callers,
    pub(super) hosts: Hosts,
    /// For everybody, when the service says so.
    pub(super) body_limit: Option<BodyLimit>,
}

impl Guard {
    /// The largest body that anybody may send.
    pub(super) fn largest_body(&self) -> usize {
        self.body_limit.unwrap_or(SERVICES).0
    }

    fn limit_of(&self, caller: &Result<Principal, Problem>) -> BodyLimit {
        match (self.body_limit, caller) {
            (Some(limit), _) => limit,
            (None, Ok(Principal::Service(_))) => SERVICES,
            (None, Ok(Principal::Person(_)) | Err(_)) => BodyLimit::PEOPLE,
        }
    }
}

/// Checks host and origin, finds out who is calling, and refuses bodies that say they are too large. Who is not known is let
/// through: the route decides whether it needs to know.
pub(super) async fn pass(
    State(guard): State<Arc<Guard>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Failure> {
    guard.hosts.admit(request.uri(), request.headers())?;
    let caller = guard.callers.authenticate(request.headers());
    let limit = guard.limit_of(&caller);
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > limit.0) {
        read_off(request).await;
        return Err(limit.problem().into());
    }
    let caller = Caller(caller);
    request.extensions_mut().insert(limit);
    request.extensions_mut().insert(caller.clone());
    let mut response = next.run(request).await;
    // For the log line.
    response.extensions_mut().insert(caller);
    Ok(response)
}

/// Reads what a caller goes on sending, within bounds, and forgets it: one that is cut off while it sends never sees the answer.
async fn read_off(request: Request) {
    let read = async {
        let mut left = LONGEST_READ_OFF;
        let mut frames = request.into_body().into_data_stream();
        while let Some(Ok(frame)) = frames.next().await {
            left = left.saturating_sub(frame.len());
            if left == 0 {
                break;
            }
        }
    };
    // A caller that is slower than this is cut off after all.
    let _ = tokio::time::timeout(Duration::from_secs(5), read).await;
}

/// Lets only known callers through, with bodies that are neither too large nor too slow however they arrive, and hold a message.
pub(super) async fn known(request: Request, next: Next) -> Result<Response, Failure> {
    Caller::of(request.extensions())?;
    let (parts, body) = request.into_parts();
    let body = read(body, BodyLimit::of(&parts.extensions)).await?;
    if parts.method == Method::POST
        && let Err(answer) = envelope::check(&body)
    {
        return Ok(*answer);
    }
    let is_json = is_json(&parts.headers);
    let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
    // The media type is right, so it is what was in the body.
    let is_unreadable = is_json && answer.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Ok(if is_unreadable { envelope::unreadable() } else { answer })
}

/// The names the service is reached under, at any port. Others are refused: a web page that points its own name at our
/// address (DNS rebinding) gets nowhere.
#[derive(Debug, Clone)]
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    /// Loopback.
    pub(super) fn loopback() -> Self {
        Self(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).into())
    }

    /// And these; a port at the end is ignored.
    pub(super) fn and(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.0.extend(names.into_iter().map(|name| without_port(&name).to_ascii_lowercase()));
        self
    }

    fn admit(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let host = headers.get(header::HOST).map(|host| host.to_str().unwrap_or_default());
        // An absolute URI names the host itself, and goes before the header.
        let host = uri.host().or(host).unwrap_or_default();
        if !self.knows(host) {
            return Err(Code::Forbidden.problem("the service is not reached under this Host"));
        }
        match headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default()) {
            Some(origin) if !self.knows_origin(origin) => {
                Err(Code::Forbidden.problem("pages of this Origin may not call the service"))
            }
            _ => Ok(()),
        }
    }

    fn knows(&self, host: &str) -> bool {
        let name = without_port(host);
        self.0.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    fn knows_origin(&self, origin: &str) -> bool {
        let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        host.is_some_and(|host| self.knows(host))
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Credential;
    use axum::{Router, middleware::from_fn_with_state, routing::get};
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn an_answer_carries_its_caller_for_the_log() {
        let key = Credential::random();
        let callers = Callers::nobody().and(&key, Principal::Person("mei".to_owned()));
        let guard = Guard { callers, hosts: Hosts::loopback(), body_limit: None };
        let router = Router::new().route("/", get(async || "")).layer(from_fn_with_state(Arc::new(guard), pass));
        let request = Request::get("/").header("host", "localhost");
        let request = request.header("authorization", format!("Bearer {}", key.reveal()));
        let answer = router.oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer");
        let caller = Caller::of(answer.extensions()).expect("known");
        assert_eq!(caller, Principal::Person("mei".to_owned()));
    }

    fn admitted(host: &'static str, origin: Option<&'static str>) -> bool {
        let hosts = Hosts::loopback().and(["planner.example:8080".to_owned()]);
        let mut headers = HeaderMap::from_iter([(header::HOST, host.parse().expect("a header"))]);
        headers.extend(origin.map(|origin| (header::ORIGIN, origin.parse().expect("a header"))));
        hosts.admit(&Uri::from_static("/mcp"), &headers).is_ok()
    }

    #[test]
    fn only_our_own_names_are_hosts() {
        for good in [
            "localhost",
            "LOCALHOST:1",
            "127.0.0.1:41234",
            "[::1]:80",
            "[::1]",
            "planner.example",
            "Planner.example:99",
        ] {
            assert!(admitted(good, None), "{good}");
        }
        for bad in ["", "evil.example", "127.0.0.1.evil.example", "localhost.", "planner.example.evil:8080", "10.0.0.1"]
        {
            assert!(!admitted(bad, None), "{bad}");
        }
    }

    #[test]
    fn pages_of_others_get_nowhere() {
        for good in ["http://localhost:3000", "https://planner.example"] {
            assert!(admitted("localhost", Some(good)), "{good}");
        }
        for bad in [
            "null",
            "http://evil.example",
            "https://localhost.evil.example",
            "file://",
            "http://localhost@evil.example",
        ] {
            assert!(!admitted("localhost", Some(bad)), "{bad}");
        }
    }
}
