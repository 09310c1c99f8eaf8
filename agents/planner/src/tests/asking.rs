//! MCP clients that wait for a task, and people who are asked through them.

use super::{
    harness::Harness,
    thinking::{GOAL, answers, asks, plans},
};
use protocol::{
    Code,
    task::{Stage, Status, Task},
    tools::planner::{SUBMIT_TASK, WAIT_TASK},
};
use reqwest::Method;
use serde_json::{Value, json};

const TASKS: &str = "io.modelcontextprotocol/tasks";

/// One request of a client of 2026-07-28 with these capabilities.
fn request(harness: &Harness, method: &str, mut params: Value, capabilities: Value) -> reqwest::RequestBuilder {
    let name =
        params.get("name").or_else(|| params.get("taskId")).and_then(Value::as_str).unwrap_or_default().to_owned();
    let meta = params.as_object_mut().expect("an object").entry("_meta").or_insert_with(|| json!({}));
    meta["io.modelcontextprotocol/protocolVersion"] = "2026-07-28".into();
    meta["io.modelcontextprotocol/clientCapabilities"] = capabilities;
    harness
        .request(Method::POST, "/mcp")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method)
        .header("mcp-name", name)
        .json(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
}

async fn ask(harness: &Harness, method: &str, params: Value, capabilities: Value) -> Value {
    let answer = request(harness, method, params, capabilities).send().await.expect("an answer");
    let mut answer: Value = answer.json().await.expect("JSON");
    let part = if answer.get("error").is_some() { "error" } else { "result" };
    answer[part].take()
}

/// What `wait_task` answers a client that can show forms.
async fn wait(harness: &Harness, task: &Task, more: Value) -> Value {
    let mut params = json!({"name": WAIT_TASK, "arguments": {"id": task.id}});
    params.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    ask(harness, "tools/call", params, json!({"elicitation": {"form": {}}})).await
}

/// The one form there is.
fn form(asked: &Value) -> (&String, &Value) {
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let forms = asked["inputRequests"].as_object().expect("forms");
    let (key, form) = forms.iter().next().expect("a form");
    (key, &form["params"])
}

async fn reply(harness: &Harness, task: &Task, asked: &Value, response: Value) -> Value {
    let brought = json!({"requestState": asked["requestState"], "inputResponses": {form(asked).0: response}});
    wait(harness, task, brought).await
}

fn filled(content: Value) -> Value {
    json!({"action": "accept", "content": content})
}

#[tokio::test]
async fn a_change_is_approved_in_a_form_that_shows_all_of_it() {
    let harness = Harness::start().await;
    harness.world.state().destructive = true;
    let task = harness.submit("記事を消して", json!({})).await;
    let asked = wait(&harness, &task, json!({})).await;
    let (key, shown) = form(&asked);
    assert!(key.starts_with("approval-"), "{key}");
    let message = shown["message"].as_str().expect("words");
    let built = harness.get(&format!("/v1/tasks/{}/artifacts/changes", task.id)).await.json::<Value>().await;
    let change_set = protocol::Digest::of(&built.expect("a change-set")).to_string();
    for part in
        ["Goal: 記事を消して\n", "App: shop", "drop table posts", "loses rows", ".preview.localhost/", &change_set]
    {
        assert!(message.contains(part), "{part} is not in\n{message}");
    }
    let words: Vec<_> = shown["requestedSchema"]["properties"]["decision"]["oneOf"]
        .as_array()
        .expect("words")
        .iter()
        .map(|it| &it["const"])
        .collect();
    assert_eq!(words, ["approve", "reject"]);
    assert_eq!(shown["requestedSchema"]["required"], json!(["decision"]));

    let ended = reply(&harness, &task, &asked, filled(json!({"decision": "approve"}))).await;
    assert_eq!(
        (&ended["resultType"], &ended["structuredContent"]["status"]),
        (&json!("complete"), &json!("succeeded")),
        "{ended}"
    );
    assert_eq!(harness.world.runs("release"), 1);
}

#[tokio::test]
async fn who_rejects_or_declines_has_said_no() {
    let refusals = [
        (filled(json!({"decision": "reject", "reason": "今日はだめ"})), "今日はだめ"),
        (filled(json!({"decision": "reject"})), "taro rejected the change"),
        (json!({"action": "decline"}), "taro rejected the change"),
    ];
    for (response, reason) in refusals {
        let harness = Harness::start().await;
        let task = harness.submit("one", json!({"approval": "always"})).await;
        let asked = wait(&harness, &task, json!({})).await;
        let ended = reply(&harness, &task, &asked, response).await;
        let error = &ended["structuredContent"]["error"];
        assert_eq!((&error["code"], &error["detail"]), (&json!("rejected"), &json!(reason)), "{ended}");
        assert_eq!(harness.world.runs("release"), 0);
    }
}

#[tokio::test]
async fn who_closes_the_form_has_decided_nothing() {
    let harness = Harness::start().await;
    let task = harness.submit("one", json!({"approval": "always"})).await;
    let asked = wait(&harness, &task, json!({})).await;
    let told = reply(&harness, &task, &asked, json!({"action": "cancel"})).await;
    assert_eq!(told["structuredContent"]["status"], "waiting");
    assert_eq!(wait(&harness, &task, json!({})).await["inputRequests"], asked["inputRequests"], "asked again");
    assert_eq!(harness.world.runs("release"), 0);
}

/// The question outlives the process that asked it, and an answer comes to nothing once another was given.
#[tokio::test]
async fn an_answer_reaches_a_planner_that_was_started_again_and_no_older_one_counts() {
    let mut harness = Harness::start().await;
    let task = harness.submit("one", json!({"approval": "always"})).await;
    let asked = wait(&harness, &task, json!({})).await;
    harness.kill_planner();
    harness.start_planner().await;
    let ended = reply(&harness, &task, &asked, filled(json!({"decision": "approve"}))).await;
    assert_eq!(ended["structuredContent"]["status"], "succeeded", "{ended}");
    let late = reply(&harness, &task, &asked, filled(json!({"decision": "reject"}))).await;
    assert_eq!(late["structuredContent"]["code"], "question-over", "{late}");
    assert_eq!(harness.task(task.id).await.status, Status::Succeeded);
}

/// What was said about one change says nothing about another, whichever way it is brought.
/// However a task began, whoever is to decide is asked the same way.
#[tokio::test]
async fn an_import_is_approved_in_a_form_too() {
    let harness = Harness::start().await;
    let files = json!([{"path": "public/index.php", "content": {"text": "<?php"}}]);
    let body = json!({"files": files, "approval": "always"});
    let task: Task = harness.post("/v1/apps/shop/import", body).await.json().await.expect("a task");
    let asked = wait(&harness, &task, json!({})).await;
    reply(&harness, &task, &asked, filled(json!({"decision": "approve"}))).await;
    assert_eq!(harness.ended(task.id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn an_approval_counts_for_the_change_that_was_shown() {
    let harness = Harness::start().await;
    let first = harness.submit("one", json!({"approval": "always"})).await;
    let asked = wait(&harness, &first, json!({})).await;
    harness.act(first.id, "cancel").await.expect("cancelled");
    let second = harness.submit("two", json!({"approval": "always"})).await;
    let other = wait(&harness, &second, json!({})).await;
    assert_ne!(form(&asked).0, form(&other).0);
    let over = reply(&harness, &first, &asked, filled(json!({"decision": "approve"}))).await;
    assert_eq!(over["structuredContent"]["code"], "question-over", "{over}");
    // The state of one task opens nothing of another.
    let mixed = json!({"requestState": asked["requestState"],
                       "inputResponses": {form(&other).0: filled(json!({"decision": "approve"}))}});
    assert_eq!(wait(&harness, &second, mixed).await["data"]["code"], "bad-request-state");
    assert_eq!((harness.task(second.id).await.status, harness.world.runs("release")), (Status::Waiting, 0));
}

#[tokio::test]
async fn questions_about_the_goal_are_fields_of_one_form() {
    let questions = json!({"questions": ["誰が書けますか?", "How many per page?"]});
    let harness = Harness::hearing(&answers(&[questions, plans()])).await;
    let task = harness.submit(GOAL, json!({})).await;
    let asked = wait(&harness, &task, json!({})).await;
    let fields = &form(&asked).1["requestedSchema"];
    assert_eq!(fields["properties"]["answer_1"]["title"], "誰が書けますか?");
    assert_eq!(fields["required"], json!(["answer_1", "answer_2"]));
    let declined = reply(&harness, &task, &asked, json!({"action": "decline"})).await;
    assert_eq!(declined["structuredContent"]["status"], "waiting", "it is not given up");
    let half = reply(&harness, &task, &asked, filled(json!({"answer_1": "誰でも。"}))).await;
    assert_eq!(half["inputRequests"], asked["inputRequests"], "the rest is asked for");
    let both = filled(json!({"answer_1": "誰でも。", "answer_2": "Ten."}));
    let ended = reply(&harness, &task, &asked, both).await;
    assert_eq!(ended["structuredContent"]["status"], "succeeded", "{ended}");
    let answer = harness.tape(task.id).await.answer.expect("an answer");
    assert_eq!(answer, "誰が書けますか?\n誰でも。\n\nHow many per page?\nTen.");
}

#[tokio::test]
async fn a_release_in_doubt_is_resolved_in_a_form() {
    for (outcome, ends) in [("not_happened", Status::Succeeded), ("happened", Status::Failed)] {
        let harness = Harness::start().await;
        harness.world.state().doubtful = Some("release");
        harness.world.state().failing.insert("rollback", Code::BaseMoved.problem("nothing is live"));
        let task = harness.submit("one", json!({})).await;
        let asked = wait(&harness, &task, json!({})).await;
        assert!(form(&asked).1["message"].as_str().expect("words").contains("nobody knows"), "{asked}");
        let unsaid = reply(&harness, &task, &asked, json!({"action": "decline"})).await;
        assert_eq!(unsaid["structuredContent"]["status"], "waiting");
        reply(&harness, &task, &asked, filled(json!({"outcome": outcome}))).await;
        assert_eq!(harness.ended(task.id).await.status, ends, "{outcome}");
    }
}

#[tokio::test]
async fn whose_client_shows_no_forms_is_told_where_to_answer() {
    let harness = Harness::hearing(&answers(&[asks(), plans()])).await;
    let task = harness.submit(GOAL, json!({})).await;
    let call = json!({"name": WAIT_TASK, "arguments": {"id": task.id}});
    let told = ask(&harness, "tools/call", call, json!({})).await;
    assert_eq!(told["structuredContent"]["question"]["kind"], "clarify");
    let words = told["content"][1]["text"].as_str().expect("words");
    let page = format!("{}/#/tasks/{}", harness.origin(), task.id);
    for part in ["answer_task", "reject_task", &format!("POST /v1/tasks/{}/answer", task.id), &page] {
        assert!(words.contains(part), "{part} is not in {words}");
    }
    harness.answer(task.id, "Everybody.").await;
    assert_eq!(harness.ended(task.id).await.status, Status::Succeeded);
}

/// One id everywhere; a client that was cut off finds its work under its key, in the list, and by the id.
#[tokio::test]
async fn a_task_is_the_same_over_mcp_tasks_tools_and_rest() {
    let harness = Harness::start().await;
    harness.world.hold("build");
    let submit = json!({"name": SUBMIT_TASK, "arguments": {"goal": "予約フォーム", "app": "shop", "approval": "always"},
                        "_meta": {"dev.yonin/idempotencyKey": "k"}});
    let elicits = json!({"elicitation": {}, "extensions": {TASKS: {}}});
    let handle = ask(&harness, "tools/call", submit.clone(), elicits.clone()).await;
    let id = handle["taskId"].as_str().expect("an id").to_owned();
    assert_eq!((&handle["resultType"], &handle["ttlMs"]), (&json!("task"), &json!(30_u64 * 24 * 3_600_000)));
    assert_eq!(ask(&harness, "tools/call", submit.clone(), elicits.clone()).await["taskId"], handle["taskId"]);
    let plain = ask(&harness, "tools/call", submit, json!({"elicitation": {}})).await;
    assert_eq!(plain["structuredContent"]["job_id"], handle["taskId"], "and no task for who knows none");
    let listed = ask(&harness, "tools/call", json!({"name": "list_tasks", "arguments": {}}), json!({})).await;
    assert_eq!(listed["structuredContent"]["tasks"][0]["id"], handle["taskId"]);
    harness.ran("build", 1).await;
    let working = ask(&harness, "tasks/get", json!({"taskId": id}), elicits.clone()).await;
    assert_eq!(
        (&working["status"], &working["statusMessage"]),
        (&json!("working"), &json!("building: The Coder builds"))
    );
    harness.world.let_go();

    let task = harness.waiting(id.parse().expect("an id")).await;
    let asked = ask(&harness, "tasks/get", json!({"taskId": id}), elicits.clone()).await;
    assert_eq!((&asked["status"], &asked["statusMessage"]), (&json!("input_required"), &json!("waiting for approval")));
    let (key, shown) = asked["inputRequests"].as_object().expect("forms").iter().next().expect("a form");
    assert!(shown["params"]["message"].as_str().expect("words").contains("Goal: 予約フォーム\n"), "{shown}");
    let update = json!({"taskId": id, "inputResponses": {key: filled(json!({"decision": "approve"}))}});
    assert_eq!(ask(&harness, "tasks/update", update, elicits.clone()).await, json!({"resultType": "complete"}));
    harness.ended(task.id).await;
    let ended = ask(&harness, "tasks/get", json!({"taskId": id}), elicits.clone()).await;
    assert_eq!(ended["status"], "completed");
    assert_eq!(ended["result"]["structuredContent"]["result"]["checks_passed"], 2);
    assert_eq!(ended["statusMessage"], "live at http://shop.localhost/; 2 checks passed");
    for missing in [id.replace(&id[..1], if id.starts_with('0') { "1" } else { "0" }), "nothing".to_owned()] {
        let unknown = ask(&harness, "tasks/get", json!({"taskId": missing}), elicits.clone()).await;
        assert_eq!((&unknown["code"], &unknown["data"]["code"]), (&json!(-32602), &json!("not-found")));
    }
}

#[tokio::test]
async fn a_cancelled_task_ends_what_its_peers_do() {
    let harness = Harness::start().await;
    harness.world.hold("build");
    let task = harness.submit("one", json!({})).await;
    harness.ran("build", 1).await;
    let declared = json!({"extensions": {TASKS: {}}});
    let cancel = async || ask(&harness, "tasks/cancel", json!({"taskId": task.id}), declared.clone()).await;
    assert_eq!(cancel().await, json!({"resultType": "complete"}));
    // The Coder's part never ends by itself: that the task has ended says that the part was cancelled.
    assert_eq!(harness.ended(task.id).await.status, Status::Cancelled);
    assert_eq!(cancel().await, json!({"resultType": "complete"}), "of one that has ended, too");
    let ended = ask(&harness, "tasks/get", json!({"taskId": task.id}), declared.clone()).await;
    assert_eq!((&ended["status"], &ended["statusMessage"]), (&json!("cancelled"), &json!("cancelled")));
}

/// A cancellation says what the caller wants. A release that is under way goes on all the same.
#[tokio::test]
async fn a_cancellation_that_comes_too_late_is_acknowledged() {
    let harness = Harness::start().await;
    harness.world.hold("release");
    let task = harness.submit("one", json!({})).await;
    harness.ran("release", 1).await;
    let cancelled = ask(&harness, "tasks/cancel", json!({"taskId": task.id}), json!({"extensions": {TASKS: {}}})).await;
    assert_eq!(cancelled, json!({"resultType": "complete"}));
    harness.world.let_go();
    assert_eq!(harness.ended(task.id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_wait_shows_how_the_task_goes_on() {
    let harness = Harness::start().await;
    harness.world.hold("design");
    let task = harness.submit("ブログ", json!({})).await;
    harness.ran("design", 1).await;
    let params = json!({"name": WAIT_TASK, "arguments": {"id": task.id}, "_meta": {"progressToken": 7}});
    let mut stream = request(&harness, "tools/call", params, json!({})).send().await.expect("an answer");
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    while let Some(chunk) = stream.chunk().await.expect("a whole stream") {
        text += std::str::from_utf8(&chunk).expect("UTF-8");
        // It goes on once the stream has begun to show it.
        if text.contains("designing: The Architect designs") {
            harness.world.let_go();
        }
    }
    let messages =
        text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim).filter(|it| !it.is_empty());
    let messages: Vec<Value> = messages.map(|data| serde_json::from_str(data).expect("JSON")).collect();
    let (last, shown) = messages.split_last().expect("messages");
    let ended: Task = serde_json::from_value(last["result"]["structuredContent"].clone()).expect("a task");
    assert_eq!((ended.status, ended.stage), (Status::Succeeded, Stage::Done));
    let progress: Vec<_> =
        shown.iter().map(|message| message["params"]["progress"].as_f64().expect("a number")).collect();
    assert!(progress.len() > 2 && progress.windows(2).all(|pair| pair[0] < pair[1]), "{progress:?}");
    let said: Vec<_> = shown.iter().map(|message| message["params"]["message"].as_str().expect("words")).collect();
    assert!(said.iter().any(|it| it.starts_with("testing")), "{said:?}");
}
