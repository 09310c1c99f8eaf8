use crate::CoderConfig;
use protocol::{Code, Problem};
use runtime::{Job, JobError, Peer, Principal, job::Probe};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// Staging copies a schema and migrating alters one: the host may take this long.
const PATIENCE: Duration = Duration::from_secs(300);

/// The environment's host, as the Coder uses it. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Host(Peer);

impl Host {
    pub(crate) fn new(config: &CoderConfig) -> Self {
        let peer = Peer::new(&config.host, config.credential.clone(), Code::HostUnavailable);
        Self(peer.timeout(PATIENCE))
    }

    pub(crate) async fn call<I: Serialize + Sync, O: DeserializeOwned>(
        &self,
        tool: &str,
        input: &I,
    ) -> Result<O, Problem> {
        self.0.call(tool, input).await
    }

    /// One act on the environment, once, whatever becomes of this run. `what` is the act without the epoch: a later run has a
    /// higher fence and still means the same act.
    pub(crate) async fn effect<I, O>(
        &self,
        job: &Job,
        key: &str,
        what: &(impl Serialize + Sync),
        tool: &str,
        input: &I,
    ) -> Result<O, JobError>
    where
        I: Serialize + Sync,
        O: Serialize + DeserializeOwned + Send,
    {
        // The host answers a repeated call with what the first one did, so there is nothing to ask before doing it again.
        let probe = std::future::ready(Ok(Probe::NotDone));
        let act = async { Ok(self.call(tool, input).await?) };
        job.effect(key, what, probe, act).await
    }
}

/// Only the Planner orders changes: it alone counts the turns that keep writers in order.
///
/// # Errors
/// [`Code::Forbidden`] for everybody else.
pub(crate) fn planner_only(caller: &Principal) -> Result<(), Problem> {
    match caller {
        Principal::Service(name) if name == "planner" => Ok(()),
        _ => Err(Code::Forbidden.problem("only the Planner orders changes to an app")),
    }
}
