//! What every request passes before its route sees it: is the host ours, who is calling, is it too fast, may it, is the body small
//! enough.

use super::{
    access::{Access, insufficient},
    challenge::{Reached, challenge},
    hosts::Hosts,
    limit::{Buckets, Limits, counted_as},
};
use crate::{
    Principal,
    credentials::{Authority, Bearer, Fingerprint, Proven, Refusal},
    http::{BodyLimit, Caller, Failure, is_json, read},
    mcp::{Server, envelope},
};
use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures::StreamExt as _;
use http::{HeaderValue, Method, StatusCode, header};
use protocol::{Code, Problem};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

/// What services may send: a change-set of 16 MiB, its files escaped as JSON strings.
const SERVICES: BodyLimit = BodyLimit(64 * 1024 * 1024);

/// Of a body that is too large so much is read, 64 MiB.
const LONGEST_READ_OFF: usize = 64 * 1024 * 1024;

/// How often a stream that goes on and on looks whether its caller's key is still good.
const RECHECK: Duration = Duration::from_secs(2);

/// What the guard goes by.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) authorities: Vec<Authority>,
    pub(super) hosts: Hosts,
    /// Where people reach it, when that is not where requests arrive.
    pub(super) public: Option<String>,
    pub(super) access: Access,
    /// For everybody, when the service says so.
    pub(super) body_limit: Option<BodyLimit>,
    /// Routes to which people may send more than elsewhere.
    pub(super) larger_bodies: Vec<(&'static str, BodyLimit)>,
    pub(super) people: Buckets<String>,
    pub(super) strangers: Buckets<IpAddr>,
}

/// The address of the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct From(pub(super) IpAddr);

/// Why a request gets no further.
enum Stopped {
    /// It comes too early by this much.
    TooFast(Duration),
    /// This is what it hears.
    Refused(Box<Response>),
}

impl Guard {
    pub(super) fn new(authorities: Vec<Authority>, hosts: Hosts, access: Access, limits: Limits) -> Self {
        let (people, strangers) = (Buckets::new(limits.people), Buckets::new(limits.strangers));
        let larger_bodies = Vec::new();
        Self { authorities, hosts, public: None, access, body_limit: None, larger_bodies, people, strangers }
    }

    /// The largest body that anybody may send.
    pub(super) fn largest_body(&self) -> usize {
        self.body_limit.unwrap_or(SERVICES).0
    }

    /// Who is not known may never send what is larger than usual.
    fn limit_of(&self, caller: &Result<Principal, Problem>, route: Option<&MatchedPath>) -> BodyLimit {
        let larger = || {
            let route = route.map(MatchedPath::as_str);
            self.larger_bodies.iter().find(|(larger, _)| Some(*larger) == route).map(|(_, limit)| *limit)
        };
        match (self.body_limit, caller) {
            (Some(limit), _) => limit,
            (None, Ok(Principal::Service(_))) => SERVICES,
            (None, Ok(Principal::Person { .. })) => larger().unwrap_or(BodyLimit::PEOPLE),
            (None, Err(_)) => BodyLimit::PEOPLE,
        }
    }

    /// Who is calling. A stranger pays before anybody looks into a store for it; whoever was known a moment ago is none, however many
    /// strangers share its address.
    async fn identify(&self, bearer: Bearer, from: IpAddr) -> Result<Result<Proven, Refusal>, Stopped> {
        if let Bearer::Key(key) = bearer
            && let Some(proven) = self.authorities.iter().find_map(|authority| authority.recall(&key))
        {
            return self.paced(proven).map(Ok);
        }
        let knew = |key| self.authorities.iter().any(|authority| authority.knew(&key));
        if !matches!(bearer, Bearer::Key(key) if knew(key)) {
            self.strangers.take(&counted_as(from)).map_err(Stopped::TooFast)?;
        }
        match bearer {
            Bearer::Nothing => Ok(Err(Refusal::NothingShown)),
            Bearer::Malformed => Ok(Err(Refusal::Unknown)),
            Bearer::Key(key) => match self.find(&key).await {
                Ok(Some(proven)) => self.paced(proven).map(Ok),
                Ok(None) => Ok(Err(Refusal::Unknown)),
                Err(problem) => Ok(Err(Refusal::Undecided(problem))),
            },
        }
    }

    async fn find(&self, key: &Fingerprint) -> Result<Option<Proven>, Problem> {
        for authority in &self.authorities {
            if let Some(proven) = authority.find(key).await? {
                return Ok(Some(proven));
            }
        }
        Ok(None)
    }

    fn paced(&self, proven: Proven) -> Result<Proven, Stopped> {
        if let Principal::Person { name, .. } = &proven.principal {
            self.people.take(name.as_str()).map_err(Stopped::TooFast)?;
        }
        Ok(proven)
    }

    /// Looks at who is calling, and at what; answers when neither is in the way.
    async fn answer(&self, mut request: Request, caller: Caller, next: Next) -> Result<Response, Stopped> {
        let refuse = |response| Stopped::Refused(Box::new(response));
        if let Some(path) = request.extensions().get::<MatchedPath>().filter(|path| path.as_str() != "/mcp") {
            self.access.admit(request.method(), path.as_str(), &caller.0).map_err(Stopped::Refused)?;
        }
        let limit = self.limit_of(&caller.0, request.extensions().get::<MatchedPath>());
        let length =
            request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: usize| length > limit.0) {
            read_off(request).await;
            return Err(refuse(Failure(limit.problem()).into_response()));
        }
        request.extensions_mut().insert(limit);
        request.extensions_mut().insert(caller);
        Ok(next.run(request).await)
    }

    /// A stream that ends when its caller's key does: it may go on for hours after the key was looked at.
    fn until_revoked(self: &Arc<Self>, response: Response, key: Fingerprint) -> Response {
        let guard = Arc::clone(self);
        let revoked = async move {
            loop {
                tokio::time::sleep(RECHECK).await;
                let known = guard.authorities.iter().any(|authority| authority.recall(&key).is_some());
                // A store that does not answer says nothing of the key.
                if !known && matches!(guard.find(&key).await, Ok(None)) {
                    return;
                }
            }
        };
        response.map(|body| Body::from_stream(body.into_data_stream().take_until(Box::pin(revoked))))
    }
}

/// Finds out under which host, by whom and how often the service is called, and whether this call may be made; says what a refused
/// caller can do about it.
pub(super) async fn pass(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let named = match guard.hosts.admit(request.uri(), request.headers()) {
        Ok(named) => named,
        Err(problem) => return Failure(problem).into_response(),
    };
    let reached = Reached(guard.public.clone().unwrap_or_else(|| format!("http://{named}")));
    let path = request.uri().path().to_owned();
    let (bearer, from) = (Bearer::of(request.headers()), request.extensions().get::<From>().copied());
    let from = from.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |From(address)| address);
    let identified = match guard.identify(bearer, from).await {
        Ok(identified) => identified,
        Err(stopped) => return stopped.into_response(),
    };
    let refusal = identified.as_ref().err().cloned();
    let caller = Caller(identified.map(|proven| proven.principal).map_err(|refusal| refusal.problem()));
    request.extensions_mut().insert(reached.clone());
    let answered = guard.answer(request, caller.clone(), next).await;
    let mut response = answered.unwrap_or_else(Stopped::into_response);
    challenge(&mut response, &reached, &path, refusal.as_ref());
    // For the log line.
    response.extensions_mut().insert(caller);
    match bearer {
        Bearer::Key(key) if is_stream(&response) => guard.until_revoked(response, key),
        _ => response,
    }
}

fn is_stream(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

impl Stopped {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(response) => *response,
            Self::TooFast(wait) => {
                metrics::counter!("yonin_requests_too_fast_total").increment(1);
                let mut response =
                    Failure(Code::TooManyRequests.problem("more requests than you may send")).into_response();
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                response
            }
        }
    }
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

/// Lets only known callers through to the MCP endpoint, with bodies that are neither too large nor too slow however they arrive,
/// that hold a message, and whose role is enough for it.
pub(super) async fn known(State(mcp): State<Server>, request: Request, next: Next) -> Result<Response, Response> {
    let refused = |problem: Problem| Failure(problem).into_response();
    let caller = Caller::of(request.extensions()).map_err(refused)?;
    let (parts, body) = request.into_parts();
    let body = read(body, BodyLimit::of(&parts.extensions)).await.map_err(refused)?;
    if parts.method == Method::POST {
        envelope::check(&body).map_err(|answer| *answer)?;
    }
    let needed = mcp.needed(&caller, &body);
    caller.require(needed).map_err(|problem| insufficient(problem, needed))?;
    let is_json = is_json(&parts.headers);
    let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
    // The media type is right, so it is what was in the body.
    let is_unreadable = is_json && answer.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Ok(if is_unreadable { envelope::unreadable() } else { answer })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::access::Need;
    use crate::{Callers, Credential};
    use axum::{Router, middleware::from_fn_with_state, routing::get};
    use http::Method;
    use protocol::Role;
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn an_answer_carries_its_caller_for_the_log() {
        let (key, mei) = (Credential::random(), Principal::person("mei", Role::Viewer));
        let callers = Callers::nobody().and(&key, mei.clone());
        let access = Access::default().and([Need::role(Method::GET, "/", Role::Viewer)]);
        let authorities = vec![Authority::Configuration(callers)];
        let guard = Guard::new(authorities, Hosts::loopback(), access, Limits::default());
        let router = Router::new().route("/", get(async || "")).layer(from_fn_with_state(Arc::new(guard), pass));
        let request = Request::get("/").header("host", "localhost");
        let request = request.header("authorization", format!("Bearer {}", key.reveal()));
        let answer = router.oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        assert_eq!(Caller::of(answer.extensions()).expect("known"), mei);
    }
}
