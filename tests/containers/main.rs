//! Each service in a container of its own, as `docker/compose.yaml` has it, on MySQL and Redis. `./dev containers` builds the images and
//! provides the engine; it is a stage of `./dev test`.

mod compose;
mod monitoring;

use compose::{Compose, docker, reached, reaches, succeed};
use protocol::{
    TaskId,
    task::{Status, Task},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    process::Command,
    time::{Duration, Instant},
};
use tests::Front;

/// What an agent's image may take, in bytes.
const LARGEST_AGENT: u64 = 25_000_000;
const AGENTS: [&str; 4] = ["planner", "architect", "coder", "tester"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_services_work_apart_and_keep_apart() {
    let compose = Compose::up();
    let front = Front::new(&compose.api(), &compose.web(), &compose.key());
    tell_what_it_takes(&compose);
    a_goal_goes_live(&front).await;
    a_goal_survives_the_death_of_a_coder(&compose, &front).await;
    only_what_must_is_reached(&compose);
    monitoring::everything_is_watched(&compose).await;
    monitoring::watching_opens_no_way(&compose);
    nothing_runs_with_more_than_it_needs(&compose);
}

#[test]
fn an_agents_image_is_small_and_holds_nothing_else() {
    for agent in AGENTS {
        let image = format!("yonin/{agent}-agent");
        let size: u64 = docker(&["image", "inspect", "--format", "{{.Size}}", &image]).parse().expect("a number");
        println!("{image}: {:.1} MB", size as f64 / 1e6);
        assert!(size <= LARGEST_AGENT, "{image} has {size} bytes");
        let labels = docker(&["image", "inspect", "--format", "{{json .Config.Labels}}", &image]);
        let labels: Value = serde_json::from_str(&labels).expect("JSON");
        for label in ["title", "description", "licenses", "version", "revision"] {
            assert!(labels[format!("org.opencontainers.image.{label}")].is_string(), "{image} has no {label}");
        }
        let mut expected = ["etc/ssl/certs/ca-certificates.crt".to_owned(), format!("{agent}-agent")];
        expected.sort();
        assert_eq!(files_of(&image), expected);
    }
}

/// The files in an image, without those that the engine puts into every container.
fn files_of(image: &str) -> Vec<String> {
    const ENGINE: [&str; 6] = [".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"];
    let container = docker(&["create", image]);
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("UTF-8");
    docker(&["export", "--output", path, &container]);
    docker(&["rm", &container]);
    let listed = succeed(Command::new("tar").args(["-t", "-f", path]));
    let ours = |file: &&str| !file.ends_with('/') && !ENGINE.contains(file);
    let mut files: Vec<_> = listed.lines().filter(ours).map(str::to_owned).collect();
    files.sort();
    files
}

async fn a_goal_goes_live(front: &Front) {
    let app = front.fresh_app();
    let task =
        front.goal(&app, "掲示板を作って。posts(title:string!, body:text, mood:enum(happy|sad)=happy)").succeed().await;
    let verdict = front.verdict(task.id).await;
    assert!(verdict.passed, "{verdict:#?}");
    assert_eq!(front.open(&task.result.expect("a result").url).await, 200);
    let made = front.post(&app, "/api/posts", &json!({"title": "こんにちは"})).await;
    let listed = front.get(&app, "/api/posts").await;
    assert_eq!(listed["items"][0]["title"], made["title"]);
}

/// Submitted over MCP, as one that knows nothing but the standard does.
async fn a_goal_survives_the_death_of_a_coder(compose: &Compose, front: &Front) {
    let app = front.fresh_app();
    let began = Instant::now();
    let submitted = submit_over_mcp(front, &app.to_string()).await;
    let task = front.when(submitted, is_building).await;
    for coder in compose.containers("coder") {
        // The container itself knows nothing of this death; it is started again, as after any other.
        let pid = docker(&["inspect", "--format", "{{.State.Pid}}", &coder]).parse().expect("a pid");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).expect("it runs");
    }
    let task = front.finished(task.id).await;
    assert_eq!(task.status, Status::Succeeded, "{task:#?}");
    println!("live {:.1} s after its submit, though every Coder was killed", began.elapsed().as_secs_f64());
    assert_eq!(front.get(&app, "/api/notes").await["total"], 0);
}

fn is_building(task: &Task) -> bool {
    task.stage >= protocol::task::Stage::Build
}

async fn submit_over_mcp(front: &Front, app: &str) -> TaskId {
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": "submit_task",
            "arguments": {"goal": "notes(text:string!)", "app": app},
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    });
    let request = front.api(Method::POST, "/mcp").header("accept", "application/json, text/event-stream");
    let request = request.header("mcp-protocol-version", "2026-07-28").header("mcp-method", "tools/call");
    let answer = request.header("mcp-name", "submit_task").json(&call).send().await.expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    let id = answer["result"]["structuredContent"]["job_id"]
        .as_str()
        .or(answer["result"]["structuredContent"]["id"].as_str());
    id.unwrap_or_else(|| panic!("a task: {answer:#}")).parse().expect("an id")
}

/// The two namespaces as two networks. Where something must be reached by name, that is the cluster's.
fn only_what_must_is_reached(compose: &Compose) {
    let agents = "ai-agents.svc.cluster.local";
    let environment = "external-env.svc.cluster.local";
    let container = |service: &str| compose.container(service);
    for (from, to, port) in [
        ("planner", format!("architect-agent.{agents}"), 8080),
        ("planner", format!("coder-agent.{agents}"), 8080),
        ("planner", format!("tester-agent.{agents}"), 8080),
        ("planner", format!("store.{agents}"), 3306),
        ("planner", format!("hints.{agents}"), 6379),
        ("architect", format!("coder-agent.{agents}"), 8080),
        ("coder", format!("host.{environment}"), 8080),
        ("coder", format!("mysql.{environment}"), 3306),
        ("tester", format!("host.{environment}"), 8080),
        ("tester", format!("web.{environment}"), 80),
        ("tester", format!("mysql.{environment}"), 3306),
        ("tester", format!("redis.{environment}"), 6379),
        ("host", format!("mysql.{environment}"), 3306),
        ("host", format!("redis.{environment}"), 6379),
        ("php", format!("mysql.{environment}"), 3306),
        ("php", format!("redis.{environment}"), 6379),
    ] {
        assert!(reaches(&container(from), &to, port), "{from} must reach {to}:{port}");
    }
    let at = |(service, network, port): (&str, &str, u16)| {
        format!("{}:{port}", compose.address(&container(service), network))
    };
    let nobody = Vec::<String>::new();
    for from in ["php", "web", "host", "mysql", "redis"] {
        let agents = [
            ("planner", "ai-agents", 8080),
            ("architect", "ai-agents", 8080),
            ("coder", "ai-agents", 8080),
            ("coder", "external-env", 8080),
            ("tester", "ai-agents", 8080),
            ("tester", "external-env", 8080),
            ("store", "ai-agents", 3306),
            ("hints", "ai-agents", 6379),
        ];
        assert_eq!(reached(&container(from), agents.map(at)), nobody, "{from} reaches an agent, or what is theirs");
    }
    for from in ["planner", "architect"] {
        let environment =
            [("host", 8080), ("mysql", 3306), ("redis", 6379)].map(|(to, port)| (to, "external-env", port));
        assert_eq!(reached(&container(from), environment.map(at)), nobody, "{from} reaches the environment");
    }
}

/// Images may say what they like: this is what the containers run with.
fn nothing_runs_with_more_than_it_needs(compose: &Compose) {
    let environment = ["host", "web", "php", "hints", "redis"];
    for service in AGENTS.into_iter().chain(environment).chain(["prometheus", "alertmanager"]) {
        let container = compose.container(service);
        let inspect = |what: &str| docker(&["inspect", "--format", what, &container]);
        assert_eq!(inspect("{{.HostConfig.ReadonlyRootfs}}"), "true", "{service}");
        assert_eq!(inspect("{{.HostConfig.Privileged}}"), "false", "{service}");
        assert_eq!(inspect("{{json .HostConfig.CapDrop}}"), "[\"ALL\"]", "{service}");
        assert!(inspect("{{json .HostConfig.SecurityOpt}}").contains("no-new-privileges:true"), "{service}");
        assert!(!inspect("{{json .Mounts}}").contains("docker.sock"), "{service}");
        assert_ne!(inspect("{{.HostConfig.Memory}}"), "0", "{service} has no limit");
        let user = inspect("{{.Config.User}}");
        let root = ["", "0", "0:0", "root"].contains(&user.as_str());
        assert_eq!(root, ["host", "php"].contains(&service), "{service} works as {user:?}");
    }
}

/// Start to ready and memory at rest, of each agent.
fn tell_what_it_takes(compose: &Compose) {
    for agent in AGENTS {
        let container = compose.container(agent);
        let memory = docker(&["stats", "--no-stream", "--format", "{{.MemUsage}}", &container]);
        println!("{agent}: {} ms from start to ready, {memory} at rest", start_to_ready(&container).as_millis());
    }
}

/// From the start of the process until it says that it answers, by its own log.
fn start_to_ready(container: &str) -> Duration {
    let started = docker(&["inspect", "--format", "{{.State.StartedAt}}", container]);
    let logs = Command::new("docker").args(["logs", "--timestamps", container]).output().expect("it runs");
    let logs = [logs.stdout, logs.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let line = logs.lines().find(|line| line.contains("The agent is ready")).expect("it is ready");
    let time = |text: &str| chrono::DateTime::parse_from_rfc3339(text).expect("a time");
    let ready = time(line.split(' ').next().expect("a time"));
    (ready - time(&started)).to_std().unwrap_or_default()
}
