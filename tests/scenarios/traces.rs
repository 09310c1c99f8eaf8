//! One task is one trace, from whoever submits it to the host.

mod receiver;

use protocol::{
    AppName, TaskId,
    task::{Status, Task},
};
use receiver::{Receiver, Seen};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tests::cluster::{Cluster, Role, Setup};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};

/// The variable that says where traces go.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

#[tokio::test]
async fn a_task_is_one_connected_trace_through_all_services() {
    let receiver = Receiver::start().await;
    let cluster = traced(&receiver).start().await;
    let (trace, caller) = fresh();
    let app = cluster.fresh_app();
    let task = submit(&cluster, &app, &format!("00-{trace}-{caller}-01")).await;
    assert_eq!(cluster.finished(task).await.status, Status::Succeeded);
    cluster.stop().await;

    let all = receiver.spans();
    let spans = of(&all, &trace);
    let services: BTreeSet<_> = spans.iter().map(|span| span.service.as_str()).collect();
    let wanted = Role::ALL.map(|role| format!("yonin-{}", role.name()));
    assert_eq!(services, wanted.iter().map(String::as_str).collect());
    let firsts: Vec<_> = spans.iter().filter(|span| span.parent == caller).map(|span| span.name.as_str()).collect();
    assert_eq!(firsts, ["POST /v1/tasks"]);
    let orphans: Vec<_> = orphans(&spans).into_iter().filter(|span| span.parent != caller).collect();
    assert!(orphans.is_empty(), "{orphans:#?}");

    let elsewhere: Vec<_> =
        all.iter().filter(|span| span.trace != trace && span.says("task.id") == task.to_string()).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:#?}");
    for tool in ["submit_task", "design", "build", "verify", "release"] {
        let run = spans.iter().find(|span| span.name == format!("run {tool}")).expect("a run of each tool");
        assert_eq!((run.says("app"), run.says("task.id")), (app.as_str(), task.to_string().as_str()), "{run:#?}");
    }
    let secret = |span: &&Seen| span.attributes.values().any(|value| value.contains("key-of-"));
    assert!(!all.iter().any(|span| secret(&span)), "no key is in a trace");
}

#[tokio::test]
async fn a_job_that_another_process_takes_over_stays_in_its_trace() {
    let receiver = Receiver::start().await;
    let mut cluster = traced(&receiver).start().await;
    cluster.replica(Role::Coder, 0).stop().await;
    cluster.replica(Role::Coder, 0).restart(&[("YONIN_FAIL_POINT", "effect.after/stage")]).await;
    let (trace, caller) = fresh();
    let task = submit(&cluster, &cluster.fresh_app(), &format!("00-{trace}-{caller}-01")).await;
    cluster.replica(Role::Coder, 0).ended().await;
    cluster.replica(Role::Coder, 0).restart(&[]).await;
    assert_eq!(cluster.finished(task).await.status, Status::Succeeded);
    cluster.stop().await;

    let all = receiver.spans();
    let resumed = all.iter().filter(|span| span.name == "run build" && span.says("job.fence") != "1");
    let traces: BTreeSet<_> = resumed.map(|span| span.trace.as_str()).collect();
    assert_eq!(traces, [trace.as_str()].into());
    // What the process that was killed had not sent is lost: its own runs continue from that, and the host's answers to it.
    let lost = orphans(&of(&all, &trace)).into_iter().filter(|span| span.parent != caller);
    let lost: BTreeSet<_> = lost.map(|span| span.service).collect();
    assert!(lost.is_subset(&["yonin-coder".to_owned(), "yonin-host".to_owned()].into()), "{lost:?}");
}

#[tokio::test]
async fn what_a_message_says_counts_and_junk_and_a_silent_collector_harm_nobody() {
    let receiver = Receiver::start().await;
    // It takes what comes, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let nobody = format!("http://{}", silent.local_addr().expect("an address"));
    let mut cluster = traced(&receiver)
        .variable(Role::Architect, ENDPOINT, nobody)
        .variable(Role::Architect, "OTEL_EXPORTER_OTLP_TIMEOUT", "300")
        .variable(Role::Architect, "OTEL_BSP_SCHEDULE_DELAY", "100")
        .start()
        .await;
    let ((trace, caller), (other, other_caller)) = (fresh(), fresh());
    let meta = json!({ "traceparent": format!("00-{trace}-{caller}-01"), "tracestate": "team=4" });
    let header = format!("00-{other}-{other_caller}-01");
    let over_mcp = submit_over_mcp(&cluster, &cluster.fresh_app(), &meta, &header).await;
    let junk = submit(&cluster, &cluster.fresh_app(), &format!("00-{}-junk", "f".repeat(5_000))).await;
    for task in [over_mcp, junk] {
        assert_eq!(cluster.finished(task).await.status, Status::Succeeded);
    }
    // While it runs, and not only at its end: one request that is never answered holds up no other.
    let mut told =
        async || cluster.replica(Role::Architect, 0).log().matches("Traces do not reach the collector").count();
    let seen = async {
        while told().await == 0 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(20), seen).await.expect("the log says so");
    cluster.replica(Role::Architect, 0).stop().await;
    assert_eq!(cluster.replica(Role::Architect, 0).log().matches("Traces do not reach the collector").count(), 1);
    cluster.stop().await;

    let all = receiver.spans();
    let run = |task: TaskId| {
        let found = all.iter().find(|span| span.name == "run submit_task" && span.says("job.id") == task.to_string());
        found.expect("a run").trace.clone()
    };
    assert_eq!(run(over_mcp), trace);
    let call = of(&all, &trace).into_iter().find(|span| span.parent == caller).expect("the call");
    assert_eq!(call.name, "tools/call submit_task");
    let request = of(&all, &other).into_iter().find(|span| span.parent == other_caller).expect("the request");
    assert_eq!(request.name, "POST /mcp");
    let fresh = run(junk);
    assert!(fresh != trace && fresh != other && fresh.len() == 32, "{fresh}");
}

/// A cluster whose processes all send their traces there.
fn traced(receiver: &Receiver) -> Setup {
    Role::ALL.into_iter().fold(Setup::new(), |setup, role| setup.variable(role, ENDPOINT, receiver.origin()))
}

/// A trace's id and a span's, as a caller makes them up.
fn fresh() -> (String, String) {
    let id = TaskId::fresh();
    (hex::encode(id.as_bytes()), hex::encode(&id.as_bytes()[8..]))
}

async fn submit(cluster: &Cluster, app: &AppName, traceparent: &str) -> TaskId {
    let body = json!({ "app": app, "goal": "posts(title:string!)" });
    let request = cluster.api(Method::POST, "/v1/tasks").header("traceparent", traceparent).json(&body);
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    response.json::<Task>().await.expect("a task").id
}

async fn submit_over_mcp(cluster: &Cluster, app: &AppName, meta: &Value, traceparent: &str) -> TaskId {
    let mut meta = meta.clone();
    meta["io.modelcontextprotocol/protocolVersion"] = "2026-07-28".into();
    meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
    let arguments = json!({ "app": app, "goal": "posts(title:string!)" });
    let params = json!({ "name": "submit_task", "arguments": arguments, "_meta": meta });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let request = cluster.api(Method::POST, "/mcp").header("traceparent", traceparent);
    let request = request.header("accept", "application/json, text/event-stream");
    let request = request.header("mcp-protocol-version", "2026-07-28").header("mcp-method", "tools/call");
    let response = request.header("mcp-name", "submit_task").json(&message).send().await.expect("an answer");
    let answer: Value = response.json().await.expect("JSON");
    let id = answer["result"]["structuredContent"]["job_id"].as_str();
    id.unwrap_or_else(|| panic!("{answer}")).parse().expect("an id")
}

fn of(spans: &[Seen], trace: &str) -> Vec<Seen> {
    spans.iter().filter(|span| span.trace == trace).cloned().collect()
}

/// Those whose parents are not among them.
fn orphans(spans: &[Seen]) -> Vec<Seen> {
    let ids: BTreeSet<_> = spans.iter().map(|span| span.id.as_str()).collect();
    spans.iter().filter(|span| !ids.contains(span.parent.as_str())).cloned().collect()
}
