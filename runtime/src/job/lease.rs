use super::{JobError, Timing, context::Drain};
use crate::{
    Store,
    store::{Claim, StoreError},
};
use futures::FutureExt as _;
use protocol::{Code, JobId};
use std::{any::Any, collections::HashSet, future::Future, panic::AssertUnwindSafe, time::Duration};
use tokio::{
    sync::broadcast::{
        Receiver,
        error::{RecvError, TryRecvError},
    },
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// The lease of one claim: renewed while work goes on, and the work's end when it can't be, when somebody cancels the job, or
/// when the worker stops.
pub(super) struct Lease {
    pub(super) store: Store,
    pub(super) claim: Claim,
    pub(super) timing: Timing,
    pub(super) drain: Drain,
    /// The drain's deadline is over.
    pub(super) give_up: CancellationToken,
    /// When it ends as far as we know, on a clock that never jumps, counted from before we asked for it: never later than
    /// the store thinks.
    pub(super) end: Instant,
    pub(super) hints: Receiver<JobId>,
    /// Whose hints came since it began.
    pub(super) heard: HashSet<JobId>,
    /// Cancelling is what the work is about.
    pub(super) cancelling: bool,
}

/// What became of work under a lease.
pub(super) enum Worked<T> {
    /// It came to its end.
    Ended(Result<T, JobError>),
    /// Somebody asked for the job's end.
    Cancelling,
    /// The claim is gone, or could not be renewed in time.
    Lost,
    /// The worker is about to stop.
    Draining,
}

impl Lease {
    /// Polls the work, and drops it as soon as the job must not go on. A panic is an error that may pass.
    pub(super) async fn over<T>(&mut self, work: impl Future<Output = Result<T, JobError>> + Send) -> Worked<T> {
        let claim = self.claim;
        tokio::select! {
            biased;
            ended = AssertUnwindSafe(work).catch_unwind() => Worked::Ended(ended.unwrap_or_else(|panic| Err(caught(claim, &*panic)))),
            worked = self.hold() => worked,
        }
    }

    /// Whether a hint about this job has come since the lease began. Hints that were missed count as come.
    pub(super) fn has_heard(&mut self, job: JobId) -> bool {
        loop {
            match self.hints.try_recv() {
                Ok(other) => _ = self.heard.insert(other),
                Err(TryRecvError::Lagged(_)) => return true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return self.heard.contains(&job),
            }
        }
    }

    /// When to let go: early enough to be gone before another worker begins.
    pub(super) fn last_moment(&self) -> Instant {
        self.end.checked_sub(self.timing.lease / 10).unwrap_or(self.end)
    }

    async fn hold<T>(&mut self) -> Worked<T> {
        let mut renewal = Instant::now() + self.timing.heartbeat;
        let mut deaf = false;
        loop {
            tokio::select! {
                () = self.drain.parked.cancelled() => return Worked::Draining,
                () = self.give_up.cancelled() => return Worked::Draining,
                () = sleep_until(self.last_moment()) => return Worked::Lost,
                hint = self.hints.recv(), if !deaf => match hint {
                    Ok(job) if job == self.claim.id => if let Some(end) = self.look().await { return end },
                    Ok(job) => _ = self.heard.insert(job),
                    Err(RecvError::Lagged(_)) => if let Some(end) = self.look().await { return end },
                    Err(RecvError::Closed) => deaf = true,
                },
                () = sleep_until(renewal) => match self.renew().await {
                    Ok(next) => renewal = next,
                    Err(end) => return end,
                },
            }
        }
    }

    /// Whether the job is still ours to go on with. A store that does not answer changes nothing: the renewal will tell.
    async fn look<T>(&self) -> Option<Worked<T>> {
        match self.store.is_cancelling(&self.claim).await {
            Ok(true) if !self.cancelling => Some(Worked::Cancelling),
            Err(StoreError::Fenced) => Some(Worked::Lost),
            _ => None,
        }
    }

    /// Renews the lease, and says when to do so again.
    async fn renew<T>(&mut self) -> Result<Instant, Worked<T>> {
        let asked = Instant::now();
        match timeout_at(self.last_moment(), self.store.renew(&self.claim, self.timing.lease)).await {
            Ok(Ok(true)) if !self.cancelling => Err(Worked::Cancelling),
            Ok(Ok(_)) => {
                self.end = asked + self.timing.lease;
                Ok(asked + self.timing.heartbeat)
            }
            Ok(Err(StoreError::Fenced)) | Err(_) => Err(Worked::Lost),
            Ok(Err(error)) => {
                tracing::warn!(job.id = %self.claim.id, error = &error as &dyn std::error::Error, "A lease could not be renewed");
                Ok(Instant::now() + (self.timing.heartbeat / 4).max(Duration::from_millis(10)))
            }
        }
    }
}

/// The panic's own words go to the log; the job's owner learns that it was our fault.
fn caught(claim: Claim, panic: &(dyn Any + Send)) -> JobError {
    let words = panic.downcast_ref::<&str>().copied();
    let words = words.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words");
    tracing::error!(job.id = %claim.id, panic = words, "A tool panicked");
    JobError::Retryable(Code::Internal.problem("The agent stumbled over a mistake of its own."))
}
