use crate::fixture::{Ending, Fixture, Greeting, Name, Order};
use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode},
    response::IntoResponse as _,
};
use protocol::{Code, JobId};
use runtime::{Credential, Owner, Peer, PeerState};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

fn peer(fixture: &Fixture) -> Peer {
    Peer::new(fixture.origin(), fixture.planner.clone(), Code::PeerUnavailable)
}

fn mei() -> Name {
    Name { name: "Mei".to_owned() }
}

async fn end_of(peer: &Peer, job: JobId) -> PeerState<Greeting> {
    loop {
        match peer.poll(job).await.expect("a state") {
            PeerState::Working { .. } => tokio::time::sleep(Duration::from_millis(10)).await,
            ended => return ended,
        }
    }
}

#[tokio::test]
async fn a_short_tool_answers_or_says_why_not() {
    let fixture = Fixture::start().await;
    let peer = peer(&fixture);
    let greeting: Greeting = peer.call("greet", &mei()).await.expect("a greeting");
    assert_eq!(greeting.greeting, "こんにちは, Mei");
    assert_eq!(peer.call::<_, ()>("refuse", &()).await.expect_err("refused").code, Code::Forbidden);
    assert_eq!(peer.call::<_, ()>("nothing", &()).await.expect_err("unknown").code, Code::NotFound);
}

#[tokio::test]
async fn a_job_is_started_once_watched_and_cancelled() {
    let fixture = Fixture::start().await;
    let peer = peer(&fixture);
    let start = async |key: &str, ends| peer.start("build", key, &ann(), &Order { ends }).await;
    let well = start("a", Ending::Well).await.expect("a job");
    assert_eq!(start("a", Ending::Well).await.expect("the same job"), well);
    assert_eq!(end_of(&peer, well).await, PeerState::Done(Greeting { greeting: "built".to_owned() }));
    let PeerState::Failed(problem) = end_of(&peer, start("b", Ending::Badly).await.expect("a job")).await else {
        panic!("it ends badly")
    };
    assert_eq!(problem, Code::ChecksFailed.problem("it broke"));

    let never = start("c", Ending::Never).await.expect("a job");
    assert!(matches!(peer.poll::<Greeting>(never).await, Ok(PeerState::Working { .. })));
    peer.cancel(never).await.expect("a cancel");
    assert_eq!(end_of(&peer, never).await, PeerState::Cancelled);
    peer.cancel(never).await.expect("a second cancel");

    assert_eq!(start("d", Ending::Refused).await.expect_err("refused").code, Code::NothingToDo);
    assert_eq!(peer.poll::<Greeting>(JobId::fresh()).await.expect_err("unknown").code, Code::NotFound);
}

#[tokio::test]
async fn a_restart_of_the_peer_costs_nothing_but_time() {
    let fixture = Fixture::start().await;
    let peer = peer(&fixture);
    let job = peer.start("build", "a", &ann(), &Order { ends: Ending::Never }).await.expect("a job");
    let fixture = fixture.restart().await;
    assert!(matches!(peer.poll::<Greeting>(job).await, Ok(PeerState::Working { .. })));
    assert_eq!(peer.start("build", "a", &ann(), &Order { ends: Ending::Never }).await.expect("the same job"), job);
    drop(fixture);
    let problem = peer.poll::<Greeting>(job).await.expect_err("nobody answers");
    assert_eq!(problem.code, Code::PeerUnavailable);
}

#[tokio::test]
async fn a_peer_that_does_not_answer_is_unavailable_until_it_does() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let origin = format!("http://{}", taken.local_addr().expect("an address"));
    let silent = Peer::new(&origin, Credential::random(), Code::HostUnavailable).timeout(Duration::from_millis(100));
    assert_eq!(silent.call::<_, ()>("greet", &mei()).await.expect_err("silence").code, Code::HostUnavailable);
    drop(taken);
    assert_eq!(silent.call::<_, ()>("greet", &mei()).await.expect_err("refused").code, Code::HostUnavailable);
}

/// A peer that says 503 this many times, and then is there.
async fn busy(refusals: usize, retry_after: &'static str) -> (Fixture, Peer) {
    let (fixture, peer, _) = forwarded(refusals, retry_after).await;
    (fixture, peer)
}

/// A peer, and how many requests it got.
async fn counted() -> (Fixture, Peer, Arc<AtomicUsize>) {
    forwarded(0, "").await
}

async fn forwarded(refusals: usize, retry_after: &'static str) -> (Fixture, Peer, Arc<AtomicUsize>) {
    let fixture = Fixture::start().await;
    let (left, url, http) = (AtomicUsize::new(refusals), fixture.url("/mcp"), fixture.http.clone());
    let (shared, seen) = (Arc::new((left, url, http)), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&seen);
    let forward = async move |headers: HeaderMap, body: Bytes| {
        let (left, url, http) = &*shared;
        count.fetch_add(1, Ordering::Relaxed);
        if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", retry_after)]).into_response();
        }
        let answer = http.post(url).headers(headers).body(body).send().await.expect("an answer");
        ([("content-type", "application/json")], answer.bytes().await.expect("a body")).into_response()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(axum::serve(listener, axum::Router::new().route("/mcp", axum::routing::post(forward))).into_future());
    let peer = Peer::new(&origin, fixture.planner.clone(), Code::PeerUnavailable);
    (fixture, peer, seen)
}

#[tokio::test]
async fn a_peer_that_says_when_to_come_back_is_asked_again_then() {
    let (_fixture, peer) = busy(2, "1").await;
    let began = Instant::now();
    let greeting: Greeting = peer.call("greet", &mei()).await.expect("a greeting, in the end");
    assert_eq!(greeting.greeting, "こんにちは, Mei");
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_peer_that_is_busy_and_says_at_once_is_not_hammered() {
    let (_fixture, peer) = busy(1_000, "0").await;
    let problem = peer.call::<_, Greeting>("greet", &mei()).await.expect_err("patience ends first");
    assert_eq!(problem.code, Code::PeerUnavailable);
}

#[tokio::test]
async fn a_peer_that_is_away_for_long_is_not_waited_for() {
    let (_fixture, peer) = busy(1, "3600").await;
    let began = Instant::now();
    let problem = peer.call::<_, Greeting>("greet", &mei()).await.expect_err("away");
    assert_eq!(problem.code, Code::PeerUnavailable);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_wrong_credential_is_not_tried_again() {
    let fixture = Fixture::start().await;
    let stranger = Peer::new(fixture.origin(), Credential::random(), Code::PeerUnavailable);
    let problem = stranger.call::<_, Greeting>("greet", &mei()).await.expect_err("refused");
    assert_eq!(problem.code, Code::Unauthorized);
    assert!(!problem.code.is_retryable());
}

#[tokio::test]
async fn large_arguments_pass_between_services() {
    let fixture = Fixture::start().await;
    let name = "\"\n".repeat(8 * 1024 * 1024);
    let greeting: Greeting = peer(&fixture).call("greet", &Name { name: name.clone() }).await.expect("a greeting");
    assert_eq!(greeting.greeting.len(), name.len() + "こんにちは, ".len());
}

#[tokio::test]
async fn a_call_costs_a_round_trip_and_no_more() {
    let (_fixture, peer, forwarded) = counted().await;
    for _ in 0..10 {
        let _: Greeting = peer.call("greet", &mei()).await.expect("a greeting");
    }
    assert_eq!(forwarded.load(Ordering::Relaxed), 1 + 10, "one discovery, then one request for each call");
}

fn ann() -> Owner {
    Owner::Person("ann".to_owned())
}
