//! The MCP server: one stateless endpoint for MCP 2026-07-28 and for clients down to 2025-03-26, over a service's tools, resources
//! and prompts.
//!
//! What happens to a call is decided here, what the bytes look like in `rmcp`. A call of a long tool writes its job and
//! answers with the handle; nothing of a task lives in this process. What a job asks a person is put to clients that can show a
//! form (`asking`), in tasks as in calls that wait (`waiting`); what such a client brings back is sealed (`seal`).
//! Older clients are asked in the middle of a call (`older`).

mod access;
mod answer;
pub(crate) mod asking;
mod call;
mod complete;
mod cursor;
pub(crate) mod envelope;
mod job_tools;
pub(crate) mod listen;
pub(crate) mod listing;
mod offer;
mod older;
mod prompts;
mod resources;
mod seal;
mod tasks;
mod waiting;

use crate::{
    Jobs, Principal, Toolbox,
    job::{JobStatus, Order},
    prompt::Prompt,
    resource::Resources,
    telemetry::{TraceContext, span},
    tool::{self, Act, Entry},
};
use asking::Audience;
use axum::routing::{MethodRouter, any, any_service};
use call::{Call, caller, job_id, reads_links};
use futures::FutureExt as _;
use job_tools::JobHandle;
use protocol::{Code, JobId, Problem, Role};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CancelTaskParams, CompleteRequestMethod,
        CompleteRequestParams, CompleteResult, ConstString, ContentBlock, DiscoverResult, GetPromptRequestMethod,
        GetPromptRequestParams, GetPromptResponse, GetTaskParams, GetTaskResult, InitializeRequestParams,
        InitializeResult, ListPromptsRequestMethod, ListPromptsResult, ListResourceTemplatesRequestMethod,
        ListResourceTemplatesResult, ListResourcesRequestMethod, ListResourcesResult, ListToolsResult,
        PaginatedRequestParams, ProtocolVersion, ReadResourceRequestMethod, ReadResourceRequestParams,
        ReadResourceResponse, ServerConfig, SubscriptionFilter, SubscriptionsListenRequestMethod, UpdateTaskParams,
    },
    service::{RequestContext, SubscriptionContext},
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};
use seal::Seal;
use serde_json::Value;
use std::{borrow::Cow, collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};
use waiting::Wait;

/// Where a caller puts the idempotency key of a call that starts a job: in the request's `_meta`, or in the HTTP header.
pub(crate) const IDEMPOTENCY_META: &str = "dev.yonin/idempotencyKey";
/// Where a service says whom it calls for, in the request's `_meta`. Nobody else is believed.
pub(crate) const SHARE_META: &str = "dev.yonin/share";
/// Where a call that waits for a job, and asks, says whose question it is: in the `_meta` of its result.
pub(crate) const JOB_META: &str = "dev.yonin/jobId";

/// How long clients may keep what a running process never changes: its tools and what it says of itself, in milliseconds.
const FRESH_MS: u64 = 300_000;

/// A service's tools as an MCP server. Cheap to clone: `rmcp` wants one for each request.
#[derive(Clone)]
#[cfg_attr(not(feature = "overlays"), expect(unreachable_pub, reason = "only what a test puts over it sees it"))]
pub struct Server(Arc<Inner>);

/// What answers at `/mcp` in place of a service's own server, which it is given with the largest body that may come.
pub(crate) type Overlay = Box<dyn FnOnce(Server, usize) -> MethodRouter + Send>;

struct Inner {
    service: &'static str,
    config: ServerConfig,
    listing: ListToolsResult,
    tools: HashMap<String, (Role, Act)>,
    prompts: Vec<Arc<dyn Prompt>>,
    resources: Option<Arc<dyn Resources>>,
    jobs: Option<Jobs>,
    terms: Terms,
    seal: Seal,
    /// Calls that wait answer, and subscriptions end, when the service stops.
    stopping: CancellationToken,
    open: listen::Open,
}

/// How often a client should look, and what it may rely on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// How often a client should look at a task.
    pub(crate) poll: Duration,
    /// How long a job is kept after its end.
    pub(crate) retention: Duration,
    /// How long a person may take to answer a form.
    pub(crate) question_expiry: Duration,
}

impl Server {
    /// The server of these tools, prompts and resources.
    pub(crate) fn new(
        service: &'static str,
        tools: Toolbox,
        jobs: Option<Jobs>,
        terms: Terms,
        stopping: CancellationToken,
    ) -> Self {
        let Toolbox { tools: mut entries, prompts, resources, job_tools, instructions } = tools;
        // Whatever can be read changes with jobs.
        let resources = resources.filter(|_| jobs.is_some());
        let has_jobs = entries.iter().any(|entry| matches!(entry.act, Act::Submit(_)));
        if let Some(jobs) = jobs.as_ref().filter(|_| has_jobs && job_tools) {
            entries.extend(job_tools::toolbox(jobs).tools);
        }
        let listing = ListToolsResult::with_all_items(entries.iter().map(|entry| entry.listing.clone()).collect())
            .with_ttl_ms(FRESH_MS)
            .with_cache_scope(CacheScope::Public);
        let tools_by_name = entries
            .into_iter()
            .map(|Entry { listing, needs, act }| (listing.name.into_owned(), (needs, act)))
            .collect();
        let capabilities = offer::capabilities(has_jobs, !prompts.is_empty(), resources.is_some());
        let config = offer::config(service, instructions, capabilities);
        let (seal, open) = (Seal::new(terms.question_expiry), listen::Open::default());
        let tools = tools_by_name;
        Self(Arc::new(Inner { service, config, listing, tools, prompts, resources, jobs, terms, seal, stopping, open }))
    }

    async fn answer(
        &self,
        audience: Audience,
        name: &str,
        call: Call,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let caller = &audience.caller;
        let Some((needed, act)) = self.0.tools.get(name) else {
            let problem = Code::NotFound.problem(format!("{} has no tool of that name", self.0.service));
            span::failed(problem.code.as_str());
            return Err(answer::protocol_error(&problem));
        };
        let answered = match (caller.require(*needed), act) {
            (Err(problem), _) => Err(problem),
            (Ok(()), Act::Answer(tool)) => match unpanicked(name, tool.call(caller, call.arguments)).await {
                Ok(tool::Answer { output, job }) => {
                    let links = self.links(caller, job.filter(|_| call.reads_links)).await;
                    Ok(answer::linked(answer::good(output), links).into())
                }
                Err(problem) => Err(problem),
            },
            (Ok(()), Act::Submit(_)) => self.submit(&audience, name, call).await,
            (Ok(()), Act::Wait(tool)) => {
                let wait = async { Wait::new(self, tool.as_ref(), name, audience, &call, context)?.run(&call).await };
                match unpanicked(name, wait).await {
                    Err(problem) if problem.code == Code::BadRequestState => {
                        return Err(answer::protocol_error(&problem));
                    }
                    answered => answered,
                }
            }
        };
        Ok(self.told(name, answered))
    }

    /// Counts a call, logs what went wrong on our side, and makes problems results.
    fn told(&self, tool: &str, answered: Result<CallToolResponse, Problem>) -> CallToolResponse {
        let outcome = answered.as_ref().err().map_or("ok", |problem| problem.code.as_str());
        let labels =
            [("service", self.0.service.to_owned()), ("tool", tool.to_owned()), ("outcome", outcome.to_owned())];
        metrics::counter!("yonin_tool_calls_total", &labels).increment(1);
        answered.unwrap_or_else(|problem| {
            span::failed(outcome);
            if problem.status >= 500 {
                tracing::warn!(tool.name = tool, problem.code = %problem.code, problem.detail, "A tool could not answer");
            }
            answer::bad(&problem).into()
        })
    }

    async fn submit(&self, audience: &Audience, name: &str, call: Call) -> Result<CallToolResponse, Problem> {
        let (caller, jobs) = (&audience.caller, self.jobs()?);
        let (key, share) = (call.idempotency_key?, call.share.filter(|_| matches!(caller, Principal::Service(_))));
        let order = Order { key: key.as_deref(), share: share.as_deref(), input: call.arguments };
        let record = unpanicked(name, jobs.submit(caller, name, order)).await?;
        if call.wants_task {
            return Ok(CallToolResponse::Task(tasks::handle(jobs, &record, self.0.terms, audience)));
        }
        let links = self.links(caller, Some(record.id).filter(|_| call.reads_links)).await;
        Ok(answer::linked(answer::good(answer::json(&JobHandle::from(&record))), links).into())
    }

    /// Links to what there is to read of a job.
    async fn links(&self, caller: &Principal, job: Option<JobId>) -> Vec<ContentBlock> {
        match (&self.0.resources, job) {
            (Some(resources), Some(job)) => resources::links(resources.as_ref(), caller, job).await,
            _ => Vec::new(),
        }
    }

    fn resources<M: ConstString>(&self) -> Result<&dyn Resources, ErrorData> {
        self.0.resources.as_deref().ok_or_else(ErrorData::method_not_found::<M>)
    }

    fn jobs(&self) -> Result<&Jobs, Problem> {
        self.0.jobs.as_ref().ok_or_else(|| Code::NotFound.problem(format!("{} has no jobs", self.0.service)))
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        self.0.config.clone()
    }

    /// Down to 2025-03-26, the first whose endpoint is this one.
    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        const VERSIONS: &[ProtocolVersion] = &[
            ProtocolVersion::V_2025_03_26,
            ProtocolVersion::V_2025_06_18,
            ProtocolVersion::V_2025_11_25,
            ProtocolVersion::V_2026_07_28,
        ];
        Cow::Borrowed(VERSIONS)
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        context.peer.set_peer_info(request.clone());
        self.negotiate_initialize(&request).map(offer::without_sessions)
    }

    async fn discover(&self, _context: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        let versions = self.supported_protocol_versions().into_owned();
        let mut discovered = DiscoverResult::from_server_info(versions, self.get_info());
        (discovered.ttl_ms, discovered.cache_scope) = (FRESH_MS, CacheScope::Public);
        Ok(discovered)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        cursor::none(request).map_err(|problem| answer::protocol_error(&problem))?;
        Ok(self.0.listing.clone())
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        if self.0.prompts.is_empty() {
            return Err(ErrorData::method_not_found::<ListPromptsRequestMethod>());
        }
        prompts::list(&self.0.prompts, request)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        if self.0.prompts.is_empty() {
            return Err(ErrorData::method_not_found::<GetPromptRequestMethod>());
        }
        prompts::get(&self.0.prompts, request).map(Into::into)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        if self.0.config.capabilities.completions.is_none() {
            return Err(ErrorData::method_not_found::<CompleteRequestMethod>());
        }
        complete::complete(&self.0.prompts, self.0.resources.as_deref(), &caller(&context)?, request).await
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resources = self.resources::<ListResourcesRequestMethod>()?;
        resources::list(resources, &caller(&context)?, request).await
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        resources::templates(self.resources::<ListResourceTemplatesRequestMethod>()?, request)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let resources = self.resources::<ReadResourceRequestMethod>()?;
        resources::read(resources, &caller(&context)?, &request.uri).await.map(Into::into)
    }

    /// What the caller may not watch was taken out before ([`listen::admit`]).
    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        self.0.resources.as_ref().map(|_| requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let (resources, jobs) = (self.resources::<SubscriptionsListenRequestMethod>()?, self.jobs_or_error()?);
        listen::run(resources, jobs, &self.0.stopping, &context).await
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let audience = Audience::of(caller(&context)?, &context);
        let name = request.name.clone();
        let call = Call::of(request, &context);
        let span = self.span(&name, &call.arguments, &context);
        // On the heap: what tools do is deep.
        let answer = Box::pin(self.answer(audience, &name, call, &context));
        answer.instrument(span::in_log(&span)).instrument(span).await
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let (audience, id) = (Audience::of(caller(&context)?, &context), job_id(&request.task_id)?);
        let jobs = self.jobs_or_error()?;
        let record = jobs.get(&audience.caller, id).await.map_err(|it| answer::protocol_error(&it))?;
        let ended = matches!(record.status, JobStatus::Done(_) | JobStatus::Failed(_)).then_some(record.id);
        let links = self.links(&audience.caller, ended.filter(|_| reads_links(&context))).await;
        Ok(tasks::report(jobs, &record, self.0.terms, &audience, links))
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let (caller, id) = (caller(&context)?, job_id(&request.task_id)?);
        let cancelled = tasks::cancel(self.jobs_or_error()?, &caller, id).await;
        cancelled.map_err(|problem| answer::protocol_error(&problem))
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let (caller, id) = (caller(&context)?, job_id(&request.task_id)?);
        let updated = tasks::update(self.jobs_or_error()?, &caller, id, &request.input_responses).await;
        updated.map_err(|problem| answer::protocol_error(&problem))
    }
}

impl Server {
    fn jobs_or_error(&self) -> Result<&Jobs, ErrorData> {
        self.jobs().map_err(|problem| answer::protocol_error(&problem))
    }

    /// The span of a call. It continues from what the call itself says, and otherwise from the request that carries it.
    fn span(&self, name: &str, arguments: &Value, context: &RequestContext<RoleServer>) -> Span {
        let from = TraceContext::of_meta(&context.meta);
        let request = context.extensions.get::<http::request::Parts>();
        let request = request.and_then(|parts| parts.extensions.get::<TraceContext>());
        // Anybody may make up names.
        let name = if self.0.tools.contains_key(name) { name } else { "_OTHER" };
        span::tool_call(self.0.service, name, arguments, from.as_ref(), request)
    }
}

/// The endpoint. Keys, hosts, origins and body sizes were looked at before a request gets here.
pub(crate) fn endpoint<S: ServerHandler + Clone>(server: S, own: &Server, largest_body: usize) -> MethodRouter {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .disable_allowed_hosts()
        .disable_allowed_origins()
        .with_max_request_body_bytes(largest_body);
    let make = move || Ok(server.clone());
    let today = StreamableHttpService::new(make, Arc::new(NeverSessionManager::default()), config);
    match own.0.jobs.clone() {
        Some(jobs) => {
            let all = older::Endpoint::new(today, jobs, own.0.terms.question_expiry, own.0.stopping.clone());
            any(move |request| all.clone().answer(request))
        }
        // Nothing asks where there are no jobs.
        None => any_service(today),
    }
}

/// A tool that panics answers `internal`; the process goes on.
async fn unpanicked<T>(tool: &str, call: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    // What a panic leaves half done is the tool's own, and the next call starts afresh.
    AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!(tool.name = tool, "A tool panicked");
        Err(Code::Internal.problem("the tool broke off; the log says more"))
    })
}
