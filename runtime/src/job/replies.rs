//! What clients are asked in the middle of a call. A reply comes in a request of its own, to any replica, and finds the call that
//! waits for it through the store. It stays there until the call has made use of it: what was acknowledged is not lost with a process.

use super::{Jobs, unavailable};
use crate::Principal;
use protocol::{Code, Digest, JobId, Problem};
use serde_json::Value;

/// The longest reply, in bytes: a form that a person has filled in.
const LONGEST: usize = 64 * 1024;

impl Jobs {
    /// Notes that the caller's client is asked about this. Gives the id that it has to reply under, which nobody can guess.
    pub(crate) async fn ask(&self, caller: &Principal, subject: &Digest) -> Result<JobId, Problem> {
        self.store.insert_ask(caller, subject).await.map_err(unavailable)
    }

    /// Takes a client's reply down, for the call that waits for it, or for the next that asks the same.
    ///
    /// # Errors
    /// [`Code::BadRequest`] when the caller was asked nothing under this id, or has given another reply; [`Code::BodyTooLarge`].
    pub(crate) async fn take_down(&self, caller: &Principal, id: JobId, reply: &Value) -> Result<(), Problem> {
        let reply = reply.to_string();
        if reply.len() > LONGEST {
            return Err(Code::BodyTooLarge.problem(format!("a reply has at most {LONGEST} bytes")));
        }
        if !self.store.note_reply(id, caller, &reply).await.map_err(unavailable)? {
            return Err(Code::BadRequest.problem("you were asked nothing under that id, or have answered"));
        }
        self.hints.send(id);
        Ok(())
    }

    /// What was replied under this id, if anything was.
    pub(crate) async fn reply_under(&self, id: JobId) -> Result<Option<Value>, Problem> {
        let reply = self.store.reply_under(id).await.map_err(unavailable)?;
        reply.map(|text| read(&text)).transpose()
    }

    /// What the caller replied about this to calls that had ended before.
    pub(crate) async fn replies_about(
        &self,
        caller: &Principal,
        subject: &Digest,
    ) -> Result<Vec<(JobId, Value)>, Problem> {
        let replies = self.store.replies_about(caller, subject).await.map_err(unavailable)?;
        replies.into_iter().map(|(id, text)| Ok((id, read(&text)?))).collect()
    }

    /// Forgets a reply that was made use of.
    pub(crate) async fn forget_ask(&self, id: JobId) -> Result<(), Problem> {
        self.store.forget_ask(id).await.map_err(unavailable)
    }
}

fn read(text: &str) -> Result<Value, Problem> {
    serde_json::from_str(text).map_err(|error| unavailable(error.into()))
}
