use super::{
    Job, JobError, Resolution,
    context::refused,
    erased::{read, written},
};
use crate::{
    fail,
    store::{Effect, Intent, Outcome, Write},
};
use protocol::{Code, Problem};
use serde::{Serialize, de::DeserializeOwned};
use std::future::Future;

/// What a look at the world says about an act that may have taken place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe<T> {
    /// It did, and this came of it.
    Done(T),
    /// It did not, or doing it again does no more than once.
    NotDone,
    /// Nobody can tell.
    Unknown,
}

impl Job {
    /// Acts on the outside world exactly once: the intent is stored before `act` is polled, the outcome after. When an earlier
    /// run left an outcome, that is the answer. When it left only the intent, `probe` says whether the act took place.
    ///
    /// Both futures are lazy: only the one that is needed is polled.
    ///
    /// # Errors
    /// What `probe` or `act` says (a terminal error of `act` is an outcome, too), [`JobError::InDoubt`], [`JobError::Lost`].
    pub async fn effect<T: Serialize + DeserializeOwned + Send>(
        &self,
        key: &str,
        request: &(impl Serialize + Sync),
        probe: impl Future<Output = Result<Probe<T>, JobError>> + Send,
        act: impl Future<Output = Result<T, JobError>> + Send,
    ) -> Result<T, JobError> {
        self.park_if_draining().await;
        fail::point("intent.before", key);
        let intent = Effect { key: key.to_owned(), request: written("request", request)? };
        let known = self.store.intend(&self.claim, &intent).await.map_err(refused)?;
        fail::point("intent.after", key);
        match known {
            Intent::Ended(Outcome::Done(value)) => return read("outcome", value),
            Intent::Ended(Outcome::Failed(problem)) => return Err(JobError::Terminal(problem)),
            Intent::New => {}
            Intent::Open => match probe.await? {
                Probe::Done(value) => return self.conclude(key, Ok(value)).await,
                Probe::NotDone => {}
                Probe::Unknown => match self.resolution() {
                    Some(Resolution::Again) => {}
                    Some(Resolution::GiveUp) => return Err(JobError::Terminal(in_doubt(key))),
                    None => return Err(JobError::InDoubt(in_doubt(key))),
                },
            },
        }
        let acted = act.await;
        fail::point("effect.after", key);
        self.conclude(key, acted).await
    }

    /// Stores what came of an act. After an error that may pass, the intent stays open and the next run probes.
    async fn conclude<T: Serialize>(&self, key: &str, result: Result<T, JobError>) -> Result<T, JobError> {
        let outcome = match &result {
            Ok(value) => Outcome::Done(written("outcome", value)?),
            Err(JobError::Terminal(problem)) => Outcome::Failed(problem.clone()),
            Err(_) => return result,
        };
        self.write(&Write::Outcome { key: key.to_owned(), outcome }).await?;
        fail::point("outcome.after", key);
        result
    }
}

fn in_doubt(key: &str) -> Problem {
    Code::InDoubt.problem(format!("Nobody can tell whether \u{201c}{key}\u{201d} took place."))
}
