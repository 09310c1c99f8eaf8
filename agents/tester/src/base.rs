use crate::run::World;
use protocol::{
    Problem,
    tools::{
        Epoch, PreviewRef,
        host::{self, OpenPreviewInput, Place},
        tester::VerifyInput,
    },
};
use runtime::{Job, JobError, Peer};
use std::time::Duration;

/// Opening a preview takes as long as its rows take to be copied.
const PATIENCE: Duration = Duration::from_secs(120);

/// The release before the change, in a preview of its own: the same one however often it is opened.
#[derive(Clone, Copy)]
pub(crate) struct Base<'a> {
    job: &'a Job,
    host: &'a Peer,
    input: &'a VerifyInput,
}

impl<'a> Base<'a> {
    pub(crate) fn new(job: &'a Job, host: &'a Peer, input: &'a VerifyInput) -> Self {
        Self { job, host, input }
    }

    pub(crate) fn job(&self) -> &'a Job {
        self.job
    }

    pub(crate) fn host(&self) -> &'a Peer {
        self.host
    }

    /// There is one, unless the app is new.
    pub(crate) fn exists(&self) -> bool {
        self.input.base.is_some()
    }

    /// This run's place in the order of writers.
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch { turn: self.input.turn, fence: self.job.fence() }
    }

    /// Its preview as it was left.
    pub(crate) async fn open(&self) -> Result<PreviewRef, Problem> {
        let VerifyInput { app, task, base, .. } = self.input;
        let open = OpenPreviewInput { app: app.clone(), task: *task, base: *base, epoch: self.epoch() };
        self.host.timeout(PATIENCE).call(host::OPEN_BASE_PREVIEW, &open).await
    }

    /// What there is to see in it.
    pub(crate) async fn world(&self) -> Result<World, JobError> {
        let place = Place::Preview(self.open().await?.name);
        Ok(World::open(self.host.clone(), place, self.epoch()).await?)
    }
}
