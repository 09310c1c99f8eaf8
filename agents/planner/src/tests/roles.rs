//! Who may do what: every call of the API and every tool, for every role; and whose tasks are whose.

use super::harness::Harness;
use crate::rest::needs;
use protocol::{
    Role, TaskId,
    keys::{KeyList, KeyState, NewKey},
    rest::TaskList,
    task::{Status, Task},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The tools, and the least role that may call each. A new tool belongs in here.
const TOOLS: &[(&str, Role)] = &[
    ("submit_task", Role::Operator),
    ("rollback_app", Role::Operator),
    ("import_app", Role::Operator),
    ("get_task", Role::Viewer),
    ("wait_task", Role::Viewer),
    ("list_tasks", Role::Viewer),
    ("cancel_task", Role::Operator),
    ("approve_task", Role::Operator),
    ("reject_task", Role::Operator),
    ("answer_task", Role::Operator),
    ("list_apps", Role::Viewer),
];

/// Clients of both ages of MCP.
#[derive(Debug, Clone, Copy)]
enum Age {
    Modern,
    Legacy,
}

async fn key(harness: &Harness, name: &str, role: Role) -> String {
    let body = json!({"name": name, "role": role, "another": true});
    let made: NewKey = harness.post("/v1/keys", body).await.json().await.expect("a key");
    made.key
}

async fn asked(harness: &Harness, key: &str, method: Method, path: &str, body: Option<Value>) -> Response {
    let request = harness.asking(method, path).bearer_auth(key);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    request.send().await.expect("an answer")
}

async fn mcp(harness: &Harness, key: &str, age: Age, method: &str, params: Value) -> Response {
    let (request, mut params) = (harness.asking(Method::POST, "/mcp").bearer_auth(key), params);
    let request = request.header("accept", "application/json, text/event-stream");
    let request = match age {
        Age::Legacy => request.header("mcp-protocol-version", "2025-06-18"),
        Age::Modern => {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}},
            });
            let name = params.get("name").or_else(|| params.get("taskId")).and_then(Value::as_str);
            let request = name.iter().fold(request, |request, name| request.header("mcp-name", *name));
            request.header("mcp-protocol-version", "2026-07-28").header("mcp-method", method)
        }
    };
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    request.json(&call).send().await.expect("an answer")
}

async fn tool(harness: &Harness, key: &str, age: Age, name: &str, arguments: Value) -> Response {
    mcp(harness, key, age, "tools/call", json!({"name": name, "arguments": arguments})).await
}

/// The code of a problem, whether it is the answer or a tool's own error.
async fn code(answer: Response) -> String {
    let body: Value = answer.json().await.expect("JSON");
    let told = [&body["code"], &body["result"]["structuredContent"]["code"], &body["error"]["data"]["code"]];
    told.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned()
}

fn path(pattern: &str, id: TaskId) -> String {
    let path = pattern.replace("{id}", &id.to_string()).replace("{app}", "nothing").replace("{kind}", "plan");
    path.replace("{key}", "nobody").replace("{code}", "bad-goal")
}

#[tokio::test]
async fn every_call_that_is_described_says_what_it_needs_and_the_other_way_round() {
    let harness = Harness::start().await;
    let api: Value = harness.without_key("/openapi.json").send().await.expect("an answer").json().await.expect("JSON");
    let described: BTreeSet<_> = api["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, calls)| {
            let methods = calls.as_object().expect("methods").keys();
            methods.map(move |method| (path.clone(), method.to_uppercase()))
        })
        .collect();
    let of_a_role = needs().into_iter().filter(|need| need.role.is_some());
    let said: BTreeSet<_> = of_a_role.map(|need| (need.path.to_owned(), need.method.to_string())).collect();
    assert_eq!(described, said);
}

#[tokio::test]
async fn every_call_answers_those_whose_role_is_enough_and_nobody_else() {
    let harness = Harness::start().await;
    let keys = [
        (Role::Viewer, key(&harness, "vera", Role::Viewer).await),
        (Role::Operator, key(&harness, "oto", Role::Operator).await),
        (Role::Admin, key(&harness, "ada", Role::Admin).await),
    ];
    for need in needs() {
        let (path, body) = (path(need.path, TaskId::fresh()), (need.method == Method::POST).then(|| json!({})));
        let Some(needed) = need.role else {
            assert_eq!(harness.without_key(&path).send().await.expect("an answer").status(), 200, "{path}");
            continue;
        };
        let nobody = harness.asking(need.method.clone(), &path).send().await.expect("an answer");
        assert_eq!(nobody.status(), 401, "{need:?}");
        for (role, key) in &keys {
            let answer = asked(&harness, key, need.method.clone(), &path, body.clone()).await;
            let (status, challenge) = (answer.status().as_u16(), answer.headers().get("www-authenticate").cloned());
            if *role >= needed {
                assert!(![401, 403, 405].contains(&status), "{role} {need:?}: {status}");
                continue;
            }
            let challenge = challenge.expect("it says what is needed");
            let challenge = challenge.to_str().expect("text");
            assert!(challenge.contains(&format!("error=\"insufficient_scope\", scope=\"{needed}\"")), "{challenge}");
            assert_eq!((status, code(answer).await.as_str()), (403, "insufficient-role"), "{role} {need:?}");
        }
    }
}

#[tokio::test]
async fn every_tool_answers_those_whose_role_is_enough_and_nobody_else() {
    let harness = Harness::start().await;
    let keys = [key(&harness, "vera", Role::Viewer).await, key(&harness, "oto", Role::Operator).await];
    let listed = mcp(&harness, &keys[0], Age::Modern, "tools/list", json!({})).await;
    let listed: Value = listed.json().await.expect("JSON");
    let listed: BTreeSet<_> =
        listed["result"]["tools"].as_array().expect("tools").iter().filter_map(|tool| tool["name"].as_str()).collect();
    let table: BTreeMap<_, _> = TOOLS.iter().copied().collect();
    assert_eq!(listed, table.keys().copied().collect(), "every tool has a role here, and every role here a tool");
    for age in [Age::Modern, Age::Legacy] {
        for (name, needed) in &table {
            for (role, key) in Role::ALL.iter().zip(&keys) {
                let answer = tool(&harness, key, age, name, json!({"id": TaskId::fresh(), "seconds": 1})).await;
                let status = answer.status().as_u16();
                let code = code(answer).await;
                let refused = (status == 403, code == "insufficient-role");
                assert_eq!(refused, (role < needed, role < needed), "{age:?} {role} {name}: {status} {code}");
            }
        }
        for method in ["tasks/cancel", "tasks/update"] {
            let params = json!({"taskId": TaskId::fresh().to_string(), "inputResponses": {}});
            assert_eq!(mcp(&harness, &keys[0], age, method, params).await.status(), 403, "{age:?} {method}");
        }
    }
}

#[tokio::test]
async fn somebody_elses_task_does_not_exist() {
    let harness = Harness::start().await;
    let (mei, ann) = (key(&harness, "mei", Role::Operator).await, key(&harness, "ann", Role::Operator).await);
    let (looks, ada) = (key(&harness, "mei", Role::Viewer).await, key(&harness, "ada", Role::Admin).await);
    let goal = json!({"goal": "posts(title:string!)", "app": "shop", "approval": "always"});
    let task: Task = asked(&harness, &mei, Method::POST, "/v1/tasks", Some(goal)).await.json().await.expect("a task");
    harness.waiting(task.id).await;

    for need in needs().into_iter().filter(|need| need.path.contains("{id}")) {
        let body = match need.path {
            "/v1/tasks/{id}/answer" => Some(json!({"text": "x"})),
            _ => (need.method == Method::POST).then(|| json!({})),
        };
        let told = async |id: TaskId, body: Option<Value>| {
            let answer = asked(&harness, &ann, need.method.clone(), &path(need.path, id), body).await;
            (answer.status().as_u16(), answer.json::<Value>().await.expect("a problem"))
        };
        let (theirs, nobodys) = (told(task.id, body.clone()).await, told(TaskId::fresh(), body).await);
        assert_eq!(theirs.0, 404, "{need:?}");
        assert_eq!(theirs, nobodys, "{need:?}: it tells that it exists");
    }
    for age in [Age::Modern, Age::Legacy] {
        for name in ["get_task", "wait_task", "cancel_task", "approve_task", "reject_task", "answer_task"] {
            let which = match name {
                "answer_task" => json!({"id": task.id, "text": "x"}),
                _ => json!({"id": task.id}),
            };
            let refused = tool(&harness, &ann, age, name, which).await;
            assert_eq!(code(refused).await, "not-found", "{age:?} {name}");
        }
    }
    for method in ["tasks/get", "tasks/cancel", "tasks/update"] {
        let params = json!({"taskId": task.id.to_string(), "inputResponses": {}});
        let refused = mcp(&harness, &ann, Age::Modern, method, params).await;
        assert_eq!(code(refused).await, "not-found", "{method}");
    }

    let listed = async |key: &str| {
        let rest: TaskList = asked(&harness, key, Method::GET, "/v1/tasks", None).await.json().await.expect("a list");
        let over_mcp: Value =
            tool(&harness, key, Age::Legacy, "list_tasks", json!({})).await.json().await.expect("JSON");
        let ids: Vec<_> = rest.tasks.iter().map(|task| task.id).collect();
        let same = over_mcp["result"]["structuredContent"]["tasks"].as_array().expect("tasks").len();
        assert_eq!(same, ids.len());
        ids
    };
    assert_eq!(listed(&ann).await, []);
    for key in [&mei, &looks, &ada] {
        assert_eq!(listed(key).await, [task.id]);
        let seen = asked(&harness, key, Method::GET, &format!("/v1/tasks/{}", task.id), None).await;
        assert_eq!(seen.json::<Task>().await.expect("a task").status, Status::Waiting, "nothing came of all that");
    }
    let approve = format!("/v1/tasks/{}/approve", task.id);
    assert_eq!(asked(&harness, &looks, Method::POST, &approve, None).await.status(), 403, "who only looks");
    assert_eq!(asked(&harness, &ada, Method::POST, &approve, None).await.status(), 200, "an admin decides everybody's");
    assert_eq!(harness.ended(task.id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_key_is_shown_once_and_opens_until_it_is_revoked() {
    let harness = Harness::start().await;
    let answer = harness.post("/v1/keys", json!({"name": "ci", "role": "operator", "expires_in_seconds": 3600})).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["cache-control"]),
        (201, &"no-store".parse().expect("a header"))
    );
    let made: NewKey = answer.json().await.expect("a key");
    let list = harness.get("/v1/keys").await.text().await.expect("text");
    assert!(!list.contains(&made.key));
    let list: KeyList = serde_json::from_str(&list).expect("keys");
    assert_eq!(list.keys.iter().map(|key| &*key.name).collect::<Vec<_>>(), ["mei", "taro", "ci"]);
    assert_eq!((list.keys[2].created_by.as_deref(), list.keys[2].expires_at.is_some()), (Some("taro"), true));

    let opens = async || {
        let rest = asked(&harness, &made.key, Method::GET, "/v1/tasks", None).await.status().as_u16();
        let modern = mcp(&harness, &made.key, Age::Modern, "tools/list", json!({})).await.status().as_u16();
        let legacy = mcp(&harness, &made.key, Age::Legacy, "tools/list", json!({})).await.status().as_u16();
        [rest, modern, legacy]
    };
    assert_eq!(opens().await, [200; 3]);
    let revoke = |what: &str| harness.request(Method::DELETE, &format!("/v1/keys/{what}"));
    let revoked = revoke(&made.about.id.expect("an id").to_string()).send().await.expect("an answer");
    let revoked: KeyList = revoked.json().await.expect("keys");
    assert_eq!((revoked.keys.len(), revoked.keys[0].state), (1, KeyState::Revoked));
    assert_eq!(opens().await, [401; 3]);
    for (what, expected) in [("taro", "forbidden"), ("nobody", "not-found"), ("ci", "")] {
        assert_eq!(code(revoke(what).send().await.expect("an answer")).await, expected, "{what}");
    }
    for (body, expected) in [
        (json!({"name": "ci"}), "name-taken"),
        (json!({"name": "no name"}), "bad-request"),
        (json!({"name": TaskId::fresh()}), "bad-request"),
        (json!({"name": "x", "role": "boss"}), "bad-request"),
        (json!({"name": "x", "expires_in_seconds": 1}), "bad-request"),
        (json!({"name": "x", "key": "mine"}), "bad-request"),
    ] {
        assert_eq!(code(harness.post("/v1/keys", body.clone()).await).await, expected, "{body}");
    }
}
