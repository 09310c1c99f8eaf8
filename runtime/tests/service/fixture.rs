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
    ShortTool, Step, Store, Toolbox, Wait,
    http::JsonBody,
    job::{Field, JobRecord, JobStatus, Probe, Question, Reply, Takes, Timing},
    service::Need,
    tool::Admission,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::Connection as _;
use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;

/// Where the jobs live.
#[derive(Clone)]
enum Place {
    File(Arc<TempDir>),
    /// A schema on a server.
    Schema(String),
}

impl Place {
    async fn open(&self) -> Store {
        match self {
            Self::File(directory) => Store::sqlite(&directory.path().join("jobs.db")).await.expect("a store"),
            Self::Schema(url) => Store::mysql(url, 4).await.expect("a store"),
        }
    }
}

pub(crate) struct Fixture {
    pub(crate) running: Running,
    pub(crate) person: Credential,
    pub(crate) planner: Credential,
    pub(crate) coder: Credential,
    store: Place,
    pub(crate) http: reqwest::Client,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        Self::with(|service, _| service).await
    }

    /// With something about the service that is not as usual.
    pub(crate) async fn with(shape: impl FnOnce(Service, &Store) -> Service) -> Self {
        let store = Place::File(Arc::new(TempDir::new().expect("a directory")));
        Self::start_at(ANY_PORT, store, keys(), shape).await
    }

    /// With its jobs on a server.
    pub(crate) async fn start_on_mariadb() -> Self {
        let server = std::env::var("YONIN_TEST_MARIADB").expect("the test run starts a MariaDB: ./dev databases");
        let schema = format!("service_{:016x}", rand::random::<u64>());
        let mut connection = sqlx::MySqlConnection::connect(&server).await.expect("the server answers");
        let create = sqlx::AssertSqlSafe(format!("create database {schema}"));
        sqlx::Executor::execute(&mut connection, create).await.expect("a schema");
        Self::start_at(ANY_PORT, Place::Schema(format!("{server}/{schema}")), keys(), |service, _| service).await
    }

    /// Another replica on the same store, with nothing else in common: no hint passes between them.
    pub(crate) async fn beside(&self) -> Self {
        let keys = [self.person.clone(), self.planner.clone(), self.coder.clone()];
        Self::start_at(ANY_PORT, self.store.clone(), keys, |service, _| service).await
    }

    async fn start_at(
        address: SocketAddr,
        place: Place,
        [person, planner, coder]: [Credential; 3],
        shape: impl FnOnce(Service, &Store) -> Service,
    ) -> Self {
        let store = place.open().await;
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
            .larger_body("/v1/parcels/{id}", 4 << 20)
            .routes(needs(), routes);
        let running = shape(service, &store).bind(address).await.expect("a port").start();
        Self { running, person, planner, coder, store: place, http: reqwest::Client::new() }
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
        self.mcp_of(key, method, params, tasks.capabilities())
    }

    /// The same of a client with these capabilities.
    pub(crate) fn mcp_of(
        &self,
        key: &Credential,
        method: &str,
        params: Value,
        capabilities: Value,
    ) -> reqwest::RequestBuilder {
        let name = ["name", "taskId", "uri"].iter().find_map(|name| params[name].as_str()).map(str::to_owned);
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
    /// It also shows forms.
    Asked,
}

impl Tasks {
    fn capabilities(self) -> Value {
        match self {
            Self::Declared => json!({"extensions": {"io.modelcontextprotocol/tasks": {}}}),
            Self::Unknown => json!({}),
            Self::Asked => json!({"elicitation": {}, "extensions": {"io.modelcontextprotocol/tasks": {}}}),
        }
    }
}

const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn keys() -> [Credential; 3] {
    [Credential::random(), Credential::random(), Credential::random()]
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

fn needs() -> [Need; 5] {
    [
        Need::role(Method::POST, "/v1/parcels/{id}", Role::Operator),
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
        .route("/v1/parcels/{id}", post(async |_caller: Principal, JsonBody(_): JsonBody<Name>| "taken"))
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
    /// It waits for a person who says whether it ends well, and asks twice.
    Asks,
    /// It says what it does, three times.
    Shows,
    /// Nobody can tell whether it took place.
    Doubtful,
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
    /// What was answered so far.
    type Checkpoint = Vec<String>;

    fn about(&self) -> About {
        About { read_only: false, ..about("Build") }
    }

    fn question(&self, record: &JobRecord) -> Option<Question> {
        let said: Vec<String> = serde_json::from_value(record.checkpoint.clone()?).expect("a checkpoint");
        (record.status == JobStatus::Asking && record.input["ends"] == "asks").then(|| Question {
            kind: "approval",
            id: protocol::Digest::of(&(record.id, said.len())),
            message: format!("公開しますか? ({})", said.len() + 1),
            fields: vec![Field {
                name: "decision".to_owned(),
                title: "Shall it?".to_owned(),
                required: true,
                takes: Takes::Choice(vec![("yes", "Yes"), ("no", "No")]),
            }],
            elsewhere: "Answer on paper.".to_owned(),
            page: Some("/paper".to_owned()),
        })
    }

    fn reply(&self, by: &Principal, _question: &Question, reply: Reply) -> Result<Option<Value>, Problem> {
        let decision: Option<String> = reply.field("decision")?;
        Ok(decision.map(|decision| format!("{by} said {decision}").into()))
    }

    fn admit(&self, _caller: &Principal, input: &Order) -> Result<Admission, Problem> {
        match input.ends {
            Ending::Refused => Err(Code::NothingToDo.problem("nothing to build")),
            Ending::Well
            | Ending::Badly
            | Ending::Never
            | Ending::Asks
            | Ending::Shows
            | Ending::Doubtful
            | Ending::Busy => Ok(Admission::default()),
        }
    }

    async fn run(
        &self,
        job: &Job,
        input: Order,
        checkpoint: Option<Vec<String>>,
    ) -> Result<Step<Vec<String>, Greeting>, JobError> {
        match input.ends {
            Ending::Asks => {
                let mut said = checkpoint.unwrap_or_default();
                said.extend(job.answer::<String>()?);
                if said.len() < 2 {
                    job.say(format!("asking, with {} answers", said.len())).await?;
                    return Ok(Step::Wait(said, Wait::Person));
                }
                Ok(Step::Done(Greeting { greeting: said.join("; ") }, Vec::new()))
            }
            Ending::Shows => {
                for step in 1..=3 {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    job.say(format!("公開中 {step}")).await?;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                Ok(Step::Done(Greeting { greeting: "shown".to_owned() }, Vec::new()))
            }
            Ending::Doubtful => {
                let act = async { Ok("done".to_owned()) };
                let probe = async { Ok(Probe::Unknown) };
                // The first run means to act, and is cut off.
                if checkpoint.is_none() {
                    let cut =
                        async { Err::<String, _>(JobError::Retryable(Code::MysqlUnavailable.problem("cut off"))) };
                    job.checkpoint(&Vec::<String>::new(), Vec::new()).await?;
                    job.effect("publish", &(), probe, cut).await?;
                }
                let probe = async { Ok(Probe::Unknown) };
                let greeting = job.effect("publish", &(), probe, act).await?;
                Ok(Step::Done(Greeting { greeting }, Vec::new()))
            }
            Ending::Well => Ok(Step::Done(Greeting { greeting: "built".to_owned() }, Vec::new())),
            Ending::Badly | Ending::Refused => Err(JobError::Terminal(Code::ChecksFailed.problem("it broke"))),
            Ending::Busy => std::future::pending().await,
            Ending::Never => Ok(Step::Wait(Vec::new(), Wait::Person)),
        }
    }
}
