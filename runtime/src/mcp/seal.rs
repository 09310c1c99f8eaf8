//! `requestState`: what a client carries back to us with a person's answer. It goes through its hands, so it is sealed (HMAC-SHA-256
//! under a key that the replicas of an agent share): nobody can make one, change one, use somebody else's, use it for another
//! call, or use it late. That it is used once only follows from the question: one that was answered is not asked any more.

use crate::{Jobs, Principal};
use protocol::{Code, Digest, JobId, Problem, digest::canonical_json};
use rmcp::model::{RequestStateCodec, RequestStateError, SealOptions};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::OnceCell;

/// The secret's name in the store.
const SECRET: &str = "request-state";

/// Seals, and opens what was sealed.
pub(super) struct Seal {
    codec: OnceCell<RequestStateCodec>,
    lifetime: Duration,
}

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    /// By which job.
    pub(super) job: JobId,
    /// Which question.
    pub(super) question: Digest,
}

/// The call that it is bound to: who makes it, of which tool, with which arguments.
pub(super) struct Bound(Vec<u8>);

impl Bound {
    pub(super) fn to(caller: &Principal, tool: &str, arguments: &Value) -> Self {
        Self(canonical_json(&(caller.to_string(), tool, Digest::of(arguments))))
    }
}

impl Seal {
    /// Whose seals hold for so long.
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { codec: OnceCell::new(), lifetime }
    }

    /// # Errors
    /// [`Code::StoreUnavailable`].
    pub(super) async fn seal(&self, jobs: &Jobs, bound: &Bound, asked: &Asked) -> Result<String, Problem> {
        let options = SealOptions::new().associated_data(&bound.0).ttl(self.lifetime);
        self.codec(jobs).await?.seal_json_with(asked, &options).map_err(|error| broken(&error))
    }

    /// # Errors
    /// [`Code::BadRequestState`] for everything that is not exactly what [`Seal::seal`] gave for this call, not too long ago;
    /// [`Code::StoreUnavailable`].
    pub(super) async fn open(&self, jobs: &Jobs, bound: &Bound, sealed: &str) -> Result<Asked, Problem> {
        let opened = self.codec(jobs).await?.open_json_with(sealed, &bound.0);
        opened.map_err(|error| {
            let why = match error {
                RequestStateError::Expired => "it is too old: call again without it, to be asked again",
                // The same for all others: whoever tries to make one learns nothing.
                _ => "it was not made for this call: call again without it",
            };
            tracing::info!(%error, "A request state was refused");
            Code::BadRequestState.problem(why)
        })
    }

    async fn codec(&self, jobs: &Jobs) -> Result<&RequestStateCodec, Problem> {
        let make = async || {
            let secret = jobs.secret(SECRET).await?;
            RequestStateCodec::try_new(secret).map_err(|error| broken(&error))
        };
        self.codec.get_or_try_init(make).await
    }
}

fn broken(error: &RequestStateError) -> Problem {
    tracing::error!(%error, "A request state can't be made");
    Code::Internal.problem("the question can't be asked")
}
