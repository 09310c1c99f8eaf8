//! What clients are asked in the middle of a call. A reply comes in a request of its own, to any replica, and finds the call that
//! waits for it through the store.

use super::{Jobs, unavailable};
use crate::Principal;
use protocol::{Code, Digest, JobId, Problem};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// Without a hint, a reply is looked for this often.
const LOOK: Duration = Duration::from_millis(500);

impl Jobs {
    /// Notes that the caller's client is asked about this. Gives the id that it has to reply under, which nobody can guess.
    pub(crate) async fn ask(&self, caller: &Principal, subject: &Digest) -> Result<JobId, Problem> {
        let id = JobId::from_bytes(Uuid::new_v4().into_bytes());
        self.store.insert_ask(id, caller, subject).await.map_err(unavailable)?;
        Ok(id)
    }

    /// Takes a client's reply down, for the call that waits for it, or for the next that asks the same.
    ///
    /// # Errors
    /// [`Code::BadRequest`] when the caller was asked nothing under this id, or has replied.
    pub(crate) async fn take_down(&self, caller: &Principal, id: JobId, reply: &Value) -> Result<(), Problem> {
        if !self.store.note_reply(id, caller, &reply.to_string()).await.map_err(unavailable)? {
            return Err(Code::BadRequest.problem("you were asked nothing under that id, or have answered"));
        }
        self.hints.send(id);
        Ok(())
    }

    /// A reply to this subject that has come already: to a call that ended before it did.
    pub(crate) async fn reply_about(&self, caller: &Principal, subject: &Digest) -> Result<Option<Value>, Problem> {
        let reply = self.store.take_reply(caller, subject).await.map_err(unavailable)?;
        reply.map(|text| serde_json::from_str(&text).map_err(|error| unavailable(error.into()))).transpose()
    }

    /// The same, waited for until then. `None`: nobody replied.
    pub(crate) async fn reply_until(
        &self,
        until: Instant,
        caller: &Principal,
        id: JobId,
        subject: &Digest,
    ) -> Result<Option<Value>, Problem> {
        loop {
            let changed = self.changed_within(id, LOOK.min(until.saturating_duration_since(Instant::now())));
            if let Some(reply) = self.reply_about(caller, subject).await? {
                return Ok(Some(reply));
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            changed.await;
        }
    }
}
