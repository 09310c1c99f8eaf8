//! The Inspector, on its command line: a process for every call. Of the newest revision, it waits for the tasks that its calls become.

use super::{PARTS, Used, is_true, said};
use protocol::{TaskId, task::Status};
use serde_json::{Value, json};
use std::{collections::BTreeMap, process::Stdio, time::Duration};
use tests::{World, clients::Clients};
use tokio::process::Command;

/// One that calls this server.
#[derive(Clone)]
pub(crate) struct Inspector {
    clients: Clients,
    url: String,
    key: String,
    era: &'static str,
}

impl Inspector {
    pub(crate) fn new(url: &str, key: &str, era: &'static str) -> Self {
        Self { clients: Clients::installed(), url: url.to_owned(), key: key.to_owned(), era }
    }

    /// About to ask for this.
    pub(crate) fn asks(&self, method: &str) -> Command {
        let mut command = self.clients.npm("inspector");
        let header = format!("Authorization: Bearer {}", self.key);
        command.args(["--cli", &self.url, "--transport", "http", "--header", &header]);
        command.args(["--protocol-era", self.era, "--format", "json", "--quiet", "--method", method]);
        // It reads and writes its settings there.
        command.env("HOME", std::env::temp_dir()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// About to call a tool.
    pub(crate) fn calls(&self, tool: &str, arguments: &Value, key: Option<&str>) -> Command {
        let mut command = self.asks("tools/call");
        command.args(["--tool-name", tool, "--tool-args-json", &arguments.to_string()]);
        if let Some(key) = key {
            command.args(["--metadata", &format!("dev.yonin/idempotencyKey={key}")]);
        }
        command
    }

    async fn call(&self, tool: &str, arguments: Value) -> Value {
        let answer: Value = said(&mut self.calls(tool, &arguments, None)).await;
        answer["result"]["structuredContent"].clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_inspector_has_an_app_built_is_asked_and_cancels() {
    let world = World::start();
    let modern = Inspector::new(&world.at.mcp, &world.at.key, "modern");
    // The handshake, and with it the plain tools.
    let plain = Inspector::new(&world.at.mcp, &world.at.key, "legacy");
    let auto = Inspector::new(&world.at.mcp, &world.at.key, "auto");
    let mut listed: Vec<Vec<String>> = Vec::new();
    for inspector in [&modern, &plain, &auto] {
        let answer: Value = said(&mut inspector.asks("tools/list")).await;
        let tools = answer["result"]["tools"].as_array().expect("tools").iter();
        listed.push(tools.map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect());
    }
    assert!(listed.iter().all(|tools| *tools == listed[0]), "{listed:?}");

    let goal = |more: &str, approval: &str| json!({"goal": format!("posts(title:string!){more}"), "app": "inspected", "approval": approval});
    let built: Value = said(&mut modern.calls("submit_task", &goal("", "destructive"), Some("inspected-built"))).await;
    let built = id(&built["result"]["structuredContent"]["id"]);

    let approved = task(&plain, goal("; tags(name:string!)", "always")).await;
    plain.call("approve_task", json!({"id": approved})).await;
    let seen = plain.call("wait_task", json!({"id": approved, "seconds": 45})).await;
    assert_eq!(seen["status"], "succeeded", "{seen:#}");

    let cancelled = task(&plain, goal("; tags(name:string!); more(name:string!)", "always")).await;
    plain.call("cancel_task", json!({"id": cancelled})).await;
    assert_eq!(world.finished(cancelled).await.status, Status::Cancelled);

    let tasks = [("built", built), ("approved", approved), ("cancelled", cancelled)];
    let tasks = tasks.map(|(name, id)| (name.to_owned(), id)).into();
    let mut read = BTreeMap::new();
    for part in PARTS {
        let mut command = modern.asks("resources/read");
        let answer: Value = said(command.arg("--uri").arg(format!("yonin://tasks/{built}{part}"))).await;
        let text = answer["result"]["contents"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer:#}"));
        read.insert(part.to_owned(), text.len() as u64);
    }
    let used = Used { protocol: String::new(), tools: listed.remove(0), read, forms: 0, tasks };
    is_true(&world, &used).await;
}

/// A task that asks a person.
async fn task(inspector: &Inspector, goal: Value) -> TaskId {
    let submitted = inspector.call("submit_task", goal).await;
    let task = id(&submitted["job_id"]);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(90);
    loop {
        let seen = inspector.call("wait_task", json!({"id": task, "seconds": 45})).await;
        if seen["status"] == "waiting" {
            return task;
        }
        assert!(tokio::time::Instant::now() < deadline, "{seen:#}");
    }
}

fn id(value: &Value) -> TaskId {
    value.as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("{value} is no id"))
}
