use crate::{Callers, Hints, Jobs, Store, Toolbox, job::Timing};
use std::{net::SocketAddr, time::Duration};
use tokio_util::sync::CancellationToken;

/// One service: its tools at `/mcp`, its own routes, `/healthz`, `/readyz`, `/metrics`, and the worker that runs its jobs.
///
/// Life: build, [`Service::bind`] (the port is known, nothing answers yet), [`Bound::start`], [`Running::stop`] (unready, claim
/// nothing, hand back, close).
pub struct Service {
    // ...
}

impl Service {
    /// A service of this name (`planner`, `host` ...) with these tools. Nobody may call it yet.
    #[must_use]
    pub fn new(_name: &'static str, _tools: Toolbox) -> Self {
        todo!()
    }

    /// Who may call it.
    #[must_use]
    pub fn callers(self, _callers: Callers) -> Self {
        todo!()
    }

    /// Where its jobs live; needed as soon as it has a long tool.
    #[must_use]
    pub fn store(self, _store: Store) -> Self {
        todo!()
    }

    /// The hints it shares with others.
    #[must_use]
    pub fn hints(self, _hints: Hints) -> Self {
        todo!()
    }

    /// How many jobs it runs at once (4 unless given), and its leases.
    #[must_use]
    pub fn worker(self, _slots: usize, _timing: Timing) -> Self {
        todo!()
    }

    /// Names under which it is reached besides loopback: cluster DNS names, public names. Others get 403.
    #[must_use]
    pub fn allowed_hosts(self, _hosts: impl IntoIterator<Item = String>) -> Self {
        todo!()
    }

    /// More tools, made with the service's jobs: short ones that look at them. They come after those given to
    /// [`Service::new`] and must not be long. Needs a store.
    #[must_use]
    pub fn short_tools(self, _tools: impl FnOnce(Jobs) -> Toolbox + Send + 'static) -> Self {
        todo!()
    }

    /// More routes, beside `/mcp`, with the caller available through the [`crate::Principal`] extractor. The function gets
    /// the service's jobs and a token that is cancelled when the service stops: streams that do not end by themselves end
    /// then. Needs a store.
    #[must_use]
    pub fn routes(self, _routes: impl FnOnce(Jobs, CancellationToken) -> axum::Router + Send + 'static) -> Self {
        todo!()
    }

    /// Takes the port.
    ///
    /// # Errors
    /// [`ServiceError::PortTaken`], or what else the system says.
    pub async fn bind(self, _address: SocketAddr) -> Result<Bound, ServiceError> {
        todo!()
    }
}

/// A service that has its port and does not answer yet.
pub struct Bound {}

impl Bound {
    /// `http://127.0.0.1:41234`.
    #[must_use]
    pub fn origin(&self) -> String {
        todo!()
    }

    /// Its jobs, when it has a store.
    #[must_use]
    pub fn jobs(&self) -> Option<&Jobs> {
        todo!()
    }

    /// Answers, and claims jobs.
    #[must_use]
    pub fn start(self) -> Running {
        todo!()
    }
}

/// A service at work.
pub struct Running {}

impl Running {
    /// `http://127.0.0.1:41234`.
    #[must_use]
    pub fn origin(&self) -> &str {
        todo!()
    }

    /// Unready at once, claims nothing more, hands running jobs back at their next checkpoint, answers what is under way, and
    /// returns when all is done or the deadline is over.
    pub async fn stop(self, _deadline: Duration) {
        todo!()
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
