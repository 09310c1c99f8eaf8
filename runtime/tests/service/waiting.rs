//! Calls that wait: what they show meanwhile, how long they last, and what becomes of those whose client goes away.

use crate::fixture::{Fixture, Tasks};
use futures::StreamExt as _;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn wait(job: &str, seconds: u32) -> Value {
    json!({"name": "wait_job", "arguments": {"job_id": job, "seconds": seconds}})
}

fn showing(job: &str, seconds: u32) -> Value {
    let mut params = wait(job, seconds);
    params["_meta"] = json!({"progressToken": "look"});
    params
}

async fn started(fixture: &Fixture, ends: &str) -> String {
    let started = fixture.call("build", json!({"ends": ends}), Tasks::Unknown).await;
    started["structuredContent"]["job_id"].as_str().expect("an id").to_owned()
}

/// The messages of a stream.
fn messages(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim).filter(|it| !it.is_empty());
    data.map(|data| serde_json::from_str(data).expect("JSON")).collect()
}

/// How many calls the service says are waiting.
async fn waiting(fixture: &Fixture) -> String {
    let metrics = fixture.http.get(fixture.url("/metrics")).send().await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    let line = metrics.lines().find(|line| line.starts_with("yonin_waiting_calls"));
    line.and_then(|line| line.split_whitespace().last()).unwrap_or("0").to_owned()
}

async fn until_waiting(fixture: &Fixture, calls: &str) {
    let look = async {
        while waiting(fixture).await != calls {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), look).await.expect("in time");
}

#[tokio::test]
async fn a_wait_is_one_answer_unless_progress_is_wanted() {
    let fixture = Fixture::start().await;
    let job = started(&fixture, "busy").await;
    fixture.claimed(&job).await;
    let plain = fixture.mcp(&fixture.planner, "tools/call", wait(&job, 1), Tasks::Unknown).send().await;
    let plain = plain.expect("an answer");
    assert_eq!(plain.headers()["content-type"], "application/json");
    let plain: Value = plain.json().await.expect("JSON");
    assert_eq!(plain["result"]["structuredContent"]["status"], "running");
    for bad in [0, 46] {
        let refused = fixture.ask(&fixture.planner, "tools/call", wait(&job, bad), Tasks::Unknown).await;
        assert_eq!(refused["structuredContent"]["detail"], "seconds is 1 to 45");
    }
}

#[tokio::test]
async fn progress_rises_and_says_what_the_job_does() {
    let fixture = Fixture::start().await;
    let job = started(&fixture, "shows").await;
    let shown = fixture.mcp(&fixture.planner, "tools/call", showing(&job, 45), Tasks::Unknown).send().await;
    let shown = shown.expect("an answer");
    assert_eq!(shown.headers()["content-type"], "text/event-stream");
    let messages = messages(&shown.text().await.expect("a whole stream"));
    let (last, shown) = messages.split_last().expect("messages");
    assert_eq!((&last["id"], &last["result"]["structuredContent"]["status"]), (&json!(1), &json!("done")));
    let params: Vec<_> = shown.iter().map(|message| &message["params"]).collect();
    assert!(shown.iter().all(|message| message["method"] == "notifications/progress"), "{shown:?}");
    assert!(params.iter().all(|params| params["progressToken"] == "look"), "{shown:?}");
    let progress: Vec<_> = params.iter().map(|params| params["progress"].as_f64().expect("a number")).collect();
    assert!(progress.windows(2).all(|pair| pair[0] < pair[1]), "{progress:?}");
    let said: Vec<_> = params.iter().map(|params| params["message"].as_str().expect("words")).collect();
    assert_eq!(said.last(), Some(&"公開中 3"), "{said:?}");
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_waiting() {
    let fixture = Fixture::start().await;
    let job = started(&fixture, "busy").await;
    for params in [wait(&job, 45), showing(&job, 45)] {
        let wants_progress = params["_meta"].is_object();
        let request = fixture.mcp(&fixture.planner, "tools/call", params, Tasks::Unknown);
        let client = tokio::spawn(async move {
            let mut stream = request.send().await.expect("an answer").bytes_stream();
            while stream.next().await.is_some() {}
        });
        until_waiting(&fixture, "1").await;
        let began = Instant::now();
        client.abort();
        until_waiting(&fixture, "0").await;
        assert!(began.elapsed() < Duration::from_secs(5), "progress {wants_progress}: {:?}", began.elapsed());
    }
    // Its work goes on, and is found under the same id.
    let found = fixture.ask(&fixture.planner, "tools/call", wait(&job, 1), Tasks::Unknown).await;
    assert_eq!(found["structuredContent"]["status"], "running");
}

#[tokio::test]
async fn a_service_that_stops_lets_go_of_those_who_wait() {
    let fixture = Fixture::start().await;
    let job = started(&fixture, "never").await;
    // Nobody asks a form of it, so it says where it stands.
    let asking = fixture.ask(&fixture.planner, "tools/call", wait(&job, 45), Tasks::Unknown).await;
    assert_eq!(asking["structuredContent"]["status"], "asking");

    let job = started(&fixture, "busy").await;
    let request = fixture.mcp(&fixture.planner, "tools/call", showing(&job, 45), Tasks::Unknown);
    let call = tokio::spawn(async move { request.send().await.expect("an answer").text().await.expect("a stream") });
    until_waiting(&fixture, "1").await;
    let began = Instant::now();
    let stopping = tokio::spawn(fixture.running.stop(Duration::from_secs(4)));
    let messages = messages(&call.await.expect("no panic"));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert!(!stopping.is_finished(), "the job is not let go of so soon");
    stopping.await.expect("it stops");
    let last = messages.last().expect("an answer");
    assert!(last["result"]["structuredContent"]["job_id"] == job, "{last}");
}
