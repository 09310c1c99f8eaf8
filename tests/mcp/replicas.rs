//! Three Planners behind one address, one of which is killed every two seconds: whatever clients of any kind submit is there, once.

use crate::clients::{inspector::Inspector, rust, said};
use futures::{StreamExt as _, stream};
use protocol::{TaskId, task::Status};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tests::{
    Front,
    clients::Clients,
    cluster::{Role, Setup, Stores},
};
use tokio::{process::Command, time::sleep};

/// Tasks of each kind of client.
const TASKS: usize = 200;
/// Calls of one client at once; of the Inspector, which is a process for each, fewer.
const AT_ONCE: usize = 8;
const INSPECTED_AT_ONCE: usize = 2;
/// Every so many of its tasks the Inspector waits for, too. What became of the others is asked over REST.
const INSPECTED_TO_THE_END: usize = 25;

#[derive(Debug, Deserialize)]
struct Done {
    id: TaskId,
    status: Status,
    /// Connections that broke meanwhile.
    outages: u32,
}

/// By idempotency key.
type All = BTreeMap<String, Done>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_while_planners_are_killed() {
    let mut cluster = Setup::new().stores(Stores::mariadb()).replicas(Role::Planner, 3).start().await;
    let (url, key) = (format!("{}/mcp", cluster.proxy(Role::Planner).origin()), cluster.key_to(Role::Planner));
    let front = Front::new(&cluster.proxy(Role::Planner).origin(), cluster.web(), &key);
    let clients = Clients::installed();
    let work = async {
        tokio::join!(
            scripted(clients.python("team.py"), &url, &key, "py"),
            scripted(clients.node("team.mjs"), &url, &key, "ts"),
            in_rust(&url, &key),
            inspected(&url, &key, &front),
        )
    };
    tokio::pin!(work);
    let mut kills = 0;
    let (python, typescript, rust, inspected) = loop {
        tokio::select! {
            done = &mut work => break done,
            () = sleep(Duration::from_secs(2)) => {
                let replica = cluster.replica(Role::Planner, kills % 3);
                replica.kill();
                replica.restart(&[]).await;
                kills += 1;
            }
        }
    };
    let mut ids = BTreeSet::new();
    for (kind, done, count) in [
        ("Python", python, TASKS),
        ("TypeScript", typescript, TASKS),
        ("Rust", rust, TASKS),
        ("Inspector", inspected, TASKS),
    ] {
        let outages: u32 = done.values().map(|one| one.outages).sum();
        println!("{kind}: {} tasks, {outages} broken connections", done.len());
        assert_eq!(done.len(), count, "{kind}");
        for (key, one) in done {
            // As another replica has it.
            assert_eq!(cluster.client.task(one.id).await.expect("it is there").status, one.status, "{key}");
            assert!(ids.insert(one.id), "{key} has the task of another");
        }
    }
    println!("{kills} Planners were killed");
    assert!(kills >= 3, "it was over too soon to see anything");
    let rows = cluster.rows("select count(*) from jobs where agent = 'planner' and tool = 'submit_task'");
    assert_eq!(rows, [ids.len().to_string()], "tasks that nobody knows of");
    cluster.stop().await;
}

async fn scripted(mut command: Command, url: &str, key: &str, app: &str) -> All {
    command.args(["many", url, "auto", &TASKS.to_string(), app]).env("YONIN_KEY", key);
    said(&mut command).await
}

async fn in_rust(url: &str, key: &str) -> All {
    let one = async |number: usize| {
        let (app, of) = (format!("rs{number}"), format!("rs-{number}"));
        let goal = if number.is_multiple_of(100) { "posts(title:string!)" } else { "Make it nice." };
        let (id, broken) =
            rust::persistently(url, key, async |client| client.submit(&app, &of, goal, "auto").await).await;
        let ends = [Status::Succeeded, Status::Failed];
        let (status, again) = rust::persistently(url, key, async |client| client.until(id, &ends).await).await;
        (of, Done { id, status, outages: broken + again })
    };
    stream::iter((0..TASKS).map(one)).buffer_unordered(AT_ONCE).collect().await
}

/// Of the handshake's era, where a call is answered with the task's id.
async fn inspected(url: &str, key: &str, front: &Front) -> All {
    let inspector = Inspector::new(url, key, "legacy");
    let one = async |number: usize| {
        let of = format!("in-{number}");
        let goal = json!({"goal": "Make it nice.", "app": format!("in{number}"), "approval": "auto"});
        let (id, broken) =
            called(&inspector, "submit_task", &goal, Some(&of), "/result/structuredContent/job_id").await;
        let id: TaskId = serde_json::from_value(id).expect("an id");
        let (status, again) = if number.is_multiple_of(INSPECTED_TO_THE_END) {
            let wait = json!({"id": id, "seconds": 45});
            let (status, again) =
                called(&inspector, "wait_task", &wait, None, "/result/structuredContent/status").await;
            (serde_json::from_value(status).expect("a status"), again)
        } else {
            (front.finished(id).await.status, 0)
        };
        (of, Done { id, status, outages: broken + again })
    };
    stream::iter((0..TASKS).map(one)).buffer_unordered(INSPECTED_AT_ONCE).collect().await
}

/// What is there in the answer, once there is one; how often there was none.
async fn called(inspector: &Inspector, tool: &str, arguments: &Value, key: Option<&str>, there: &str) -> (Value, u32) {
    for outages in 0..20 {
        let output = inspector.calls(tool, arguments, key).output().await.expect("it starts");
        let answer: Option<Value> = serde_json::from_slice(&output.stdout).ok();
        if let Some(found) = answer.as_ref().and_then(|answer| answer.pointer(there)) {
            return (found.clone(), outages);
        }
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(
            ["fetch failed", "ECONN", "terminated", "closed"].iter().any(|it| why.contains(it)),
            "{answer:?} {why}"
        );
        sleep(Duration::from_millis(100)).await;
    }
    panic!("{tool} is never answered");
}
