//! Whatever comes to the Planner over HTTP: the answer is one that the protocol knows, and nothing breaks.
//!
//! An input is a request as people write them down: `POST /mcp`, a line for each header, an empty line, the body. What is missing is
//! put there, a good key first of all: what is behind it is of interest. libFuzzer changes inputs, and keeps those that get to
//! places in the code where none was before. Jobs are written and never run.

#![no_main]

#[path = "../../tests/mcp/answer.rs"]
mod answer;

use axum::{
    Router,
    body::Body,
    http::{HeaderName, HeaderValue, Method, Request, Uri, header},
    response::Response,
};
use http_body_util::BodyExt as _;
use libfuzzer_sys::fuzz_target;
use planner::{Engine, Peers, PlannerConfig};
use protocol::{Code, Role};
use runtime::{
    Callers, Credential, Hints, Peer, Principal, Store,
    service::{Limits, Rate},
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::LazyLock,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{runtime::Runtime, time::timeout};
use tower::ServiceExt as _;

/// What is read of an answer that goes on: it waits, or tells of changes.
const LONG_ENOUGH: Duration = Duration::from_millis(20);

/// More of an answer than is looked at.
const MUCH: usize = 1 << 20;

struct World {
    runtime: Runtime,
    router: Router,
    key: HeaderValue,
    _dir: TempDir,
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (dir, key) = (TempDir::new().expect("a directory"), Credential::random());
        let router = runtime.block_on(async {
            let store = Store::sqlite(&dir.path().join("jobs.db")).await.expect("a store");
            // Nobody is there.
            let peer = || Peer::new("http://127.0.0.1:9", Credential::random(), Code::PeerUnavailable);
            let peers = Peers { architect: peer(), coder: peer(), tester: peer() };
            let callers = Callers::nobody().and(&key, Principal::person("mei", Role::Admin));
            let config = PlannerConfig { peers, engine: Engine::Blueprint };
            let unlimited = Rate { per_second: 1_000_000, burst: 1_000_000 };
            let service = planner::service(config, store, Hints::in_process(), callers);
            let service = service.limits(Limits { people: unlimited, strangers: unlimited });
            let bound = service.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a port");
            bound.router(Ipv4Addr::LOCALHOST.into())
        });
        let key = HeaderValue::try_from(format!("Bearer {}", key.reveal())).expect("it is ASCII");
        Self { runtime, router, key, _dir: dir }
    }

    fn ask(&self, request: Request<Body>) {
        let said = format!("{request:?}");
        let is_mcp = request.uri().path() == "/mcp";
        self.runtime.block_on(async {
            // One that never comes libFuzzer tells by the time that it takes.
            let answer = self.router.clone().oneshot(request).await;
            let answer: Response = answer.unwrap_or_else(|never| match never {});
            let status = answer.status().as_u16();
            let kind = answer.headers().get(header::CONTENT_TYPE).map_or("", |kind| kind.to_str().expect("text"));
            let kind = kind.to_owned();
            let text = begin(answer.into_body()).await;
            // Beside MCP there are pages, documents and lists, and a team that does not answer; but nothing breaks.
            let checked = match is_mcp {
                true => answer::check(status, &kind, &text),
                false if status == 500 => Err("it broke"),
                false => Ok(()),
            };
            assert_eq!(checked, Ok(()), "{status} {kind} {text}\nto {said}");
        });
    }
}

/// The body, or as much of it as comes before long.
async fn begin(mut body: Body) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(Ok(frame))) = timeout(LONG_ENOUGH, body.frame()).await {
        bytes.extend(frame.into_data().unwrap_or_default());
        if bytes.len() > MUCH {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The request that is written here, as far as it is one.
fn read(input: &[u8], key: &HeaderValue) -> Option<Request<Body>> {
    let end = input.windows(2).position(|two| two == b"\n\n").unwrap_or(input.len());
    let (head, body) = (&input[..end], input.get(end + 2..).unwrap_or_default());
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = str::from_utf8(lines.next()?).ok()?;
    let (method, uri) = first.split_once(' ')?;
    let mut request = Request::new(Body::from(body.to_vec()));
    *request.method_mut() = Method::from_bytes(method.as_bytes()).ok()?;
    *request.uri_mut() = uri.parse::<Uri>().ok().filter(|uri| uri.path().starts_with('/'))?;
    let headers = request.headers_mut();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        headers.append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
    }
    for (name, usual) in [
        (header::AUTHORIZATION, key.clone()),
        (header::HOST, HeaderValue::from_static("localhost")),
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream")),
    ] {
        headers.entry(name).or_insert(usual);
    }
    Some(request)
}

fuzz_target!(|input: &[u8]| {
    if let Some(request) = read(input, &WORLD.key) {
        WORLD.ask(request);
    }
});
