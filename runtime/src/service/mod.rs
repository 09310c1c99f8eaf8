//! One service: its port, its tools, its jobs' worker, from start to stop.

mod access;
mod challenge;
mod guard;
pub(crate) mod hosts;
mod limit;
mod listen;
mod ready;
mod record;
mod routes;
mod signal;

pub use access::Need;
pub use limit::{Limits, Rate};
pub use ready::ready;
pub use signal::{run_until_signal, told_to_stop};

use crate::{
    Callers, Hints, Jobs, Keys, Store, Toolbox,
    credentials::Authority,
    http::BodyLimit,
    job::{
        Timing,
        worker::{Work, Worker, WorkerHandle},
    },
    mcp::{self, Overlay, Server, Terms},
    telemetry,
    tool::Act,
};
use access::Access;
use axum::{Extension, Router};
use futures::{FutureExt as _, future::BoxFuture};
use guard::Guard;
use hosts::Hosts;
use routes::Health;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::{net::TcpListener, task::AbortHandle, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

/// How many jobs may be queued, unless told.
const LONGEST_QUEUE: u64 = 100_000;

/// How long jobs are kept after their end, unless told.
const RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long a person may take to answer a form, unless told.
const QUESTION_EXPIRY: Duration = Duration::from_secs(600);

type MoreTools = Box<dyn FnOnce(Jobs) -> Toolbox + Send>;
type MoreRoutes = Box<dyn FnOnce(Jobs, CancellationToken) -> Router + Send>;

/// One service: its tools at `/mcp`, its own routes, `/healthz`, `/readyz`, `/metrics`, and the worker that runs its jobs.
///
/// Life: build, [`Service::bind`] (the port is known, nothing answers yet), [`Bound::start`], [`Running::stop`] (unready, claim
/// nothing, hand back, close).
pub struct Service {
    name: &'static str,
    tools: Toolbox,
    more_tools: Vec<MoreTools>,
    routes: Vec<MoreRoutes>,
    callers: Callers,
    keys: Option<Keys>,
    hosts: Hosts,
    public: Option<String>,
    metrics: Option<SocketAddr>,
    access: Access,
    limits: Limits,
    body_limit: Option<BodyLimit>,
    larger_bodies: Vec<(&'static str, BodyLimit)>,
    store: Option<Store>,
    hints: Hints,
    slots: usize,
    timing: Timing,
    longest_queue: u64,
    retention: Duration,
    question_expiry: Duration,
    upkeep: Vec<BoxFuture<'static, ()>>,
    stopping: CancellationToken,
    overlay: Option<Overlay>,
}

impl Service {
    /// A service of this name (`planner`, `host` ...) with these tools. Nobody may call it yet.
    #[must_use]
    pub fn new(name: &'static str, tools: Toolbox) -> Self {
        Self {
            name,
            tools,
            more_tools: Vec::new(),
            routes: Vec::new(),
            callers: Callers::nobody(),
            keys: None,
            hosts: Hosts::loopback(),
            public: None,
            metrics: None,
            access: Access::default().and(challenge::needs()),
            limits: Limits::default(),
            body_limit: None,
            larger_bodies: Vec::new(),
            store: None,
            hints: Hints::in_process(),
            slots: 4,
            timing: Timing::default(),
            longest_queue: LONGEST_QUEUE,
            retention: RETENTION,
            question_expiry: QUESTION_EXPIRY,
            upkeep: Vec::new(),
            stopping: CancellationToken::new(),
            overlay: None,
        }
    }

    /// Who may call it.
    #[must_use]
    pub fn callers(mut self, callers: Callers) -> Self {
        self.callers = callers;
        self
    }

    /// Whom its store knows besides: people with API keys that were made there.
    #[must_use]
    pub fn keys(mut self, keys: Keys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Where people reach it (`https://yonin.example.com`), when a proxy stands before it. The name is allowed, and refused callers are
    /// sent there. Unless given: where each request says it was sent to, over plain HTTP.
    #[must_use]
    pub fn public_url(mut self, origin: String) -> Self {
        let host = origin.split_once("://").map(|(_, host)| host.to_owned());
        self.hosts = self.hosts.and(host);
        self.public = Some(origin);
        self
    }

    /// One more address, where there is nothing but `/metrics`: for a network in which only that shall be reached.
    #[must_use]
    pub fn metrics_at(mut self, address: SocketAddr) -> Self {
        self.metrics = Some(address);
        self
    }

    /// How fast people may ask, at each replica. Who is faster gets 429.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where its jobs live; needed as soon as it has a long tool.
    #[must_use]
    pub fn store(mut self, store: Store) -> Self {
        self.store = Some(store);
        self
    }

    /// The hints it shares with others.
    #[must_use]
    pub fn hints(mut self, hints: Hints) -> Self {
        self.hints = hints;
        self
    }

    /// How many jobs it runs at once (4 unless given), and its leases.
    #[must_use]
    pub fn worker(mut self, slots: usize, timing: Timing) -> Self {
        (self.slots, self.timing) = (slots, timing);
        self
    }

    /// How many jobs may be queued (100,000 unless given). Who wants more gets 429.
    #[must_use]
    pub fn longest_queue(mut self, jobs: u64) -> Self {
        self.longest_queue = jobs;
        self
    }

    /// How long jobs are kept after their end (30 days unless given), with their events and artifacts.
    #[must_use]
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// How long a person may take to answer a form that an MCP client shows (10 minutes unless given). Who takes longer is asked
    /// again; the job itself waits for as long as it takes.
    #[must_use]
    pub fn question_expiry(mut self, expiry: Duration) -> Self {
        self.question_expiry = expiry;
        self
    }

    /// Names under which it is reached besides loopback: cluster DNS names, public names. Others get 403.
    #[must_use]
    pub fn allowed_hosts(mut self, hosts: impl IntoIterator<Item = String>) -> Self {
        self.hosts = self.hosts.and(hosts);
        self
    }

    /// The largest body that anybody may send it, in bytes. Unless given: 1 MiB for people, 64 MiB for services.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = Some(BodyLimit(bytes));
        self
    }

    /// To this route (`/v1/things/{id}/files`) people who are known may send bodies of so many bytes.
    #[must_use]
    pub fn larger_body(mut self, route: &'static str, bytes: usize) -> Self {
        self.larger_bodies.push((route, BodyLimit(bytes)));
        self
    }

    /// More to offer, made with the service's jobs: short tools that look at them, prompts, resources. They come after those
    /// given to [`Service::new`]; no tool may be long. Needs a store.
    #[must_use]
    pub fn with_jobs(mut self, more: impl FnOnce(Jobs) -> Toolbox + Send + 'static) -> Self {
        self.more_tools.push(Box::new(more));
        self
    }

    /// More routes, beside `/mcp`, and what each of them needs: one that is not in this list answers nobody. They have the caller available
    /// through the [`crate::Principal`] extractor. The function gets the service's jobs and a token that is cancelled when the service stops: streams that do not end by themselves end
    /// then. Needs a store.
    #[must_use]
    pub fn routes(
        mut self,
        needs: impl IntoIterator<Item = Need>,
        routes: impl FnOnce(Jobs, CancellationToken) -> Router + Send + 'static,
    ) -> Self {
        self.access = self.access.and(needs);
        self.routes.push(Box::new(routes));
        self
    }

    /// Something to do beside all else, from start to stop.
    #[must_use]
    pub fn upkeep(mut self, task: impl Future<Output = ()> + Send + 'static) -> Self {
        self.upkeep.push(Box::pin(task));
        self
    }

    /// Something else that answers MCP requests, made over the service's own server: what it does not know it hands on. Keys, hosts
    /// and bodies are looked at before.
    #[cfg(feature = "overlays")]
    #[must_use]
    pub fn overlay<H: rmcp::ServerHandler + Clone>(mut self, over: impl FnOnce(Server) -> H + Send + 'static) -> Self {
        self.overlay = Some(Box::new(|own, largest_body| mcp::endpoint(over(own.clone()), &own, largest_body)));
        self
    }

    /// A token that is cancelled when the service stops: tools that wait for something answer then.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Takes the port.
    ///
    /// # Errors
    /// [`ServiceError::PortTaken`], [`ServiceError::NoStore`], or what else the system says.
    pub async fn bind(self, address: SocketAddr) -> Result<Bound, ServiceError> {
        let has_long = self.tools.tools.iter().any(|entry| matches!(entry.act, Act::Submit(_)));
        if self.store.is_none() && (has_long || !self.more_tools.is_empty() || !self.routes.is_empty()) {
            return Err(ServiceError::NoStore);
        }
        let listener = take(address).await?;
        let metrics = match self.metrics {
            Some(address) => Some(take(address).await?),
            None => None,
        };
        let origin = format!("http://{}", reachable(listener.local_addr()?));
        let stopping = self.stopping;
        let long_tools = self.tools.long_tools();
        let jobs = self
            .store
            .map(|store| Jobs::new(store, self.name, long_tools, self.hints.clone(), self.timing, self.longest_queue));
        let (mut tools, mut own) = (self.tools, Router::new());
        if let Some(jobs) = &jobs {
            tools = self.more_tools.into_iter().fold(tools, |tools, more| tools.and(more(jobs.clone())));
            own = self.routes.into_iter().fold(own, |own, more| own.merge(more(jobs.clone(), stopping.clone())));
        }
        let authorities = [Authority::Configuration(self.callers)].into_iter().chain(self.keys.map(Authority::Keys));
        let guard = Guard::new(authorities.collect(), self.hosts, self.access, self.limits);
        let (public, body_limit, larger_bodies) = (self.public, self.body_limit, self.larger_bodies);
        let guard = Guard { public, body_limit, larger_bodies, ..guard };
        let terms = Terms { poll: self.timing.poll, retention: self.retention, question_expiry: self.question_expiry };
        let mcp = Server::new(self.name, tools, jobs.clone(), terms, stopping.clone());
        let endpoint = match self.overlay {
            Some(overlay) => overlay(mcp.clone(), guard.largest_body()),
            None => mcp::endpoint(mcp.clone(), &mcp, guard.largest_body()),
        };
        let health = Health { jobs: jobs.clone(), stopping: stopping.clone() };
        let router = routes::router(self.name, own, (mcp, endpoint), guard, health);
        let work = has_long.then_some(Work { slots: self.slots, timing: self.timing, retention: self.retention });
        Ok(Bound { name: self.name, listener, metrics, origin, router, jobs, work, upkeep: self.upkeep, stopping })
    }
}

/// A service that has its port and does not answer yet.
pub struct Bound {
    name: &'static str,
    listener: TcpListener,
    metrics: Option<TcpListener>,
    origin: String,
    router: Router,
    jobs: Option<Jobs>,
    work: Option<Work>,
    upkeep: Vec<BoxFuture<'static, ()>>,
    stopping: CancellationToken,
}

impl Bound {
    /// `http://127.0.0.1:41234`.
    #[must_use]
    pub fn origin(&self) -> String {
        self.origin.clone()
    }

    /// Its jobs, when it has a store.
    #[must_use]
    pub fn jobs(&self) -> Option<&Jobs> {
        self.jobs.as_ref()
    }

    /// What it answers to requests that come by another way than its port, from this address. Its jobs are not run.
    pub fn router(&self, from: IpAddr) -> Router {
        self.router.clone().layer(Extension(guard::From(from)))
    }

    /// Answers, and claims jobs.
    #[must_use]
    pub fn start(self) -> Running {
        // Before the first request, so that it is counted.
        telemetry::recorder();
        metrics::gauge!("yonin_waiting_calls", "service" => self.name).set(0.0);
        let closing = CancellationToken::new();
        let worker = self.jobs.zip(self.work).map(|(jobs, work)| Worker::start(jobs, work));
        let server = tokio::spawn(listen::serve(self.listener, self.router, closing.clone()));
        let metrics = self.metrics.map(|listener| listen::serve(listener, routes::metrics_alone(), closing.clone()));
        let upkeep =
            self.upkeep.into_iter().chain([telemetry::keep_up().boxed()]).chain(metrics.map(|serving| serving.boxed()));
        let upkeep = upkeep.map(|task| tokio::spawn(task).abort_handle()).collect();
        tracing::info!(service = self.name, service.origin = self.origin, "Answering");
        Running { name: self.name, origin: self.origin, server, upkeep, worker, stopping: self.stopping, closing }
    }
}

/// A service at work. Dropping it closes its port and its connections at once; its jobs are taken over when their leases end.
pub struct Running {
    name: &'static str,
    origin: String,
    server: JoinHandle<()>,
    upkeep: Vec<AbortHandle>,
    worker: Option<WorkerHandle>,
    stopping: CancellationToken,
    closing: CancellationToken,
}

impl Running {
    /// `http://127.0.0.1:41234`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Unready at once, claims nothing more, hands running jobs back at their next checkpoint, answers what is under way, and
    /// returns when all is done or the deadline is over.
    pub async fn stop(mut self, deadline: Duration) {
        let until = Instant::now() + deadline;
        self.stopping.cancel();
        if let Some(worker) = self.worker.take() {
            // Requests that are under way get the rest.
            worker.drain(deadline - (deadline / 10).min(Duration::from_secs(2))).await;
        }
        self.closing.cancel();
        if tokio::time::timeout_at(until, &mut self.server).await.is_err() {
            tracing::warn!(
                service = self.name,
                "Requests were still under way at the deadline; their connections are closed"
            );
            self.server.abort();
            // The port is free, and every connection closed, only when the task has ended.
            let _ = (&mut self.server).await;
        }
        tracing::info!(service = self.name, "Stopped");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopping.cancel();
        self.server.abort();
        self.upkeep.iter().for_each(AbortHandle::abort);
    }
}

async fn take(address: SocketAddr) -> Result<TcpListener, ServiceError> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => ServiceError::PortTaken(address),
        _ => ServiceError::Io(error),
    })
}

/// The address others on this machine reach it at: one that listens everywhere is reached on loopback, too.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => SocketAddr::from(([127, 0, 0, 1], v4.port())),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], v6.port())),
        other => other,
    }
}

/// Why a service could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Somebody else listens there.
    #[error("the port of {0} is taken")]
    PortTaken(SocketAddr),
    /// It has long tools, or tools or routes that look at jobs, and no store to keep jobs in.
    #[error("the service needs a store")]
    NoStore,
    /// Something else.
    #[error("cannot listen")]
    Io(#[from] std::io::Error),
}
