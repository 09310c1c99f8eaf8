use crate::fixture::{Fixture, Tasks};
use futures::StreamExt as _;
use runtime::{Service, ServiceError, Toolbox};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_taken_port_is_told() {
    let fixture = Fixture::start().await;
    let address = fixture.origin().trim_start_matches("http://").parse().expect("an address");
    let second = Service::new("second", Toolbox::new()).bind(address).await;
    assert!(matches!(second.err(), Some(ServiceError::PortTaken(taken)) if taken == address));
}

#[tokio::test]
async fn jobs_need_a_store() {
    let service = Service::new("storeless", Toolbox::new()).with_jobs(|_| Toolbox::new());
    let bound = service.bind(([127, 0, 0, 1], 0).into()).await;
    assert!(matches!(bound.err(), Some(ServiceError::NoStore)));
}

#[tokio::test]
async fn open_streams_end_when_the_service_stops() {
    let fixture = Fixture::start().await;
    let answer = fixture
        .http
        .get(fixture.url("/v1/events"))
        .bearer_auth(fixture.person.reveal())
        .send()
        .await
        .expect("a stream");
    let mut events = answer.bytes_stream();
    assert_eq!(events.next().await.expect("an event").expect("bytes"), "data: open\n\n");
    let (began, origin) = (Instant::now(), fixture.origin().to_owned());
    fixture.running.stop(Duration::from_secs(20)).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(events.next().await.is_none(), "the stream ends in order");
    assert!(fixture.http.get(format!("{origin}/healthz")).send().await.is_err(), "the port is closed");
}

#[tokio::test]
async fn a_request_that_hangs_does_not_outlive_the_deadline() {
    let fixture = Fixture::start().await;
    let never = futures::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let request = fixture
        .http
        .post(fixture.url("/v1/greetings"))
        .bearer_auth(fixture.person.reveal())
        .header("content-type", "application/json")
        .header("expect", "100-continue")
        .body(reqwest::Body::wrap_stream(never));
    let hanging = tokio::spawn(request.send());
    // The service has the request when it has counted another that came after it.
    fixture.call("greet", json!({"name": "a"}), Tasks::Unknown).await;
    let began = Instant::now();
    fixture.running.stop(Duration::from_millis(300)).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(hanging.await.expect("no panic").is_err());
}

#[tokio::test]
async fn what_was_answered_is_counted_by_route() {
    let fixture = Fixture::start().await;
    fixture.call("greet", json!({"name": "a"}), Tasks::Unknown).await;
    fixture.http.get(fixture.url("/v2/unknown")).send().await.expect("an answer");
    let metrics =
        fixture.http.get(fixture.url("/metrics")).send().await.expect("an answer").text().await.expect("text");
    let counted =
        |labels: &str| metrics.lines().any(|line| line.starts_with(&format!("yonin_http_requests_total{{{labels}")));
    assert!(counted(r#"service="fixture",method="POST",route="/mcp",status="200""#), "{metrics}");
    assert!(counted(r#"service="fixture",method="GET",route="none",status="404""#), "{metrics}");
    assert!(metrics.contains("yonin_http_request_seconds_bucket"), "{metrics}");
}

#[tokio::test]
async fn an_address_for_metrics_has_nothing_else() {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("an address");
    let fixture = Fixture::with(|service, _| service.metrics_at(free)).await;
    let ask = async |path: &str| fixture.http.get(format!("http://{free}{path}")).send().await.expect("an answer");
    let metrics = ask("/metrics").await.text().await.expect("text");
    assert!(metrics.contains("yonin_waiting_calls"), "{metrics}");
    for path in ["/", "/readyz", "/mcp", "/public", "/v1/greetings"] {
        assert_eq!(ask(path).await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn a_service_that_hands_back_its_jobs_is_not_ready_but_answers() {
    let fixture = Fixture::start().await;
    let busy = fixture.call("build", json!({"ends": "busy"}), Tasks::Declared).await;
    let (http, ready) = (fixture.http.clone(), fixture.url("/readyz"));
    let answer = http.get(&ready).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    fixture.claimed(busy["taskId"].as_str().expect("an id")).await;

    let stopping = tokio::spawn(fixture.running.stop(Duration::from_secs(3)));
    let draining = loop {
        let answer = http.get(&ready).send().await.expect("an answer while the worker drains");
        if answer.status() != 200 {
            break answer;
        }
    };
    assert_eq!(draining.status(), 503);
    assert_eq!(draining.headers()["retry-after"], "1");
    assert_eq!(draining.json::<serde_json::Value>().await.expect("JSON")["code"], "draining");
    stopping.await.expect("it stops");
}
