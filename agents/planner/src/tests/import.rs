//! An app that a person supplies.

use super::harness::Harness;
use protocol::{
    Code, Problem,
    artifact::{ChangeSet, Check, Design, Plan},
    event::What,
    rest::TaskList,
    task::{Stage, Status, Task},
    tools::planner::{IMPORT_APP, TaskOutcome},
};
use reqwest::{Method, StatusCode};
use runtime::Owner;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const SQL: &str = "create table notes (id int primary key);\ninsert into notes values (1), (2);";

#[tokio::test]
async fn what_was_supplied_goes_live_and_nobody_designs() {
    let harness = Harness::start().await;
    let task = submitted(&harness, &body(), None).await;
    assert_eq!(
        (task.status, task.stage, task.goal.as_str()),
        (Status::Queued, Stage::Plan, "Take over shop as it was supplied")
    );
    let task = harness.ended(task.id).await;
    assert_eq!((task.status, task.attempt, task.usage.tokens), (Status::Succeeded, 1, 0), "{task:#?}");
    assert_eq!(task.result.as_ref().map(|result| result.release), harness.world.live("shop"));
    let moved = harness.events(task.id, 0).await.into_iter().filter_map(|event| match event.what {
        What::Moved { stage, .. } => Some(stage),
        _ => None,
    });
    assert_eq!(moved.collect::<Vec<_>>(), [Stage::Plan, Stage::Build, Stage::Verify, Stage::Release, Stage::Smoke]);
    assert_eq!(harness.world.runs("design"), 0);

    let id = task.id;
    let plan: Plan = artifact(&harness, &task, "plan").await;
    assert!(
        plan.supplied && plan.summary.starts_with("taro supplied the app as it is: 2 files and 1 table with 2 rows."),
        "{}",
        plan.summary
    );
    let design: Design = artifact(&harness, &task, "design").await;
    assert_eq!((design.plan, design.migrations.len()), (protocol::Digest::of(&plan), 2));
    let changes: ChangeSet = artifact(&harness, &task, "changes").await;
    assert_eq!((changes.files.len(), changes.migrations), (2, design.migrations));
    let checks: Vec<Check> = artifact(&harness, &task, "checks").await;
    let given = harness.world.state().given.clone();
    assert_eq!(given, [("verify", checks.clone()), ("smoke", checks)], "the Tester proposes nothing");
    let tape = harness.get(&format!("/v1/tasks/{id}/tape")).await;
    assert_eq!(tape.status(), StatusCode::NOT_FOUND);
    let list: TaskList = harness.get("/v1/tasks").await.json().await.expect("a list");
    assert_eq!(list.tasks.len(), 1);
}

#[tokio::test]
async fn an_app_that_is_live_is_not_replaced() {
    let harness = Harness::start().await;
    let first = submitted(&harness, &body(), Some("one")).await;
    harness.ended(first.id).await;
    assert_eq!(submitted(&harness, &body(), Some("one")).await.id, first.id, "the same key is the same task");
    for (key, body, code) in [
        ("two", body(), Code::AppExists),
        ("one", json!({"files": [file("public/index.php", "else")]}), Code::IdempotencyConflict),
    ] {
        let answer = harness.request(Method::POST, "/v1/apps/shop/import").header("Idempotency-Key", key).json(&body);
        let answer = answer.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::CONFLICT);
        assert_eq!(answer.json::<Problem>().await.expect("a problem").code, code);
    }
}

#[tokio::test]
async fn an_app_that_went_live_meanwhile_is_not_replaced_either() {
    let harness = Harness::start().await;
    harness.world.hold("verify");
    let first = harness.submit("posts(title:string!)", json!({})).await;
    harness.ran("verify", 1).await;
    let import = submitted(&harness, &body(), None).await;
    harness.world.let_go();
    assert_eq!(harness.ended(first.id).await.status, Status::Succeeded);
    let import = harness.ended(import.id).await;
    assert_eq!((import.stage, import.error.expect("a reason").code), (Stage::Plan, Code::AppExists));
    assert_eq!(harness.world.runs("build"), 1);
}

#[tokio::test]
async fn what_is_red_is_not_built_again() {
    let harness = Harness::start().await;
    harness.world.state().previews_green = [false, true].into();
    let task = submitted(&harness, &body(), None).await;
    let task = harness.ended(task.id).await;
    assert_eq!((task.stage, task.error.expect("a reason").code), (Stage::Verify, Code::ChecksFailed));
    assert_eq!((harness.world.runs("build"), harness.world.live("shop")), (1, None));
    assert_eq!(harness.world.state().discarded, [task.id]);
}

#[tokio::test]
async fn a_statement_that_the_host_refuses_is_named_by_its_line() {
    let harness = Harness::start().await;
    harness.world.state().failing.insert("build", Code::MigrationFailed.problem("0002_fill_notes: no"));
    let task = submitted(&harness, &body(), None).await;
    let problem = harness.ended(task.id).await.error.expect("a reason");
    assert_eq!(
        (problem.code, problem.detail.as_str()),
        (Code::MigrationFailed, "line 2 of the dump: 0002_fill_notes: no")
    );
}

#[tokio::test]
async fn a_planner_that_starts_again_has_not_lost_what_was_supplied() {
    let mut harness = Harness::start().await;
    harness.world.hold("build");
    let task = submitted(&harness, &body(), None).await;
    harness.ran("build", 1).await;
    harness.stop_planner().await;
    harness.world.let_go();
    harness.start_planner().await;
    assert_eq!(harness.ended(task.id).await.status, Status::Succeeded);
    assert_eq!((harness.world.runs("build"), harness.world.runs("verify")), (1, 1));
}

#[tokio::test]
async fn wrong_and_large_bodies_have_codes_of_their_own() {
    let harness = Harness::start().await;
    let sized = |bytes: usize| json!({"files": [file("public/index.php", &"x".repeat(bytes))]});
    for (body, status, code) in [
        (json!({}), 422, Code::BadRequest),
        (json!({"files": []}), 422, Code::BadPath),
        (json!({"files": [file("../x", "")]}), 422, Code::BadPath),
        (json!({"files": [file("public/index.php", "")], "sql": "use x"}), 422, Code::BadDump),
        (json!({"files": [{"path": "a", "content": {"text": "", "base64": ""}}]}), 400, Code::BadJson),
        (json!({"files": [], "goal": "x"}), 422, Code::BadRequest),
        (sized(5 << 20), 413, Code::ChangeSetTooLarge),
        (sized(33 << 20), 413, Code::BodyTooLarge),
    ] {
        let answer = harness.post("/v1/apps/shop/import", body).await;
        assert_eq!((answer.status().as_u16(), answer.json::<Problem>().await.expect("a problem").code), (status, code));
    }
    let nobody = harness.without_key("/v1/apps/shop/import").body("{").send().await.expect("an answer");
    assert_eq!(nobody.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(harness.world.runs("build"), 0);
    let task = submitted(&harness, &sized(3 << 20), None).await;
    assert_eq!(harness.ended(task.id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_small_app_can_come_over_mcp() {
    let harness = Harness::start().await;
    let mut input = body();
    input["app"] = json!("shop");
    let job = harness.mcp().start(IMPORT_APP, "key", &Owner::Person("taro".into()), &input).await.expect("accepted");
    let task = harness.ended(job).await;
    assert_eq!(task.status, Status::Succeeded, "{task:#?}");
    let outcome = harness.mcp().poll::<TaskOutcome>(job).await.expect("an answer");
    assert!(matches!(outcome, runtime::PeerState::Done(TaskOutcome { result: Some(_), .. })), "{outcome:?}");
}

fn body() -> Value {
    json!({"files": [file("public/index.php", "<?php"), file("lib/a.php", "<?php")], "sql": SQL})
}

fn file(path: &str, text: &str) -> Value {
    json!({"path": path, "content": {"text": text}})
}

async fn submitted(harness: &Harness, body: &Value, key: Option<&str>) -> Task {
    let mut request = harness.request(Method::POST, "/v1/apps/shop/import").json(body);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    let answer = request.send().await.expect("an answer");
    let (status, place) = (answer.status(), answer.headers().get("location").cloned());
    assert_eq!(status, StatusCode::ACCEPTED);
    let task: Task = answer.json().await.expect("a task");
    assert_eq!(place.expect("a place").to_str().expect("text"), format!("/v1/tasks/{}", task.id));
    task
}

async fn artifact<T: DeserializeOwned>(harness: &Harness, task: &Task, kind: &str) -> T {
    harness.get(&format!("/v1/tasks/{}/artifacts/{kind}", task.id)).await.json().await.expect("an artifact")
}
