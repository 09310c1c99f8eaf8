use crate::fixture::{Fixture, Tasks};
use reqwest::StatusCode;
use runtime::Credential;
use serde_json::{Value, json};

#[tokio::test]
async fn nothing_but_public_routes_and_probes_answers_without_a_key() {
    let fixture = Fixture::start().await;
    for path in ["/healthz", "/readyz", "/metrics", "/public"] {
        assert_eq!(fixture.http.get(fixture.url(path)).send().await.expect("an answer").status(), 200, "{path}");
    }
    let stranger = Credential::random();
    for request in [
        fixture.http.post(fixture.url("/mcp")).json(&json!({})),
        fixture.http.post(fixture.url("/v1/greetings")).json(&json!({"name": "a"})),
        fixture.http.post(fixture.url("/v1/greetings")).json(&json!({"name": "a"})).bearer_auth(stranger.reveal()),
        fixture.mcp(&stranger, "tools/list", json!({}), Tasks::Unknown),
    ] {
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert!(answer.headers().contains_key("www-authenticate"));
        assert_eq!(answer.json::<Value>().await.expect("JSON")["code"], "unauthorized");
    }
}

#[tokio::test]
async fn other_hosts_and_other_pages_are_refused() {
    let fixture = Fixture::start().await;
    let asked = async |header: &str, value: &str| {
        let list = fixture.mcp(&fixture.person, "tools/list", json!({}), Tasks::Unknown);
        list.header(header, value).send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(asked("host", "evil.example").await, 403);
    assert_eq!(asked("host", "fixture.example:8080").await, 200);
    assert_eq!(asked("origin", "http://evil.example").await, 403);
    assert_eq!(asked("origin", "null").await, 403);
    assert_eq!(asked("origin", "http://localhost:5173").await, 200);
    let probe =
        fixture.http.get(fixture.url("/readyz")).header("host", "10.1.2.3:8080").send().await.expect("an answer");
    assert_eq!(probe.status(), 200);
}

#[tokio::test]
async fn a_body_is_as_large_as_its_sender_may_make_it() {
    let fixture = Fixture::start().await;
    let size_of = async |key: &Credential, bytes: usize| {
        let params = json!({"name": "greet", "arguments": {"name": "a".repeat(bytes)}});
        fixture.mcp(key, "tools/call", params, Tasks::Unknown).send().await.expect("an answer")
    };
    assert_eq!(size_of(&fixture.person, 1_000_000).await.status(), 200);
    assert_eq!(size_of(&fixture.planner, 2_000_000).await.status(), 200);
    let refused = size_of(&fixture.person, 2_000_000).await;
    assert_eq!(refused.status(), 413);
    assert_eq!(refused.json::<Value>().await.expect("JSON")["code"], "body-too-large");
}

#[tokio::test]
async fn a_route_may_take_more_from_those_who_are_known() {
    let fixture = Fixture::start().await;
    let sent = async |key: Option<&Credential>, path: &str, bytes: usize| {
        let body = serde_json::to_vec(&json!({"name": "a".repeat(bytes)})).expect("JSON");
        let request = fixture.http.post(fixture.url(path)).header("content-type", "application/json");
        let request = if let Some(key) = key { request.bearer_auth(key.reveal()) } else { request };
        // In pieces, so that it does not say how large it is.
        let pieces = body.chunks(60_000).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>();
        let whole = request.try_clone().expect("no stream").body(body).send().await.expect("an answer");
        let pieces = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
        let pieces = request.body(pieces).send().await.expect("an answer");
        [whole.status().as_u16(), pieces.status().as_u16()]
    };
    let (person, stranger) = (&fixture.person, Credential::random());
    assert_eq!(sent(Some(person), "/v1/parcels/7", 3_000_000).await, [200, 200]);
    assert_eq!(sent(Some(person), "/v1/parcels/7", 4_300_000).await, [413, 413], "it has an end, too");
    assert_eq!(sent(Some(person), "/v1/greetings", 3_000_000).await, [413, 413], "as before");
    // Who is not known is not read from, however large the body says it is.
    assert_eq!(sent(None, "/v1/parcels/7", 3_000_000).await, [401, 401]);
    assert_eq!(sent(Some(&stranger), "/v1/parcels/7", 900_000).await, [401, 401]);
}

#[tokio::test]
async fn a_body_that_does_not_say_its_size_is_measured() {
    let fixture = Fixture::start().await;
    for path in ["/mcp", "/v1/greetings"] {
        let chunks = futures::stream::iter((0..32).map(|_| Ok::<_, std::io::Error>(vec![b' '; 65_536])));
        let request = fixture
            .http
            .post(fixture.url(path))
            .bearer_auth(fixture.person.reveal())
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .body(reqwest::Body::wrap_stream(chunks));
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 413, "{path}");
        assert_eq!(answer.json::<Value>().await.expect("JSON")["code"], "body-too-large");
    }
}
