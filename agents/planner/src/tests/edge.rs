//! What callers may send, and what they get for it.

use super::harness::{Harness, frames};
use protocol::{Code, Problem, rest::TaskList, task::Task};
use reqwest::{Method, Response};
use serde_json::{Value, json};

async fn code(answer: Response) -> (u16, Code) {
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let status = answer.status().as_u16();
    let problem: Problem = answer.json().await.expect("a problem");
    assert_eq!(problem.status, status);
    (status, problem.code)
}

#[tokio::test]
async fn bad_submissions_have_codes_of_their_own() {
    let harness = Harness::start().await;
    let cases = [
        (json!({"goal": "", "app": "shop"}), 422, Code::BadGoal),
        (json!({"goal": "a".repeat(16_385), "app": "shop"}), 422, Code::BadGoal),
        (json!({"goal": "x", "app": "Shop"}), 422, Code::BadAppName),
        (json!({"goal": "x"}), 422, Code::BadRequest),
        (json!({"goal": "x", "app": "shop", "colour": 1}), 422, Code::BadRequest),
        (json!({"goal": "x", "app": "shop", "budget": {"attempts": 0}}), 422, Code::BadRequest),
        (json!({"goal": "x", "app": "shop", "labels": {"": "nameless"}}), 422, Code::BadRequest),
        (json!([1]), 422, Code::BadRequest),
        (json!(["a goal", "shop", "auto", {}, {}]), 422, Code::BadRequest),
    ];
    for (body, status, expected) in cases {
        assert_eq!(code(harness.post("/v1/tasks", body.clone()).await).await, (status, expected), "{body}");
    }
    let answer = harness.post("/v1/tasks", json!({"goal": "x", "app": "shop", "budget": {"attempts": "2"}})).await;
    let problem: Problem = answer.json().await.expect("a problem");
    assert!(problem.detail.starts_with("budget.attempts: "), "it names the field: {problem}");
    let send = async |kind: &str, body: &'static str| {
        let request = harness.request(Method::POST, "/v1/tasks").header("content-type", kind).body(body);
        code(request.send().await.expect("an answer")).await
    };
    assert_eq!(send("application/json", "{\"goal\": ").await, (400, Code::BadJson));
    assert_eq!(send("text/plain", "{}").await, (415, Code::UnsupportedMediaType));
    let goal = "目".repeat(16_384);
    assert_eq!(harness.post("/v1/tasks", json!({"goal": goal, "app": "shop"})).await.status(), 202);
}

#[tokio::test]
async fn bad_addresses_have_codes_of_their_own() {
    let harness = Harness::start().await;
    let unknown = protocol::TaskId::fresh();
    let cases = [
        (format!("/v1/tasks/{unknown}"), 404, Code::NotFound),
        ("/v1/tasks/42".to_owned(), 404, Code::NotFound),
        (format!("/v1/tasks/{unknown}/events"), 404, Code::NotFound),
        (format!("/v1/tasks/{unknown}/artifacts/plan"), 404, Code::NotFound),
        (format!("/v1/tasks/{unknown}/artifacts/secrets"), 404, Code::NotFound),
        ("/v1/tasks?limit=0".to_owned(), 422, Code::BadRequest),
        ("/v1/tasks?limit=many".to_owned(), 422, Code::BadRequest),
        ("/v1/tasks?status=lost".to_owned(), 422, Code::BadRequest),
        ("/v1/tasks?stauts=failed".to_owned(), 422, Code::BadRequest),
        ("/v1/tasks?cursor=x".to_owned(), 400, Code::BadCursor),
        ("/v1/apps/shop".to_owned(), 404, Code::NotFound),
        ("/v1/apps/Shop".to_owned(), 422, Code::BadAppName),
        ("/errors/nothing".to_owned(), 404, Code::NotFound),
    ];
    for (path, status, expected) in cases {
        assert_eq!(code(harness.get(&path).await).await, (status, expected), "{path}");
    }
    assert_eq!(code(harness.without_key("/v1/tasks").send().await.expect("an answer")).await.0, 401);
}

#[tokio::test]
async fn pages_and_descriptions_are_public() {
    let harness = Harness::start().await;
    for (path, part) in
        [("/", "<textarea"), ("/ui/app.js", "fetch"), ("/ui/page.css", "body"), ("/errors/bad-goal", "goal")]
    {
        let answer = harness.without_key(path).send().await.expect("an answer");
        assert!(answer.headers()["content-security-policy"].to_str().expect("text").contains("default-src 'none'"));
        assert!(answer.text().await.expect("text").contains(part), "{path}");
    }
    let api: Value = harness.without_key("/openapi.json").send().await.expect("an answer").json().await.expect("JSON");
    let calls = api["paths"].as_object().expect("paths").values().flat_map(|call| call.as_object().expect("methods"));
    let mut names = std::collections::HashSet::new();
    for (method, call) in calls {
        assert!(names.insert(call["operationId"].clone()), "two calls of one name: {method} {call:#}");
        for (status, answer) in call["responses"].as_object().expect("answers") {
            assert!(answer["description"].is_string(), "OpenAPI wants a description: {method} {call:#}, {status}");
        }
    }
    let codes: Vec<Code> = serde_json::from_value(api["components"]["schemas"]["Code"]["enum"].clone()).expect("codes");
    assert_eq!(codes, Code::ALL, "as they stand on the wire");
    let mut calls: Vec<_> = api["paths"].as_object().expect("paths").keys().collect();
    calls.sort();
    insta::assert_json_snapshot!(calls);
}

#[tokio::test]
async fn the_same_key_is_the_same_task() {
    let harness = Harness::start().await;
    let submit = async |key: &str, goal: &str| {
        let body = json!({"goal": goal, "app": "shop"});
        let request = harness.request(Method::POST, "/v1/tasks").header("Idempotency-Key", key).json(&body);
        request.send().await.expect("an answer")
    };
    let first: Task = submit("k1", "one").await.json().await.expect("a task");
    let again: Task = submit("k1", "one").await.json().await.expect("a task");
    let other: Task = submit("k2", "one").await.json().await.expect("a task");
    assert_eq!(first.id, again.id);
    assert_ne!(first.id, other.id);
    assert_eq!(code(submit("k1", "two").await).await, (409, Code::IdempotencyConflict));
    assert_eq!(code(submit("", "one").await).await, (422, Code::BadRequest));
}

#[tokio::test]
async fn tasks_are_listed_page_by_page_newest_first() {
    let harness = Harness::start().await;
    harness.world.hold("design");
    let mut ids = Vec::new();
    for goal in ["one", "two", "three"] {
        ids.insert(0, harness.submit(goal, json!({})).await.id);
    }
    let page: TaskList = harness.get("/v1/tasks?limit=2&app=shop").await.json().await.expect("a page");
    let cursor = page.next_cursor.expect("one more");
    let rest: TaskList = harness.get(&format!("/v1/tasks?limit=2&cursor={cursor}")).await.json().await.expect("a page");
    let listed: Vec<_> = page.tasks.iter().chain(&rest.tasks).map(|task| task.id).collect();
    assert_eq!((listed, rest.next_cursor), (ids.clone(), None));
    let queued: TaskList = harness.get("/v1/tasks?status=queued").await.json().await.expect("a page");
    assert_eq!(queued.tasks.iter().map(|task| task.id).collect::<Vec<_>>(), ids[..2]);
    let none: TaskList = harness.get("/v1/tasks?app=other").await.json().await.expect("a page");
    assert!(none.tasks.is_empty());
}

#[tokio::test]
async fn a_stream_goes_on_where_it_broke_off() {
    let mut harness = Harness::start().await;
    harness.world.hold("verify");
    let task = harness.submit("posts(title:string!)", json!({})).await;
    harness.ran("verify", 1).await;
    let open = harness.request(Method::GET, &format!("/v1/tasks/{}/events", task.id)).send().await.expect("a stream");
    harness.stop_planner().await;
    let seen = frames(&open.text().await.expect("a stream that ends with its service"));
    harness.start_planner().await;
    harness.world.let_go();
    let after = seen.last().expect("events").seq;
    let rest = harness.events(task.id, after).await;
    let whole = harness.events(task.id, 0).await;
    assert!(!rest.is_empty());
    assert_eq!(seen.into_iter().chain(rest).collect::<Vec<_>>(), whole);
    assert!(whole.iter().map(|event| event.seq).eq(1..=whole.len() as u64), "no gap");
    assert_eq!(harness.events(task.id, whole.len() as u64).await, []);
}

#[tokio::test]
async fn who_is_not_asked_cannot_answer() {
    let harness = Harness::start().await;
    let task = harness.submit("posts(title:string!)", json!({"approval": "always"})).await;
    let answer = async |body: Value| code(harness.post(&format!("/v1/tasks/{}/answer", task.id), body).await).await;
    harness.waiting(task.id).await;
    assert_eq!(answer(json!({"text": "yes"})).await, (409, Code::NotWaiting), "it asks for approval");
    assert_eq!(answer(json!({})).await, (422, Code::BadRequest));
    assert_eq!(answer(json!({"text": " "})).await, (422, Code::BadRequest));
    harness.act(task.id, "approve").await.expect("approved");
    harness.ended(task.id).await;
    assert_eq!(answer(json!({"text": "yes"})).await, (409, Code::NotWaiting), "it is over");
}
