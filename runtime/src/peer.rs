use crate::Credential;
use protocol::{Code, JobId, Problem};
use serde::{Serialize, de::DeserializeOwned};

/// Another service, called over MCP 2026-07-28 with this service's own credential. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Peer {
    // url, credential, connection, the code for "does not answer"
}

/// Where a peer's job stands.
#[derive(Debug, Clone, PartialEq)]
pub enum PeerState<O> {
    /// It is queued, running or waiting.
    Working {
        /// What it is doing, in a sentence.
        message: Option<String>,
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
    pub fn new(_origin: &str, _credential: Credential, _unavailable: Code) -> Self {
        todo!()
    }

    /// Calls a short tool.
    ///
    /// # Errors
    /// The tool's own problem, or `unavailable`.
    pub async fn call<I: Serialize, O: DeserializeOwned>(&self, _tool: &str, _input: &I) -> Result<O, Problem> {
        todo!()
    }

    /// Starts a long tool. The same key is the same job, however often it is started.
    ///
    /// # Errors
    /// The tool's refusal, or `unavailable`; then it is not known whether the job exists: start it again with the same key.
    pub async fn start<I: Serialize>(&self, _tool: &str, _idempotency_key: &str, _input: &I) -> Result<JobId, Problem> {
        todo!()
    }

    /// Asks where a job stands.
    ///
    /// # Errors
    /// `unavailable`, or [`Code::NotFound`].
    pub async fn poll<O: DeserializeOwned>(&self, _job: JobId) -> Result<PeerState<O>, Problem> {
        todo!()
    }

    /// Asks for a job to be cancelled. A job that has ended is no error.
    ///
    /// # Errors
    /// `unavailable`, or [`Code::Releasing`] when it can't be cancelled any more.
    pub async fn cancel(&self, _job: JobId) -> Result<(), Problem> {
        todo!()
    }
}
