//! Who gets in, how far, how often, and what those hear who don't.

use crate::fixture::{Fixture, Tasks};
use futures::StreamExt as _;
use protocol::{Role, keys::CreateKey};
use reqwest::{Method, RequestBuilder, Response, header::HeaderMap};
use runtime::{
    Callers, Credential, Hints, Keys, Principal,
    service::{Limits, Rate},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

async fn sent(request: RequestBuilder) -> Response {
    request.send().await.expect("an answer")
}

fn challenge(headers: &HeaderMap) -> &str {
    headers["www-authenticate"].to_str().expect("text")
}

/// A viewer, an operator and an admin beside the usual callers.
async fn with_roles() -> (Fixture, [Credential; 3]) {
    let keys = [Credential::random(), Credential::random(), Credential::random()];
    let people = keys
        .iter()
        .zip(Role::ALL)
        .fold(Callers::nobody(), |callers, (key, role)| callers.and(key, Principal::person("mei", role)));
    (Fixture::with(|service, _| service.callers(people)).await, keys)
}

#[tokio::test]
async fn who_is_not_known_hears_where_to_begin_and_what_was_wrong() {
    let fixture = Fixture::start().await;
    let stranger = Credential::random();
    let root = format!("Bearer resource_metadata=\"{}/.well-known/oauth-protected-resource", fixture.origin());
    for (path, metadata) in [("/mcp", "/mcp\""), ("/v1/greetings", "\"")] {
        let post = || fixture.http.post(fixture.url(path)).json(&json!({"name": "a"}));
        let nothing = sent(post()).await;
        assert_eq!(challenge(nothing.headers()), format!("{root}{metadata}"), "no error: nothing was shown");
        let other_scheme = sent(post().basic_auth("mei", Some("secret"))).await;
        assert_eq!(challenge(other_scheme.headers()), format!("{root}{metadata}"));
        for request in [post().bearer_auth(stranger.reveal()), post().header("authorization", "Bearer")] {
            let wrong = sent(request).await;
            assert_eq!(challenge(wrong.headers()), format!("{root}{metadata}, error=\"invalid_token\""));
            assert_eq!(
                (wrong.status(), &wrong.headers()["content-type"]),
                (401.try_into().expect("a status"), &"application/problem+json".parse().expect("a header"))
            );
            assert_eq!(wrong.json::<Value>().await.expect("JSON")["code"], "unauthorized");
        }
    }
}

#[tokio::test]
async fn the_service_says_of_itself_what_opens_it() {
    let fixture = Fixture::start().await;
    for (path, resource) in [("", fixture.origin().to_owned()), ("/mcp", fixture.url("/mcp"))] {
        let url = fixture.url(&format!("/.well-known/oauth-protected-resource{path}"));
        let metadata: Value = sent(fixture.http.get(url)).await.json().await.expect("JSON");
        assert_eq!(
            metadata,
            json!({
                "resource": resource,
                "resource_name": "Yonin fixture",
                "bearer_methods_supported": ["header"],
                "scopes_supported": ["viewer", "operator", "admin"],
            })
        );
    }
}

#[tokio::test]
async fn behind_a_proxy_its_public_address_is_told() {
    let fixture = Fixture::with(|service, _| service.public_url("https://yonin.example.com".to_owned())).await;
    let url = fixture.url("/.well-known/oauth-protected-resource/mcp");
    let metadata: Value =
        sent(fixture.http.get(url).header("host", "yonin.example.com")).await.json().await.expect("JSON");
    assert_eq!(metadata["resource"], "https://yonin.example.com/mcp");
    let refused = sent(fixture.http.post(fixture.url("/mcp")).json(&json!({}))).await;
    assert_eq!(
        challenge(refused.headers()),
        "Bearer resource_metadata=\"https://yonin.example.com/.well-known/oauth-protected-resource/mcp\""
    );
}

#[tokio::test]
async fn a_role_that_is_not_enough_hears_which_is() {
    let (fixture, [viewer, operator, admin]) = with_roles().await;
    let scope = |scope: &str| format!("error=\"insufficient_scope\", scope=\"{scope}\"");
    let rest = |key: &Credential| {
        fixture.http.post(fixture.url("/v1/greetings")).bearer_auth(key.reveal()).json(&json!({"name": "a"}))
    };
    let build = json!({"name": "build", "arguments": {"ends": "well"}});
    let modern = |key: &Credential| fixture.mcp(key, "tools/call", build.clone(), Tasks::Declared);
    // A client of 2025-03-26 says it in the body alone.
    let legacy = |key: &Credential| {
        let call = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": build});
        let request = fixture.http.post(fixture.url("/mcp")).bearer_auth(key.reveal()).json(&call);
        request.header("accept", "application/json, text/event-stream")
    };
    for key in [&operator, &admin] {
        for request in [rest(key), modern(key), legacy(key)] {
            assert_eq!(sent(request).await.status(), 200);
        }
    }
    for request in [rest(&viewer), modern(&viewer), legacy(&viewer)] {
        let refused = sent(request).await;
        assert!(challenge(refused.headers()).ends_with(&scope("operator")), "{:?}", refused.headers());
        assert_eq!(refused.status(), 403);
        assert_eq!(refused.json::<Value>().await.expect("JSON")["code"], "insufficient-role");
    }
}

#[tokio::test]
async fn who_only_looks_gets_through_with_what_only_looks() {
    let (fixture, [viewer, operator, _]) = with_roles().await;
    let arguments = json!({"name": "greet", "arguments": {"name": "Mei"}});
    let greeted = fixture.ask(&viewer, "tools/call", arguments, Tasks::Unknown).await;
    assert_eq!(greeted["structuredContent"]["greeting"], "こんにちは, Mei");
    let build = json!({"name": "build", "arguments": {"ends": "never"}});
    let task = fixture.ask(&operator, "tools/call", build, Tasks::Declared).await["taskId"].clone();
    let status = |method, params| fixture.mcp(&viewer, method, params, Tasks::Declared);
    for (method, params, expected) in [
        ("server/discover", json!({}), 200),
        ("tools/list", json!({}), 200),
        ("tasks/get", json!({"taskId": task}), 200),
        ("tasks/cancel", json!({"taskId": task}), 403),
        ("tasks/update", json!({"taskId": task, "inputResponses": {}}), 403),
        ("things/do", json!({}), 403),
    ] {
        assert_eq!(sent(status(method, params)).await.status().as_u16(), expected, "{method}");
    }
}

/// What is in one request that the guard can't make out is decided where it is done.
#[tokio::test]
async fn no_disguise_of_a_call_gets_around_the_role() {
    let (fixture, [viewer, ..]) = with_roles().await;
    let call = |name: &str| json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": name, "arguments": {"ends": "well"}}});
    let twice = "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/list\",\"method\":\"tools/call\",\"params\":{\"name\":\"greet\",\"name\":\"build\",\"arguments\":{\"ends\":\"well\"}}}";
    for body in [
        json!([call("build")]).to_string(),
        twice.to_owned(),
        format!(" {}", call("build")),
        call("b\\u0075ild").to_string().replace("\\\\u", "\\u"),
    ] {
        let request = fixture.http.post(fixture.url("/mcp")).bearer_auth(viewer.reveal()).body(body.clone());
        let request = request.header("content-type", "application/json");
        let answer = sent(request.header("accept", "application/json, text/event-stream")).await;
        let text = answer.text().await.expect("text");
        assert!(!text.contains("job_id"), "{body}: {text}");
    }
}

#[tokio::test]
async fn a_key_of_the_store_opens_until_it_is_revoked_and_so_does_a_stream() {
    let mut keys = None;
    let fixture = Fixture::with(|service, store| {
        let made = Keys::new("fixture", store, Hints::in_process(), Callers::nobody());
        keys = Some(made.clone());
        service.keys(made)
    })
    .await;
    let (keys, owner) = (keys.expect("made"), Principal::person("owner", Role::Admin));
    let wanted = |name: &str| CreateKey {
        name: name.parse().expect("a name"),
        role: Role::Viewer,
        expires_in_seconds: None,
        another: false,
    };
    let made = keys.create(&owner, wanted("mei")).await.expect("a key");
    let other = keys.create(&owner, wanted("ann")).await.expect("a key");
    let open = |key: &str| fixture.http.get(fixture.url("/v1/events")).bearer_auth(key);
    let mut streams = [sent(open(&made.key)).await.bytes_stream(), sent(open(&other.key)).await.bytes_stream()];
    for stream in &mut streams {
        assert_eq!(stream.next().await.expect("an event").expect("bytes"), "data: open\n\n");
    }
    keys.revoke(&owner, "mei").await.expect("revoked");
    let refused = sent(open(&made.key)).await;
    assert_eq!((refused.status().as_u16(), sent(open(&other.key)).await.status().as_u16()), (401, 200));
    let [revoked, lives] = &mut streams;
    let end = tokio::time::timeout(Duration::from_secs(10), revoked.next()).await.expect("its stream ends");
    assert!(end.is_none(), "in order");
    assert!(tokio::time::timeout(Duration::from_millis(100), lives.next()).await.is_err(), "the other goes on");
}

#[tokio::test]
async fn who_asks_too_fast_waits_and_nobody_else_does() {
    let limits = Limits { people: Rate { per_second: 1, burst: 3 }, strangers: Rate { per_second: 1, burst: 4 } };
    let fixture = Fixture::with(|service, _| service.limits(limits)).await;
    let greet = |key: &Credential| {
        fixture.mcp(key, "tools/call", json!({"name": "greet", "arguments": {"name": "a"}}), Tasks::Unknown)
    };
    let began = Instant::now();
    let mut refused = None;
    for _ in 0..50 {
        let answer = sent(greet(&fixture.person)).await;
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.unwrap_or_else(|| panic!("50 requests in {:?}", began.elapsed()));
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    assert_eq!(refused.json::<Value>().await.expect("JSON")["code"], "too-many-requests");
    for _ in 0..20 {
        assert_eq!(sent(greet(&fixture.planner)).await.status(), 200, "services are not held up");
    }
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(sent(greet(&Credential::random())).await.status().as_u16());
    }
    assert_eq!(statuses[..4], [401; 4]);
    assert!(statuses[4..].contains(&429), "{statuses:?}");
    assert_eq!(sent(fixture.http.get(fixture.url("/healthz"))).await.status(), 200, "probes are never held up");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(sent(greet(&fixture.person)).await.status(), 200, "after as long as was said");
}

#[tokio::test]
async fn strangers_at_the_same_address_hold_nobody_up_who_is_known() {
    let (mut keys, slow) = (None, Rate { per_second: 1, burst: 2 });
    let fixture = Fixture::with(|service, store| {
        let made = Keys::new("fixture", store, Hints::in_process(), Callers::nobody());
        keys = Some(made.clone());
        service.keys(made).limits(Limits { strangers: slow, ..Limits::default() })
    })
    .await;
    let wanted = json!({"name": "mei", "role": "operator"});
    let owner = Principal::person("owner", Role::Admin);
    let wanted: CreateKey = serde_json::from_value(wanted).expect("a wish");
    let mei = Credential::new(keys.expect("made").create(&owner, wanted).await.expect("a key").key);
    let list = |key: &Credential| fixture.mcp(key, "tools/list", json!({}), Tasks::Unknown);
    assert_eq!(sent(list(&mei)).await.status(), 200);
    // For longer than a key is taken for good without asking again.
    let until = Instant::now() + Duration::from_millis(2_500);
    let mut turned_away = 0;
    while Instant::now() < until {
        turned_away += usize::from(sent(list(&Credential::random())).await.status() == 429);
        assert_eq!(sent(list(&mei)).await.status(), 200);
    }
    assert!(turned_away > 0, "there were too many strangers");
}

/// The status of a request as it stands.
async fn raw(fixture: &Fixture, request: &str) -> u16 {
    let mut stream = TcpStream::connect(fixture.origin().trim_start_matches("http://")).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn hosts_are_looked_at_as_they_come_over_the_wire() {
    let fixture = Fixture::start().await;
    let get = |line: &str, hosts: &[&str]| {
        let hosts: String = hosts.iter().map(|host| format!("Host: {host}\r\n")).collect();
        format!("GET {line} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n")
    };
    for (line, hosts, status) in [
        ("/public", &["localhost"][..], 200),
        ("/public", &["fixture.example."], 200),
        ("/public", &["[::1]:99"], 200),
        ("/public", &[], 400),
        ("/public", &["localhost", "localhost"], 400),
        ("/public", &["localhost", "evil.example"], 400),
        ("/public", &["me@localhost"], 400),
        ("/public", &["evil.example"], 403),
        ("http://localhost/public", &["evil.example"], 200),
        ("http://evil.example/public", &["localhost"], 403),
    ] {
        assert_eq!(raw(&fixture, &get(line, hosts)).await, status, "{line} {hosts:?}");
    }
}

#[tokio::test]
async fn no_other_page_may_read_what_the_service_says() {
    let fixture = Fixture::start().await;
    for origin in ["http://localhost:5173", "http://evil.example"] {
        let preflight = fixture.http.request(Method::OPTIONS, fixture.url("/v1/greetings")).header("origin", origin);
        let answer = sent(preflight.header("access-control-request-method", "POST")).await;
        assert!(!answer.status().is_success(), "{origin}: {}", answer.status());
        assert!(answer.headers().keys().all(|name| !name.as_str().starts_with("access-control")), "{origin}");
    }
}
