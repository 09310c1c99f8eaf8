//! A Planner and its scripted team, over real HTTP, as a client sees them.

use super::world::{
    BuildTool, DesignTool, Discard, GetTranscript, GetUsage, Inspect, ReleaseTool, RollbackTool, VerifyTool, World,
};
use crate::{Engine, Peers, PlannerConfig};
use protocol::{
    Code, Problem, Role, TaskId,
    event::Event,
    task::{Status, Task},
};
use reqwest::{Client, Method, RequestBuilder, Response};
use runtime::{
    Callers, Credential, Hints, Peer, Principal, Running, Service, Store, Toolbox,
    config::Reader,
    job::Timing,
    model::{Models, Tape},
};
use serde_json::{Value, json};
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tempfile::TempDir;

pub(super) struct Harness {
    pub(super) world: World,
    http: Client,
    key: Credential,
    /// Of another person.
    pub(super) mei: Credential,
    /// Of a service.
    pub(super) service: Credential,
    own: Credential,
    hints: Hints,
    files: TempDir,
    architect: Running,
    coder: Option<Running>,
    coder_at: SocketAddr,
    tester: Running,
    planner: Option<Running>,
    origin: String,
    engine: Engine,
}

impl Harness {
    pub(super) async fn start() -> Self {
        Self::with(|_| Engine::OneStep).await
    }

    /// With a Planner that hears from its model what is on this tape.
    pub(super) async fn hearing(tape: &Tape) -> Self {
        Self::with(|files| {
            let file = files.path().join("tape.json");
            std::fs::write(&file, serde_json::to_vec(tape).expect("JSON")).expect("a file");
            let setting = ("YONIN_MODEL".to_owned(), format!("tape:{}", file.display()));
            Models::read(&mut Reader::of([setting]), "planner").into()
        })
        .await
    }

    async fn with(engine: impl FnOnce(&TempDir) -> Engine) -> Self {
        let world = World::new();
        let (key, own, hints) = (Credential::random(), Credential::random(), Hints::in_process());
        let files = tempfile::tempdir().expect("a directory");
        let start = async |name, tools| start(service(name, tools, &files, &own, &hints).await, any_port()).await;
        let architect = start("architect", scripted(&world).long(DesignTool(world.clone()))).await;
        let coder = start("coder", coder(&world)).await;
        let tester = start("tester", scripted(&world).long(VerifyTool(world.clone()))).await;
        let coder_at = coder.origin().trim_start_matches("http://").parse().expect("an address");
        let engine = engine(&files);
        let mut harness = Self {
            world,
            http: Client::new(),
            key,
            mei: Credential::random(),
            service: Credential::random(),
            own,
            hints,
            files,
            architect,
            coder: Some(coder),
            coder_at,
            tester,
            planner: None,
            origin: String::new(),
            engine,
        };
        harness.start_planner().await;
        harness
    }

    /// A new process on the same store, as far as the Planner can tell.
    pub(super) async fn start_planner(&mut self) {
        let planner = self.planner(self.hints.clone()).await;
        self.origin = planner.origin().to_owned();
        self.planner = Some(planner);
    }

    /// A second replica, which hears no hint of what the first one does.
    pub(super) async fn second_planner(&self) -> Running {
        self.planner(Hints::in_process()).await
    }

    async fn planner(&self, hints: Hints) -> Running {
        let peer = |origin: &str| Peer::new(origin, self.own.clone(), Code::PeerUnavailable);
        let peers = Peers {
            architect: peer(self.architect.origin()),
            coder: peer(&format!("http://{}", self.coder_at)),
            tester: peer(self.tester.origin()),
        };
        let store = Store::sqlite(&self.files.path().join("planner.db")).await.expect("a store");
        let callers = Callers::nobody()
            .and(&self.key, Principal::person("taro", Role::Admin))
            .and(&self.mei, Principal::person("mei", Role::Admin))
            .and(&self.service, Principal::service("tester"));
        let config = PlannerConfig { peers, engine: self.engine.clone() };
        let service = crate::service(config, store, hints, callers).worker(8, timing());
        start(service, any_port()).await
    }

    pub(super) async fn stop_planner(&mut self) {
        let planner = self.planner.take().expect("a Planner is running");
        planner.stop(Duration::from_secs(5)).await;
    }

    pub(super) fn key(&self) -> &Credential {
        &self.key
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// The Planner's MCP tools, called by the same person.
    pub(super) fn mcp(&self) -> Peer {
        Peer::new(&self.origin, self.key.clone(), Code::PeerUnavailable)
    }

    pub(super) async fn stop_coder(&mut self) {
        self.coder.take().expect("a Coder is running").stop(Duration::from_secs(5)).await;
    }

    /// Nothing is handed back, and every connection breaks.
    pub(super) fn kill_planner(&mut self) {
        drop(self.planner.take().expect("a Planner is running"));
    }

    pub(super) async fn start_coder(&mut self) {
        let service = service("coder", coder(&self.world), &self.files, &self.own, &self.hints).await;
        self.coder = Some(start(service, self.coder_at).await);
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.origin)).bearer_auth(self.key.reveal())
    }

    /// A request that says nothing of who asks.
    pub(super) fn asking(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.origin))
    }

    pub(super) fn without_key(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.origin))
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.expect("an answer")
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Response {
        self.request(Method::POST, path).json(&body).send().await.expect("an answer")
    }

    /// Submits a goal for the app `shop` with these other settings.
    pub(super) async fn submit(&self, goal: &str, more: Value) -> Task {
        let mut body = json!({"goal": goal, "app": "shop"});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let answer = self.post("/v1/tasks", body).await;
        assert_eq!(answer.status(), 202);
        let location = answer.headers()["location"].to_str().expect("text").to_owned();
        let task: Task = answer.json().await.expect("a task");
        assert_eq!(location, format!("/v1/tasks/{}", task.id));
        task
    }

    pub(super) async fn task(&self, id: TaskId) -> Task {
        self.get(&format!("/v1/tasks/{id}")).await.json().await.expect("a task")
    }

    /// The task once it is so.
    pub(super) async fn until(&self, id: TaskId, so: impl Fn(&Task) -> bool) -> Task {
        let look = async {
            loop {
                let task = self.task(id).await;
                if so(&task) {
                    return task;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(30), look).await {
            Ok(task) => task,
            Err(_) => panic!("it never became so: {:#?}", self.task(id).await),
        }
    }

    pub(super) async fn ended(&self, id: TaskId) -> Task {
        self.until(id, |task| task.status.is_final()).await
    }

    pub(super) async fn waiting(&self, id: TaskId) -> Task {
        self.until(id, |task| task.status == Status::Waiting).await
    }

    /// Returns once a part has run that often.
    pub(super) async fn ran(&self, part: &str, times: usize) {
        let look = async {
            while self.world.runs(part) < times {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), look).await.expect("the part runs");
    }

    pub(super) async fn act(&self, id: TaskId, what: &str) -> Result<Task, Problem> {
        let answer = self.post(&format!("/v1/tasks/{id}/{what}"), json!({})).await;
        if answer.status().is_success() {
            return Ok(answer.json().await.expect("a task"));
        }
        Err(answer.json().await.expect("a problem"))
    }

    /// Answers a task that asks about its goal.
    pub(super) async fn answer(&self, id: TaskId, text: &str) -> Task {
        let answer = self.post(&format!("/v1/tasks/{id}/answer"), json!({"text": text})).await;
        assert_eq!(answer.status(), 200);
        answer.json().await.expect("a task")
    }

    /// The record of a task.
    pub(super) async fn tape(&self, id: TaskId) -> Tape {
        self.get(&format!("/v1/tasks/{id}/tape")).await.json().await.expect("a tape")
    }

    /// The stream of a task's events after this one, to its end.
    pub(super) async fn events(&self, id: TaskId, after: u64) -> Vec<Event> {
        let request = self.request(Method::GET, &format!("/v1/tasks/{id}/events")).header("Last-Event-ID", after);
        let reading = async { request.send().await.expect("an answer").text().await.expect("a whole stream") };
        let text = tokio::time::timeout(Duration::from_secs(30), reading).await.expect("the stream ends");
        frames(&text)
    }
}

/// The events in a stream; each frame's id and type must be its event's.
pub(super) fn frames(text: &str) -> Vec<Event> {
    let frame = |frame: &str| {
        let field =
            |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).map(str::to_owned);
        let data: Value = serde_json::from_str(&field("data:")?).expect("JSON");
        assert_eq!(field("id:"), Some(data["seq"].to_string()));
        assert_eq!(field("event:").as_deref(), data["type"].as_str());
        Some(serde_json::from_value(data).expect("an event"))
    };
    text.split("\n\n").filter_map(frame).collect()
}

/// What every agent can tell of its jobs.
fn scripted(world: &World) -> Toolbox {
    Toolbox::new().without_job_tools().short(GetUsage(world.clone())).short(GetTranscript(world.clone()))
}

fn coder(world: &World) -> Toolbox {
    scripted(world)
        .short(Inspect(world.clone()))
        .short(Discard(world.clone()))
        .long(BuildTool(world.clone()))
        .long(ReleaseTool(world.clone()))
        .long(RollbackTool(world.clone()))
}

async fn service(name: &'static str, tools: Toolbox, files: &TempDir, own: &Credential, hints: &Hints) -> Service {
    let store = Store::sqlite(&files.path().join(format!("{name}.db"))).await.expect("a store");
    let callers = Callers::nobody().and(own, Principal::service("planner"));
    Service::new(name, tools).store(store).hints(hints.clone()).callers(callers).worker(4, timing())
}

async fn start(service: Service, at: SocketAddr) -> Running {
    service.bind(at).await.expect("a port").start()
}

fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn timing() -> Timing {
    Timing {
        lease: Duration::from_secs(2),
        heartbeat: Duration::from_millis(500),
        poll: Duration::from_millis(50),
        backoff: Duration::from_millis(50),
        ..Timing::default()
    }
}
