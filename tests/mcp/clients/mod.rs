//! Clients that others wrote, as people use them: each lists the tools, has an app built and reads what was made, is asked and
//! approves, and cancels a task. What they say of it is compared with what REST says.

mod destructive;
pub(crate) mod inspector;
pub(crate) mod rust;

use protocol::{TaskId, task::Status};
use serde::Deserialize;
use std::collections::BTreeMap;
use tests::{Front, World, clients::Clients};
use tokio::process::Command;

/// What a client says that it did.
#[derive(Debug, Deserialize)]
pub(crate) struct Used {
    /// The revision it agreed on.
    pub(crate) protocol: String,
    pub(crate) tools: Vec<String>,
    /// The length of each part of the first task, as it read it.
    pub(crate) read: BTreeMap<String, u64>,
    /// How many forms it was shown.
    pub(crate) forms: u32,
    /// By what became of them.
    pub(crate) tasks: BTreeMap<String, TaskId>,
}

/// What there is to read of a task, after its address.
pub(crate) const PARTS: [&str; 6] = ["", "/plan", "/design", "/changes", "/verdict", "/diff"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_client_has_an_app_built_is_asked_and_cancels() {
    let world = World::start();
    let (modern, old) = ("2026-07-28", "2025-11-25");
    let script = async |command: Command, mode: &str, app: &str| used(command, &world, mode, app).await;
    let clients = Clients::installed();
    let (python, typescript) = (|| clients.python("team.py"), || clients.node("team.mjs"));
    let all = tokio::join!(
        script(python(), "auto", "py-auto"),
        script(python(), "legacy", "py-legacy"),
        script(typescript(), "auto", "ts-auto"),
        script(typescript(), "legacy", "ts-legacy"),
        rust::used(&world, rust::Era::Modern, "rs-auto"),
        rust::used(&world, rust::Era::Legacy, "rs-legacy"),
    );
    // Who can show a form is asked one, once, whatever protocol it speaks.
    for (used, protocol, forms) in
        [(all.0, modern, 1), (all.1, old, 1), (all.2, modern, 1), (all.3, old, 1), (all.4, modern, 0), (all.5, old, 0)]
    {
        println!("{used:?}");
        assert_eq!((used.protocol.as_str(), used.forms), (protocol, forms), "{used:?}");
        is_true(&world, &used).await;
    }
}

/// It is as the client says.
pub(crate) async fn is_true(front: &Front, used: &Used) {
    for tool in ["submit_task", "get_task", "wait_task", "list_tasks", "cancel_task", "approve_task", "list_apps"] {
        assert!(used.tools.iter().any(|name| name == tool), "{tool} is not in {:?}", used.tools);
    }
    let ends = [("built", Status::Succeeded), ("approved", Status::Succeeded), ("cancelled", Status::Cancelled)];
    for (name, status) in ends {
        let task = front.client.task(used.tasks[name]).await.expect("the id that the client was given is that of REST");
        assert_eq!(task.status, status, "{name}: {task:#?}");
    }
    assert!(PARTS.iter().all(|part| used.read[*part] > 0), "{:?}", used.read);
}

async fn used(mut command: Command, world: &World, mode: &str, app: &str) -> Used {
    command.args(["use", &world.at.mcp, mode, app]).env("YONIN_KEY", &world.at.key);
    said(&mut command).await
}

/// What a script prints in its last line, as JSON.
pub(crate) async fn said<T: serde::de::DeserializeOwned>(command: &mut Command) -> T {
    let output = command.output().await.expect("it starts");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {said}\n{errors}");
    let last = said.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {said}\n{errors}"))
}
