mod traced;

use crate::{
    Credential, OwnKey, Owner, decode,
    job::{Question, Resolution},
    mcp::{IDEMPOTENCY_META, SHARE_META, asking},
    telemetry::span,
};
use protocol::{Code, JobId, Problem};
use rmcp::{
    ClientHandler, RoleClient,
    model::{
        CallToolRequest, CallToolRequestParams, CallToolResult, CancelTaskParams, CancelTaskRequest,
        ClientCapabilities, ClientConfig, ClientRequest, DetailedTask, ErrorData, GetTaskParams, GetTaskRequest,
        Implementation, ProtocolVersion, RequestMetaObject, ServerResult, TaskPayload, UpdateTaskParams,
        UpdateTaskRequest,
    },
    service::{
        ClientInitializeError, ClientLifecycleMode, ClientServiceExt as _, PeerRequestOptions, RunningService,
        ServiceError,
    },
    transport::{
        StreamableHttpClientTransport,
        streamable_http_client::{StreamableHttpClientTransportConfig, StreamableHttpError},
    },
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{error::Error, fmt, sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::Instant};
use tokio_util::task::AbortOnDropHandle;
use traced::Traced;
use tracing::Instrument as _;

/// How long a call may take, unless said otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer, in bytes: a change-set, its files escaped as JSON strings.
const LONGEST_ANSWER: usize = 128 * 1024 * 1024;
/// Calls under way to one peer at once.
const CONCURRENT: usize = 256;
/// How long it takes to find out that nobody listens.
const CONNECT: Duration = Duration::from_secs(5);
/// Connections that nobody uses are closed before the peer closes them: a request never meets one that is just going.
const IDLE: Duration = Duration::from_secs(15);
/// How long a call waits at least when the peer says when to come back: one that says "at once" is not hammered.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
/// How long a call waits, at most, when the peer says when to come back.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Another service, called over MCP 2026-07-28 with this service's own credential of the moment. Cheap to clone; clones share what they
/// know of the peer and its connections.
#[derive(Clone)]
pub struct Peer {
    shared: Arc<Shared>,
    timeout: Duration,
}

struct Shared {
    endpoint: String,
    credential: OwnKey,
    unavailable: Code,
    /// With the credential that it shows.
    connection: Mutex<Option<(Arc<Credential>, Connection)>>,
}

/// What is known of a peer after its `server/discover`, and a pool of HTTP connections. Nothing in it breaks when the peer
/// restarts: every request stands for itself.
type Connection = Arc<RunningService<RoleClient, Client>>;

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("endpoint", &self.shared.endpoint).finish_non_exhaustive()
    }
}

/// Where a peer's job stands.
#[derive(Debug, Clone, PartialEq)]
pub enum PeerState<O> {
    /// It is queued, running or waiting.
    Working {
        /// What it is doing, in a sentence.
        message: Option<String>,
    },
    /// An act may or may not have taken place, and a person must decide ([`Peer::resolve`]).
    InDoubt {
        /// Which, in a sentence.
        message: String,
    },
    /// It ended well.
    Done(O),
    /// It ended badly.
    Failed(Problem),
    /// It was cancelled.
    Cancelled,
}

impl Peer {
    /// The service at this origin (`http://host:port`, `/mcp` is added). Connects when first used, and again when it must.
    /// `unavailable` is the code for not reaching it: [`Code::PeerUnavailable`] or [`Code::HostUnavailable`].
    #[must_use]
    pub fn new(origin: &str, credential: impl Into<OwnKey>, unavailable: Code) -> Self {
        let endpoint = format!("{}/mcp", origin.trim_end_matches('/'));
        let credential = credential.into();
        let shared = Shared { endpoint, credential, unavailable, connection: Mutex::new(None) };
        Self { shared: Arc::new(shared), timeout: TIMEOUT }
    }

    /// The same peer, with another limit on how long one call may take (30 s unless given).
    #[must_use]
    pub fn timeout(&self, timeout: Duration) -> Self {
        Self { shared: Arc::clone(&self.shared), timeout }
    }

    /// Calls a short tool.
    ///
    /// # Errors
    /// The tool's own problem, or `unavailable`.
    pub async fn call<I: Serialize, O: DeserializeOwned>(&self, tool: &str, input: &I) -> Result<O, Problem> {
        match self.request(&call(tool, input)?, None).await? {
            ServerResult::CallToolResult(result) => output(result),
            _ => Err(misunderstood(tool)),
        }
    }

    /// Starts a long tool on behalf of somebody: the peer deals out its time evenly among those. The same key is the same job,
    /// however often it is started.
    ///
    /// # Errors
    /// The tool's refusal, or `unavailable`; then it is not known whether the job exists: start it again with the same key.
    pub async fn start<I: Serialize>(
        &self,
        tool: &str,
        idempotency_key: &str,
        on_behalf_of: &Owner,
        input: &I,
    ) -> Result<JobId, Problem> {
        let mut meta = RequestMetaObject::new();
        meta.insert(IDEMPOTENCY_META.to_owned(), idempotency_key.into());
        meta.insert(SHARE_META.to_owned(), on_behalf_of.to_string().into());
        match self.request(&call(tool, input)?, Some(meta)).await? {
            ServerResult::CreateTaskResult(created) => created.task.task_id.parse().map_err(|_| misunderstood(tool)),
            // No task came of it, so it was refused.
            ServerResult::CallToolResult(result) => {
                Err(output::<Value>(result).err().unwrap_or_else(|| misunderstood(tool)))
            }
            _ => Err(misunderstood(tool)),
        }
    }

    /// Asks where a job stands.
    ///
    /// # Errors
    /// `unavailable`, or [`Code::NotFound`].
    pub async fn poll<O: DeserializeOwned>(&self, job: JobId) -> Result<PeerState<O>, Problem> {
        let request = ClientRequest::GetTaskRequest(GetTaskRequest::new(GetTaskParams::new(job.to_string())));
        match self.request(&request, None).await? {
            ServerResult::GetTaskResult(result) => state(result.task),
            _ => Err(misunderstood("tasks/get")),
        }
    }

    /// Asks for a job to be cancelled, which is acknowledged also of one that has ended, or has come too far to be stopped.
    ///
    /// # Errors
    /// `unavailable`, or [`Code::NotFound`].
    pub async fn cancel(&self, job: JobId) -> Result<(), Problem> {
        let request = ClientRequest::CancelTaskRequest(CancelTaskRequest::new(CancelTaskParams::new(job.to_string())));
        self.request(&request, None).await.map(drop)
    }

    /// Says what is to become of a job that is in doubt.
    ///
    /// # Errors
    /// `unavailable`, [`Code::NotFound`], or [`Code::NotWaiting`] when it is not, or not any more.
    pub async fn resolve(&self, job: JobId, resolution: Resolution) -> Result<(), Problem> {
        let doubt = self.doubt(job).await?;
        let params = UpdateTaskParams::new(job.to_string(), asking::accepted(&doubt, resolution.filled()));
        let request = ClientRequest::UpdateTaskRequest(UpdateTaskRequest::new(params));
        self.request(&request, None).await.map(drop)
    }

    /// The name of the question whether an act of this job took place.
    async fn doubt(&self, job: JobId) -> Result<String, Problem> {
        let request = ClientRequest::GetTaskRequest(GetTaskRequest::new(GetTaskParams::new(job.to_string())));
        let ServerResult::GetTaskResult(result) = self.request(&request, None).await? else {
            return Err(misunderstood("tasks/get"));
        };
        let asked = match result.task.payload {
            TaskPayload::InputRequired { input_requests } => input_requests.into_keys().next(),
            _ => None,
        };
        let doubt = asked.filter(|key| key.starts_with(Question::IN_DOUBT));
        doubt.ok_or_else(|| Code::NotWaiting.problem("It is not in doubt."))
    }

    /// Sends a request, and again when the peer says that it took nothing and when to come back.
    async fn request(&self, request: &ClientRequest, meta: Option<RequestMetaObject>) -> Result<ServerResult, Problem> {
        let tool = match request {
            ClientRequest::CallToolRequest(call) => Some(&*call.params.name),
            _ => None,
        };
        let span = span::peer_call(&self.shared.endpoint, request.method(), tool);
        let traced = async {
            let answer = self.request_within(request, meta).await;
            if let Err(problem) = &answer {
                span::failed(problem.code.as_str());
            }
            answer
        };
        traced.instrument(span).await
    }

    async fn request_within(
        &self,
        request: &ClientRequest,
        meta: Option<RequestMetaObject>,
    ) -> Result<ServerResult, Problem> {
        let until = Instant::now() + self.timeout;
        let mut patience = LONGEST_PAUSE;
        loop {
            // Boxed: what a call holds is large, and every future that calls a peer would carry it.
            let send = Box::pin(self.send(request.clone(), meta.clone(), until));
            let sent = tokio::time::timeout_at(until, send).await;
            let told = match sent {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(broken)) => self.told(broken),
                Err(_) => Told::Problem(self.unavailable(&format!("no answer within {} s", self.timeout.as_secs()))),
            };
            match told {
                Told::Wait(pause, _) if pause <= patience && Instant::now() + pause < until => {
                    patience -= pause;
                    tokio::time::sleep(pause).await;
                }
                Told::Wait(_, problem) | Told::Problem(problem) => return Err(problem),
            }
        }
    }

    async fn send(
        &self,
        request: ClientRequest,
        meta: Option<RequestMetaObject>,
        until: Instant,
    ) -> Result<ServerResult, Broken> {
        let connection = self.connection().await?;
        // With a timeout of its own, the request is taken back when it is over: the peer need not work on.
        let options = PeerRequestOptions::with_timeout(until.saturating_duration_since(Instant::now()));
        let mut meta = meta.unwrap_or_default();
        traced::into_meta(&mut meta);
        let options = options.with_meta(meta);
        let handle = connection.send_request_with_option(request, options).await?;
        Ok(handle.await_response().await?)
    }

    async fn connection(&self) -> Result<Connection, Broken> {
        let mut slot = self.shared.connection.lock().await;
        let credential = self.shared.credential.current();
        if let Some((shown, connection)) = slot.as_ref()
            && Arc::ptr_eq(shown, &credential)
            && !connection.is_transport_closed()
        {
            return Ok(Arc::clone(connection));
        }
        // Calls that are under way keep the connection before, and end on it.
        // Apart from the request that needs it: the connection outlives it, and would keep its span open for as long.
        let (peer, shown) = (self.clone(), Arc::clone(&credential));
        let connecting = AbortOnDropHandle::new(tokio::spawn(async move { peer.connect(&shown).await }));
        let connected = connecting.await.map_err(|broken| Broken::Other(broken.to_string()))?;
        let connection = Arc::new(connected?);
        *slot = Some((credential, Arc::clone(&connection)));
        Ok(connection)
    }

    async fn connect(&self, credential: &Credential) -> Result<RunningService<RoleClient, Client>, Broken> {
        let mut config = StreamableHttpClientTransportConfig::with_uri(self.shared.endpoint.as_str())
            .auth_header(credential.reveal())
            .max_concurrent_requests(CONCURRENT)
            .max_json_response_size(LONGEST_ANSWER);
        config.channel_buffer_capacity = CONCURRENT;
        // Peers are reached directly, whatever proxy the environment names, and over plain HTTP: no list of authorities is read, which a
        // container may not have.
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .tcp_nodelay(true)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(|error| Broken::Http(Box::new(error)))?;
        let transport = StreamableHttpClientTransport::with_client(Traced(http), config);
        let lifecycle = ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] };
        Ok(Client.serve_with_lifecycle(transport, lifecycle).await?)
    }

    /// What a request that went wrong means for the caller.
    fn told(&self, broken: Broken) -> Told {
        match broken {
            Broken::Protocol(data) => Told::Problem(problem_of(&data)),
            Broken::Other(why) => Told::Problem(self.unavailable(&why)),
            Broken::Http(error) => match error.downcast_ref() {
                Some(StreamableHttpError::<reqwest::Error>::HttpStatus(told)) => {
                    self.told_by_status(told.status, told.retry_after.as_deref())
                }
                Some(StreamableHttpError::AuthRequired(_)) => {
                    Told::Problem(Code::Unauthorized.problem("the peer does not know this service's credential"))
                }
                Some(StreamableHttpError::UnexpectedServerResponse(text)) => Told::Problem(self.refused(text)),
                _ => Told::Problem(self.unavailable(&root(error.as_ref()).to_string())),
            },
        }
    }

    fn told_by_status(&self, status: u16, retry_after: Option<&str>) -> Told {
        let problem = match status {
            429 => Code::TooManyRequests.problem("the peer asks to slow down"),
            _ => self.unavailable(&format!("it answers {status}")),
        };
        match retry_after.and_then(|seconds| seconds.parse().ok()) {
            Some(seconds) if matches!(status, 429 | 503) => {
                Told::Wait(Duration::from_secs(seconds).max(SHORTEST_PAUSE), problem)
            }
            _ => Told::Problem(problem),
        }
    }

    /// The problem inside a refusal, if the peer sent one.
    fn refused(&self, text: &str) -> Problem {
        let problem = text.find('{').and_then(|start| serde_json::from_str(&text[start..]).ok());
        problem.unwrap_or_else(|| self.unavailable(text))
    }

    fn unavailable(&self, why: &str) -> Problem {
        tracing::debug!(peer.endpoint = self.shared.endpoint, error = why, "A peer does not answer");
        self.shared.unavailable.problem(format!("{} does not answer: {why}", self.shared.endpoint))
    }
}

/// What came of one try.
enum Told {
    /// Nothing was done; come back after this pause.
    Wait(Duration, Problem),
    /// This.
    Problem(Problem),
}

/// A request that got no answer of the kind it should.
enum Broken {
    /// The transport says so.
    Http(Box<dyn Error + Send + Sync>),
    /// The peer says so.
    Protocol(ErrorData),
    /// Something else did.
    Other(String),
}

impl From<ServiceError> for Broken {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::McpError(data) => Self::Protocol(data),
            ServiceError::TransportSend(error) => Self::Http(error.error),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<ClientInitializeError> for Broken {
    fn from(error: ClientInitializeError) -> Self {
        match error {
            ClientInitializeError::JsonRpcError(data) => Self::Protocol(data),
            ClientInitializeError::TransportError { error, .. } => Self::Http(error.error),
            other => Self::Other(other.to_string()),
        }
    }
}

/// What we say of ourselves with every request: we know tasks, and pass on to a person what a job asks.
struct Client;

impl ClientHandler for Client {
    fn get_info(&self) -> ClientConfig {
        let capabilities = ClientCapabilities::builder().enable_tasks().enable_elicitation().build();
        ClientConfig::new(capabilities, Implementation::new("yonin", env!("CARGO_PKG_VERSION")))
    }
}

fn call(tool: &str, input: &impl Serialize) -> Result<ClientRequest, Problem> {
    let params = CallToolRequestParams::new(tool.to_owned());
    let params = match serde_json::to_value(input) {
        Ok(Value::Object(arguments)) => params.with_arguments(arguments),
        Ok(Value::Null) => params,
        _ => return Err(Code::Internal.problem(format!("the input of {tool} is no JSON object"))),
    };
    Ok(ClientRequest::CallToolRequest(CallToolRequest::new(params)))
}

fn output<O: DeserializeOwned>(result: CallToolResult) -> Result<O, Problem> {
    if result.is_error == Some(true) {
        let text =
            result.content.iter().filter_map(|block| block.as_text()).map(|it| it.text.as_str()).collect::<Vec<_>>();
        let problem = result.structured_content.and_then(|content| serde_json::from_value(content).ok());
        return Err(problem.unwrap_or_else(|| Code::Internal.problem(text.join("\n"))));
    }
    let value = match (result.structured_content, result.content.first().and_then(|block| block.as_text())) {
        (Some(value), _) => value,
        (None, Some(text)) => serde_json::from_str(&text.text).map_err(|_| misunderstood("tools/call"))?,
        (None, None) => Value::Null,
    };
    decode::value(value)
        .map_err(|problem| Code::Internal.problem(format!("a peer's answer has another form: {}", problem.detail)))
}

fn state<O: DeserializeOwned>(task: DetailedTask) -> Result<PeerState<O>, Problem> {
    let message = task.task.status_message;
    Ok(match task.payload {
        TaskPayload::Completed { result } => {
            let result: CallToolResult =
                serde_json::from_value(Value::Object(result)).map_err(|_| misunderstood("tasks/get"))?;
            if result.is_error == Some(true) {
                PeerState::Failed(output::<Value>(result).err().unwrap_or_else(|| misunderstood("tasks/get")))
            } else {
                PeerState::Done(output(result)?)
            }
        }
        TaskPayload::Failed { error } => {
            let error = serde_json::from_value(Value::Object(error)).map_err(|_| misunderstood("tasks/get"))?;
            PeerState::Failed(problem_of(&error))
        }
        TaskPayload::Cancelled => PeerState::Cancelled,
        TaskPayload::InputRequired { .. } => PeerState::InDoubt { message: message.unwrap_or_default() },
        _ => PeerState::Working { message },
    })
}

/// The problem in a protocol error's data; every error of ours carries one.
fn problem_of(error: &ErrorData) -> Problem {
    let problem = error.data.clone().and_then(|data| serde_json::from_value(data).ok());
    problem.unwrap_or_else(|| Code::Internal.problem(format!("the peer says: {} ({})", error.message, error.code.0)))
}

fn misunderstood(what: &str) -> Problem {
    Code::Internal.problem(format!("the peer's answer to {what} is not of a kind it should be"))
}

/// The error at the bottom: what the system said.
fn root<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    std::iter::successors(Some(error), |&error| error.source()).last().unwrap_or(error)
}
