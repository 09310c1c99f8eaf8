//! What claims jobs and runs them.

use super::{
    Jobs, Timing,
    run::{Dead, Run, Stopping},
};
use crate::{
    fail,
    store::{Claimed, Cleared, Look, StoreError, Write},
};
use protocol::{Code, JobId};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::{
    sync::{
        broadcast::{
            Receiver,
            error::{RecvError, TryRecvError},
        },
        watch,
    },
    task::{JoinError, JoinHandle, JoinSet},
    time::{Instant, sleep, timeout},
};

/// How often the open jobs are counted for the metrics, at most.
const COUNTED: Duration = Duration::from_secs(5);

/// How often jobs that ended long ago are looked for.
const CLEARED: Duration = Duration::from_secs(60);

/// Hints that are remembered while every slot is taken. More than that, and the poll has to do.
const REMEMBERED: usize = 4_096;

/// Claims an agent's jobs and runs them, several at once. It looks at the store when a job is due, when a hint comes, and once
/// in a poll interval; not in between.
pub struct Worker {
    jobs: Jobs,
    name: String,
    work: Work,
    stopping: Stopping,
    hints: Receiver<JobId>,
    queue: watch::Receiver<()>,
    /// Peers' jobs that something happened to since the last claim.
    woken: HashSet<JobId>,
    runs: JoinSet<Option<JobId>>,
    measured: Option<Instant>,
    cleared: Option<Instant>,
}

/// How a worker works.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// Jobs at once.
    pub slots: usize,
    /// Leases and pauses.
    pub timing: Timing,
    /// How long jobs are kept after their end.
    pub retention: Duration,
}

/// A worker at work. Dropping it stops it where it is, like a crash.
pub struct WorkerHandle {
    stopping: Stopping,
    task: JoinHandle<()>,
}

impl Worker {
    /// Starts to claim jobs.
    #[must_use]
    pub fn start(jobs: Jobs, work: Work) -> WorkerHandle {
        let stopping = Stopping::default();
        begin_to_count(&jobs, work.slots.max(1));
        let worker = Self {
            name: format!("{}/{}/{:08x}", jobs.agent, std::process::id(), rand::random::<u32>()),
            hints: jobs.hints.subscribe(),
            queue: jobs.hints.subscribe_queue(jobs.agent),
            jobs,
            work: Work { slots: work.slots.max(1), ..work },
            stopping: stopping.clone(),
            woken: HashSet::new(),
            runs: JoinSet::new(),
            measured: None,
            cleared: None,
        };
        WorkerHandle { stopping, task: tokio::spawn(worker.work()) }
    }

    async fn work(mut self) {
        while !self.stopping.wanted.is_cancelled() {
            self.measure().await;
            let pause = match self.claim().await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(
                        agent = self.jobs.agent,
                        error = &error as &dyn std::error::Error,
                        "No job can be claimed; the store does not answer"
                    );
                    self.work.timing.poll
                }
            };
            self.clear_away().await;
            self.rest(pause).await;
        }
        while self.runs.join_next().await.is_some() {}
    }

    /// Fills the free slots with jobs that are due, and says how long until the next one is.
    async fn claim(&mut self) -> Result<Duration, StoreError> {
        // All that have ended, so that one look fills all their slots.
        while let Some(ended) = self.runs.try_join_next() {
            self.part_with(ended);
        }
        let free = self.work.slots.saturating_sub(self.runs.len());
        if free == 0 {
            return Ok(self.work.timing.poll);
        }
        // New jobs from here on are seen by the next look.
        self.queue.mark_unchanged();
        let woken: Vec<_> = self.woken.iter().copied().collect();
        fail::point("claim.before", self.jobs.agent);
        let asked = Instant::now();
        let Look { claimed, next } = self.jobs.store.claim(&self.name, self.work.timing.lease, free, &woken).await?;
        self.woken.clear();
        metrics::counter!("yonin_jobs_claimed_total", "agent" => self.jobs.agent).increment(claimed.len() as u64);
        // What was due and could not be claimed is in another replica's hands, or of another version.
        let next = next.filter(|next| !next.is_zero()).unwrap_or(self.work.timing.poll);
        let pause = if claimed.is_empty() { next.min(self.work.timing.poll) } else { Duration::ZERO };
        for claimed in claimed {
            fail::point("claim.after", &claimed.record.tool);
            match self.jobs.tools.get(claimed.record.tool.as_str()).map(Arc::clone) {
                Some(tool) => {
                    let run = Run::new(&self.jobs, tool, claimed, self.work.timing, &self.stopping, asked);
                    self.runs.spawn(run.go());
                }
                None => self.put_back(&claimed).await?,
            }
        }
        Ok(pause)
    }

    /// A job for a tool that this replica doesn't know is left to another, of another version.
    async fn put_back(&self, claimed: &Claimed) -> Result<(), StoreError> {
        tracing::error!(job.id = %claimed.record.id, job.tool = claimed.record.tool, "There is no such tool here");
        let write = Write::RetryCleanup { after: self.work.timing.lease, failures: claimed.failures };
        self.jobs.store.write(&claimed.claim, &write).await
    }

    /// Returns when there may be something to claim.
    async fn rest(&mut self, pause: Duration) {
        if pause.is_zero() && self.runs.len() < self.work.slots {
            return;
        }
        tokio::select! {
            () = self.stopping.wanted.cancelled() => {}
            Some(ended) = self.runs.join_next(), if !self.runs.is_empty() => self.part_with(ended),
            hint = self.hints.recv() => self.hear(hint),
            _ = self.queue.changed() => {}
            () = sleep(pause) => {}
        }
    }

    /// A run has ended; the peer's job that it wants to look at again is remembered.
    fn part_with(&mut self, ended: Result<Option<JobId>, JoinError>) {
        match ended {
            Ok(peer) => self.woken.extend(peer),
            Err(error) => tracing::error!(%error, "A run broke off; its job will be taken up when the lease ends"),
        }
    }

    /// Remembers this hint, and all that have come with it.
    fn hear(&mut self, hint: Result<JobId, RecvError>) {
        let mut next = hint.map_err(|_| TryRecvError::Empty);
        loop {
            match next {
                Ok(job) if self.woken.len() < REMEMBERED => _ = self.woken.insert(job),
                // What was missed is made good by the next poll.
                Ok(_) | Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
            next = self.hints.try_recv();
        }
    }

    /// Removes jobs that ended long ago, some at a time; at once again when there are more.
    async fn clear_away(&mut self) {
        if self.cleared.is_some_and(|at| at.elapsed() < CLEARED) {
            return;
        }
        match self.jobs.store.clear_away(self.work.retention).await {
            Ok(Cleared::Some) => {}
            Ok(Cleared::All) => self.cleared = Some(Instant::now()),
            Err(error) => {
                self.cleared = Some(Instant::now());
                tracing::warn!(error = &error as &dyn std::error::Error, "Old jobs can't be cleared away; later again");
            }
        }
    }

    /// Tells how much there is to do, also while every slot is taken: that is when others must know.
    async fn measure(&mut self) {
        if self.measured.is_some_and(|at| at.elapsed() < COUNTED) {
            return;
        }
        self.measured = Some(Instant::now());
        let (load, agent) = (self.jobs.store.load().await, self.jobs.agent);
        metrics::gauge!("yonin_store_up", "agent" => agent).set(f64::from(u8::from(load.is_ok())));
        let load = match load {
            Ok(load) => load,
            Err(error) => {
                tracing::warn!(agent, error = &error as &dyn std::error::Error, "The open jobs can't be counted");
                return;
            }
        };
        let states = [
            ("queued", load.queued),
            ("blocked", load.blocked),
            ("running", load.running),
            ("waiting", load.waiting),
            ("asking", load.asking),
            ("in_doubt", load.in_doubt),
        ];
        for (state, jobs) in states {
            metrics::gauge!("yonin_jobs", "agent" => agent, "state" => state).set(jobs as f64);
        }
        metrics::gauge!("yonin_queue_age_seconds", "agent" => agent).set(load.oldest.as_secs_f64());
    }
}

/// Counts from nothing on what an alert waits for: who sees a counter for the first time does not see that it grew.
fn begin_to_count(jobs: &Jobs, slots: usize) {
    let agent = jobs.agent;
    metrics::gauge!("yonin_slots", "agent" => agent).set(slots as f64);
    for &tool in jobs.tools.keys() {
        for reason in [Dead::Failures, Dead::LostLeases] {
            reason.count(agent, tool, 0);
        }
        metrics::counter!("yonin_jobs_lost_total", "tool" => tool).increment(0);
        let code = Code::BudgetExhausted.as_str();
        metrics::counter!("yonin_jobs_failed_total", "agent" => agent, "tool" => tool, "code" => code).increment(0);
    }
}

impl WorkerHandle {
    /// Claims nothing more, hands running jobs back at their next checkpoint or effect, those that reach none when the
    /// deadline is over, and returns when nothing runs.
    pub async fn drain(mut self, deadline: Duration) {
        self.stopping.wanted.cancel();
        // What is left when the deadline is near still has to be handed back.
        let patience = deadline.mul_f64(0.8);
        if timeout(patience, &mut self.task).await.is_ok() {
            return;
        }
        self.stopping.give_up.cancel();
        if timeout(deadline - patience, &mut self.task).await.is_err() {
            tracing::error!("Jobs could not be handed back in time; their leases will end");
        }
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}
