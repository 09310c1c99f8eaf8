//! What a caller can get wrong, and the code that says so.

use protocol::{AppName, Code, Problem, TaskId};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tests::World;

#[tokio::test]
async fn every_wrong_request_has_a_code_of_its_own() {
    let world = World::start();
    let post = |body: &serde_json::Value| world.api(Method::POST, "/v1/tasks").json(body);
    let raw = |body: String| world.api(Method::POST, "/v1/tasks").header("content-type", "application/json").body(body);
    let anonymous = reqwest::Client::new();
    let tasks = format!("{}/v1/tasks", world.at.api);
    let good = json!({"goal": "a(x:int)", "app": "some-app"});
    let cases: Vec<(&str, RequestBuilder, Code)> = vec![
        ("an empty goal", post(&json!({"goal": " ", "app": "some-app"})), Code::BadGoal),
        ("a long goal", post(&json!({"goal": "四".repeat(16_385), "app": "some-app"})), Code::BadGoal),
        ("capitals", post(&json!({"goal": "x", "app": "Shop"})), Code::BadAppName),
        ("a path", post(&json!({"goal": "x", "app": "../x"})), Code::BadAppName),
        ("attempts", post(&json!({"goal": "x", "app": "ab", "budget": {"attempts": 0}})), Code::BadRequest),
        ("no attempt at JSON", raw("{".to_owned()), Code::BadJson),
        ("a missing field", post(&json!({"goal": "x"})), Code::BadRequest),
        ("an unknown field", post(&json!({"goal": "x", "app": "ab", "gaol": 1})), Code::BadRequest),
        (
            "plain text",
            world.api(Method::POST, "/v1/tasks").header("content-type", "text/plain").body("goal=x"),
            Code::UnsupportedMediaType,
        ),
        ("5 MiB", raw(format!("{{\"goal\":\"{}\"}}", "x".repeat(5 << 20))), Code::BodyTooLarge),
        ("no key", anonymous.post(&tasks).json(&good), Code::Unauthorized),
        ("a wrong key", anonymous.post(&tasks).bearer_auth("yonin_wrong").json(&good), Code::Unauthorized),
        ("an unknown task", world.api(Method::GET, &format!("/v1/tasks/{}", TaskId::fresh())), Code::NotFound),
        ("an unknown app", world.api(Method::GET, "/v1/apps/nobody"), Code::NotFound),
        ("an unknown path", world.api(Method::GET, "/v1/nothing"), Code::NotFound),
        ("a wrong method", world.api(Method::DELETE, "/v1/tasks"), Code::MethodNotAllowed),
        ("a made-up cursor", world.api(Method::GET, "/v1/tasks?cursor=nonsense"), Code::BadCursor),
    ];
    for (what, request, code) in cases {
        let problem = refused(request).await;
        assert_eq!(problem.code, code, "{what}: {problem}");
        assert!(!problem.detail.is_empty(), "{what}");
    }
}

async fn refused(request: RequestBuilder) -> Problem {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type").cloned().expect("a content type");
    let problem: Problem = response.json().await.expect("a problem");
    assert_eq!((status, kind.to_str().expect("text")), (problem.code.status(), "application/problem+json"));
    problem
}

#[tokio::test]
async fn the_same_key_is_the_same_task_and_never_another() {
    let world = World::start();
    let app = world.fresh_app();
    let send = async |goal: &str| {
        let body = json!({"goal": goal, "app": app});
        world
            .api(Method::POST, "/v1/tasks")
            .header("Idempotency-Key", "k1")
            .json(&body)
            .send()
            .await
            .expect("an answer")
    };
    let (first, again) = (send("a(x:int)").await, send("a(x:int)").await);
    assert_eq!((first.status().as_u16(), again.status().as_u16()), (202, 202));
    let location = first.headers()["location"].to_str().expect("text").to_owned();
    let (first, again): (protocol::task::Task, protocol::task::Task) =
        (first.json().await.expect("a task"), again.json().await.expect("a task"));
    assert_eq!((first.id, location.ends_with(&first.id.to_string())), (again.id, true));
    let other: Problem = send("b(y:int)").await.json().await.expect("a problem");
    assert_eq!(other.code, Code::IdempotencyConflict);
    world.finished(first.id).await;
}

#[tokio::test]
async fn a_goal_that_says_nothing_buildable_fails_at_once_and_says_why() {
    let world = World::start();
    let cases = [
        ("Make me rich.", Code::GoalNotUnderstood),
        ("posts(title:strng!)", Code::GoalNotUnderstood),
        ("posts(author:ref(nobody))", Code::GoalNotUnderstood),
        ("posts(id:int)", Code::GoalNotUnderstood),
    ];
    for (goal, code) in cases {
        let app = world.fresh_app();
        let problem = world.goal(&app, goal).fail().await;
        assert_eq!(problem.code, code, "{goal}: {problem}");
        assert_eq!(world.status(&app, Method::GET, "/").await, 404);
    }
    let app: AppName = world.fresh_app();
    world.goal(&app, "posts(title:string!)").succeed().await;
    assert_eq!(world.goal(&app, "posts(title:string!)").fail().await.code, Code::NothingToDo);
    assert_eq!(world.goal(&app, "posts(title:int)").fail().await.code, Code::UnsupportedChange);
    assert_eq!(world.status(&app, Method::GET, "/api/posts").await, 200);
}
