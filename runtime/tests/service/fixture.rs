//! A service with one tool of each kind, on a port of its own.

use axum::{
    Router,
    http::Method,
    response::sse::{Event, Sse},
    routing::{get, post},
};
use futures::StreamExt as _;
use protocol::{Code, Problem, Role};
use runtime::{
    About, Callers, CancellationToken, Credential, Job, JobError, Jobs, LongTool, Principal, Running, Service,
    ShortTool, Step, Store, Toolbox, Wait, http::JsonBody, job::Timing, service::Need, tool::Admission,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{convert::Infallible, net::SocketAddr, time::Duration};
use tempfile::TempDir;

pub(crate) struct Fixture {
    pub(crate) running: Running,
    pub(crate) person: Credential,
    pub(crate) planner: Credential,
    pub(crate) coder: Credential,
    pub(crate) store: TempDir,
    pub(crate) http: reqwest::Client,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        let store = TempDir::new().expect("a directory");
        let keys = [Credential::random(), Credential::random(), Credential::random()];
        Self::start_at(([127, 0, 0, 1], 0).into(), store, keys, |service, _| service).await
    }

    /// With something about the service that is not as usual.
    pub(crate) async fn with(shape: impl FnOnce(Service, &Store) -> Service) -> Self {
        let store = TempDir::new().expect("a directory");
        let keys = [Credential::random(), Credential::random(), Credential::random()];
        Self::start_at(([127, 0, 0, 1], 0).into(), store, keys, shape).await
    }

    async fn start_at(
        address: SocketAddr,
        directory: TempDir,
        [person, planner, coder]: [Credential; 3],
        shape: impl FnOnce(Service, &Store) -> Service,
    ) -> Self {
        let store = Store::sqlite(&directory.path().join("jobs.db")).await.expect("a store");
        let callers = Callers::nobody()
            .and(&person, Principal::person("mei", Role::Admin))
            .and(&planner, Principal::service("planner"))
            .and(&coder, Principal::service("coder"));
        let tools =
            Toolbox::new().instructions("Greets and builds.").short(Greet).short(Refuse).short(Burst).long(Build);
        let service = Service::new("fixture", tools)
            .callers(callers)
            .store(store.clone())
            .worker(2, quick())
            .allowed_hosts(["fixture.example".to_owned()])
            .routes(needs(), routes);
        let running = shape(service, &store).bind(address).await.expect("a port").start();
        Self { running, person, planner, coder, store: directory, http: reqwest::Client::new() }
    }

    /// Stops it, and starts another one on the same port and store.
    pub(crate) async fn restart(self) -> Self {
        let address = self.origin().trim_start_matches("http://").parse().expect("an address");
        let Self { running, person, planner, coder, store, .. } = self;
        running.stop(Duration::from_secs(5)).await;
        Self::start_at(address, store, [person, planner, coder], |service, _| service).await
    }

    pub(crate) fn origin(&self) -> &str {
        self.running.origin()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    /// One MCP request as a client of 2026-07-28 sends it, with the tasks extension when `tasks` says so.
    pub(crate) fn mcp(&self, key: &Credential, method: &str, params: Value, tasks: Tasks) -> reqwest::RequestBuilder {
        let capabilities = match tasks {
            Tasks::Declared => json!({"extensions": {"io.modelcontextprotocol/tasks": {}}}),
            Tasks::Unknown => json!({}),
        };
        let name = params.get("name").or_else(|| params.get("taskId")).and_then(Value::as_str).map(str::to_owned);
        let mut params = params;
        let meta = params.as_object_mut().expect("an object").entry("_meta").or_insert_with(|| json!({}));
        meta["io.modelcontextprotocol/protocolVersion"] = "2026-07-28".into();
        meta["io.modelcontextprotocol/clientCapabilities"] = capabilities;
        let request = self
            .http
            .post(self.url("/mcp"))
            .bearer_auth(key.reveal())
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", method);
        let request = match name {
            Some(name) => request.header("mcp-name", name),
            None => request,
        };
        request.json(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
    }

    /// Its result, or its error.
    pub(crate) async fn ask(&self, key: &Credential, method: &str, params: Value, tasks: Tasks) -> Value {
        let answer = self.mcp(key, method, params, tasks).send().await.expect("an answer");
        let mut answer: Value = answer.json().await.expect("JSON");
        let part = if answer.get("error").is_some() { "error" } else { "result" };
        answer[part].take()
    }

    pub(crate) async fn call(&self, tool: &str, arguments: Value, tasks: Tasks) -> Value {
        self.ask(&self.planner, "tools/call", json!({"name": tool, "arguments": arguments}), tasks).await
    }

    /// Returns when a worker has the job.
    pub(crate) async fn claimed(&self, job: &str) {
        while self.call("get_job", json!({"job_id": job}), Tasks::Unknown).await["structuredContent"]["status"]
            == "queued"
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Looks at a task until it is over.
    pub(crate) async fn end_of(&self, task: &str) -> Value {
        loop {
            let task = self.ask(&self.planner, "tasks/get", json!({"taskId": task}), Tasks::Declared).await;
            if task["status"] != "working" {
                return task;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Whether a client declares the tasks extension.
#[derive(Clone, Copy)]
pub(crate) enum Tasks {
    Declared,
    Unknown,
}

fn quick() -> Timing {
    Timing {
        lease: Duration::from_secs(2),
        heartbeat: Duration::from_millis(500),
        poll: Duration::from_millis(20),
        backoff: Duration::from_millis(10),
        max_failures: 2,
        max_lost_leases: 3,
    }
}

fn needs() -> [Need; 4] {
    [
        Need::role(Method::POST, "/v1/greetings", Role::Operator),
        Need::role(Method::GET, "/v1/events", Role::Viewer),
        Need::nothing(Method::GET, "/public"),
        Need::nothing(Method::GET, "/panic"),
    ]
}

fn routes(_jobs: Jobs, stopping: CancellationToken) -> Router {
    let stream = async move || {
        let opened = futures::stream::iter([Ok::<_, Infallible>(Event::default().data("open"))]);
        Sse::new(opened.chain(futures::stream::pending()).take_until(stopping.cancelled_owned()))
    };
    Router::new()
        .route(
            "/v1/greetings",
            post(async |caller: Principal, JsonBody(name): JsonBody<Name>| format!("{caller}: {}", name.name)),
        )
        .route("/v1/events", get(stream))
        .route("/public", get(async || "public"))
        .route("/panic", get(async || -> &'static str { panic!("on purpose") }))
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Name {
    /// Whom to greet.
    pub(crate) name: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Greeting {
    /// What is said.
    pub(crate) greeting: String,
}

fn about(title: &'static str) -> About {
    About { title, description: "A tool of the tests.", read_only: true, destructive: false, idempotent: true }
}

pub(crate) struct Greet;

impl ShortTool for Greet {
    const NAME: &'static str = "greet";
    type Input = Name;
    type Output = Greeting;

    fn about(&self) -> About {
        about("Greet")
    }

    async fn call(&self, _caller: &Principal, input: Name) -> Result<Greeting, Problem> {
        Ok(Greeting { greeting: format!("こんにちは, {}", input.name) })
    }
}

struct Refuse;

impl ShortTool for Refuse {
    const NAME: &'static str = "refuse";
    type Input = ();
    type Output = ();

    fn about(&self) -> About {
        about("Refuse")
    }

    async fn call(&self, caller: &Principal, (): ()) -> Result<(), Problem> {
        Err(Code::Forbidden.problem(format!("{caller} may not")))
    }
}

struct Burst;

impl ShortTool for Burst {
    const NAME: &'static str = "burst";
    type Input = ();
    type Output = ();

    fn about(&self) -> About {
        about("Burst")
    }

    async fn call(&self, _caller: &Principal, (): ()) -> Result<(), Problem> {
        panic!("on purpose")
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// How it ends.
    pub(crate) ends: Ending,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    Well,
    Badly,
    /// It waits for a person who never comes.
    Never,
    /// It works on and on without a checkpoint.
    Busy,
    /// Its call is refused.
    Refused,
}

struct Build;

impl LongTool for Build {
    const NAME: &'static str = "build";
    type Input = Order;
    type Output = Greeting;
    type Checkpoint = ();

    fn about(&self) -> About {
        About { read_only: false, ..about("Build") }
    }

    fn admit(&self, _caller: &Principal, input: &Order) -> Result<Admission, Problem> {
        match input.ends {
            Ending::Refused => Err(Code::NothingToDo.problem("nothing to build")),
            Ending::Well | Ending::Badly | Ending::Never | Ending::Busy => Ok(Admission::default()),
        }
    }

    async fn run(&self, _job: &Job, input: Order, _checkpoint: Option<()>) -> Result<Step<(), Greeting>, JobError> {
        match input.ends {
            Ending::Well => Ok(Step::Done(Greeting { greeting: "built".to_owned() }, Vec::new())),
            Ending::Badly | Ending::Refused => Err(JobError::Terminal(Code::ChecksFailed.problem("it broke"))),
            Ending::Busy => std::future::pending().await,
            Ending::Never => Ok(Step::Wait((), Wait::Person)),
        }
    }
}
