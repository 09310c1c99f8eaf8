use crate::fixture::{Fixture, Tasks};
use serde_json::json;

#[tokio::test]
async fn a_long_call_is_a_task_to_those_who_declare_it() {
    let fixture = Fixture::start().await;
    let handle = fixture.call("build", json!({"ends": "never"}), Tasks::Declared).await;
    let mut shown = handle.clone();
    for changing in ["taskId", "createdAt", "lastUpdatedAt"] {
        shown[changing] = format!("[{}]", shown[changing].as_str().map_or("no text", |_| changing)).into();
    }
    // Unless a worker was faster than the answer.
    let message = shown.as_object_mut().and_then(|shown| shown.shift_remove("statusMessage"));
    assert!([None, Some(json!("Queued"))].contains(&message), "{message:?}");
    insta::assert_json_snapshot!(shown);

    let id = handle["taskId"].as_str().expect("an id");
    let asked = fixture.ask(&fixture.planner, "tasks/get", json!({"taskId": id}), Tasks::Declared).await;
    assert_eq!((&asked["taskId"], &asked["status"]), (&handle["taskId"], &json!("working")), "{asked}");

    let acknowledged = fixture.ask(&fixture.planner, "tasks/cancel", json!({"taskId": id}), Tasks::Declared).await;
    assert_eq!(acknowledged["resultType"], "complete");
    assert_eq!(fixture.end_of(id).await["status"], "cancelled");
    let again = fixture.ask(&fixture.planner, "tasks/cancel", json!({"taskId": id}), Tasks::Declared).await;
    assert_eq!(again["resultType"], "complete");
}

#[tokio::test]
async fn a_task_ends_with_the_result_the_call_would_have_had() {
    let fixture = Fixture::start().await;
    let well = fixture.call("build", json!({"ends": "well"}), Tasks::Declared).await;
    let well = fixture.end_of(well["taskId"].as_str().expect("an id")).await;
    assert_eq!(well["status"], "completed");
    assert_eq!(well["result"]["structuredContent"], json!({"greeting": "built"}));

    let badly = fixture.call("build", json!({"ends": "badly"}), Tasks::Declared).await;
    let badly = fixture.end_of(badly["taskId"].as_str().expect("an id")).await;
    assert_eq!((&badly["status"], &badly["result"]["isError"]), (&json!("completed"), &json!(true)));
    assert_eq!(badly["result"]["structuredContent"]["code"], "checks-failed");
}

#[tokio::test]
async fn everybody_else_gets_a_job_and_plain_tools() {
    let fixture = Fixture::start().await;
    let started = fixture.call("build", json!({"ends": "well"}), Tasks::Unknown).await["structuredContent"].clone();
    let id = started["job_id"].clone();
    fixture.end_of(id.as_str().expect("an id")).await;
    let job = fixture.call("get_job", json!({"job_id": id}), Tasks::Unknown).await["structuredContent"].clone();
    assert_eq!(job, json!({"job_id": id, "status": "done", "result": {"greeting": "built"}}));
    let late = fixture.call("cancel_job", json!({"job_id": id}), Tasks::Unknown).await;
    assert_eq!(late["structuredContent"]["code"], "already-finished");
}

#[tokio::test]
async fn the_same_key_is_the_same_job() {
    let fixture = Fixture::start().await;
    let call = async |meta: serde_json::Value, ends: &str| {
        let params = json!({"name": "build", "arguments": {"ends": ends}, "_meta": meta});
        fixture.ask(&fixture.planner, "tools/call", params, Tasks::Declared).await
    };
    let key = json!({"dev.yonin/idempotencyKey": "k1"});
    let (first, again) = (call(key.clone(), "well").await, call(key.clone(), "well").await);
    assert_eq!(first["taskId"], again["taskId"]);
    assert_ne!(call(json!({}), "well").await["taskId"], first["taskId"]);
    assert_eq!(call(key, "badly").await["structuredContent"]["code"], "idempotency-conflict");

    let params = json!({"name": "build", "arguments": {"ends": "well"}});
    let by_header =
        fixture.mcp(&fixture.planner, "tools/call", params, Tasks::Declared).header("idempotency-key", "k1");
    let by_header: serde_json::Value = by_header.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(by_header["result"]["taskId"], first["taskId"]);
}

#[tokio::test]
async fn a_task_opens_for_its_caller_only() {
    let fixture = Fixture::start().await;
    let handle = fixture.call("build", json!({"ends": "well"}), Tasks::Declared).await;
    for method in ["tasks/get", "tasks/cancel"] {
        let refused = fixture.ask(&fixture.coder, method, json!({"taskId": handle["taskId"]}), Tasks::Declared).await;
        assert_eq!(refused["data"]["code"], "not-found", "{refused}");
    }
    let undeclared =
        fixture.ask(&fixture.planner, "tasks/get", json!({"taskId": handle["taskId"]}), Tasks::Unknown).await;
    assert_eq!(undeclared["code"], -32021);
}

#[tokio::test]
async fn a_refused_call_writes_no_job() {
    let fixture = Fixture::start().await;
    let refused = fixture.call("build", json!({"ends": "refused"}), Tasks::Declared).await;
    assert_eq!((&refused["isError"], &refused["structuredContent"]["code"]), (&json!(true), &json!("nothing-to-do")));
    let misspelt = fixture.call("build", json!({"ends": "sometime"}), Tasks::Declared).await;
    assert_eq!(misspelt["structuredContent"]["code"], "bad-request", "{misspelt}");
    assert!(misspelt["structuredContent"]["detail"].as_str().is_some_and(|it| it.starts_with("ends: ")), "{misspelt}");
}
