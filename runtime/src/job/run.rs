//! One claim, from its beginning to what becomes of the job.

use super::{
    Job, JobError, Jobs, Resolution, Step, Timing, Wait,
    context::Drain,
    erased::ErasedLongTool,
    lease::{Lease, Worked},
};
use crate::{
    fail,
    store::{Claimed, End, Pause, StoreError, Write},
    telemetry::span,
};
use protocol::{Code, JobId, Problem};
use rand::RngExt as _;
use serde_json::Value;
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// No pause after an error is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A job that is looked at in vain is looked at more and more seldom, down to once in this many poll intervals.
const RAREST_POLL: f64 = 60.0;

/// A claimed job and the tool that runs it.
pub(super) struct Run {
    agent: &'static str,
    job: Job,
    tool: Arc<dyn ErasedLongTool>,
    claimed: Claimed,
    timing: Timing,
    lease: Lease,
    /// It was tried often enough.
    dead: Option<Dead>,
}

/// Why a job is not tried again.
#[derive(Debug, Clone, Copy)]
pub(super) enum Dead {
    /// Errors in a row that might have passed.
    Failures,
    /// Workers that died, or fell silent.
    LostLeases,
}

impl Dead {
    /// Counts so many more.
    pub(super) fn count(self, agent: &'static str, tool: &'static str, jobs: u64) {
        let reason = match self {
            Self::Failures => "failures",
            Self::LostLeases => "lost_leases",
        };
        metrics::counter!("yonin_jobs_dead_total", "agent" => agent, "tool" => tool, "reason" => reason)
            .increment(jobs);
    }
}

/// What a run must do next.
enum Next {
    /// Store this, and let go.
    Settle(Write),
    /// Clean up after a cancelled job.
    CleanUp,
    /// Stop without a trace.
    Vanish,
}

impl Run {
    pub(super) fn new(
        jobs: &Jobs,
        tool: Arc<dyn ErasedLongTool>,
        claimed: Claimed,
        timing: Timing,
        stopping: &Stopping,
        asked: Instant,
    ) -> Self {
        let drain = Drain { wanted: stopping.wanted.clone(), parked: CancellationToken::new() };
        let lease = Lease {
            store: jobs.store.clone(),
            claim: claimed.claim,
            timing,
            drain: drain.clone(),
            give_up: stopping.give_up.clone(),
            end: asked + timing.lease,
            hints: jobs.hints.subscribe(),
            heard: HashSet::new(),
            cancelling: claimed.cancelling,
        };
        Self {
            job: Job::new(jobs, tool.name(), &claimed, drain),
            tool,
            claimed,
            timing,
            lease,
            dead: None,
            agent: jobs.agent,
        }
    }

    /// Runs the job, and says which peer's job it should look at again at once, if any.
    pub(super) async fn go(self) -> Option<JobId> {
        let (record, from) = (&self.claimed.record, self.claimed.trace.as_ref());
        let span = span::run(self.agent, self.tool.name(), record, from);
        self.work().instrument(span::in_log(&span)).instrument(span).await
    }

    async fn work(mut self) -> Option<JobId> {
        let mut next = self.begin().await;
        loop {
            next = match next {
                Next::CleanUp => self.clean_up().await,
                Next::Vanish => {
                    tracing::warn!(job.id = %self.job.id(), job.fence = self.job.fence(), "A worker lost a job");
                    metrics::counter!("yonin_jobs_lost_total", "tool" => self.tool.name()).increment(1);
                    span::attribute("job.ended", "lost");
                    return None;
                }
                Next::Settle(write) => match self.settle(&write).await {
                    // A hint that came before the wait was stored found nobody waiting.
                    Ok(()) => return awaited(&write).filter(|peer| self.lease.has_heard(*peer)),
                    Err(StoreError::Cancelling) => Next::CleanUp,
                    Err(_) => Next::Vanish,
                },
            }
        }
    }

    async fn begin(&mut self) -> Next {
        if self.claimed.cancelling {
            return Next::CleanUp;
        }
        if self.claimed.committed && self.job.resolution() == Some(Resolution::GiveUp) {
            return self.fail(Code::InDoubt.problem("What was begun may have taken place; it was given up.")).await;
        }
        if self.claimed.lost_leases >= self.timing.max_lost_leases {
            let lost = Code::WorkerLost.problem("Every worker that took the job died or fell silent.");
            return self.give_up(lost, Dead::LostLeases).await;
        }
        let record = &mut self.claimed.record;
        let work = self.tool.run(&self.job, record.input.clone(), record.checkpoint.take());
        match self.lease.over(work).await {
            Worked::Ended(Ok(Step::Done(output, events))) => {
                Next::Settle(Write::End { end: End::Done(output), events })
            }
            Worked::Ended(Ok(Step::Wait(checkpoint, wait))) => Next::Settle(self.wait(checkpoint, wait)),
            Worked::Ended(Err(error)) => self.stumble(error).await,
            Worked::Cancelling => Next::CleanUp,
            Worked::Draining => Next::Settle(Write::HandBack),
            Worked::Lost => Next::Vanish,
        }
    }

    fn wait(&self, checkpoint: Value, wait: Wait) -> Write {
        let pause = match wait {
            Wait::Person => Pause::Person,
            Wait::Until(moment) => Pause::Until(moment),
            Wait::Peer(job) => {
                let again = self.claimed.peer == Some(job);
                let polls = if again { self.claimed.polls.saturating_add(1) } else { 0 };
                Pause::Peer { job, after: poll_pause(self.timing.poll, polls), polls }
            }
        };
        Write::Wait { checkpoint, pause }
    }

    /// Decides what an error means to the job.
    async fn stumble(&mut self, error: JobError) -> Next {
        let problem = match error {
            JobError::Terminal(problem) => return self.fail(problem).await,
            JobError::InDoubt(problem) => return Next::Settle(self.doubt(&problem)),
            JobError::RateLimited(problem, pause) => {
                tracing::info!(job.id = %self.job.id(), %problem, "A job was told to wait");
                let after = pause + part_of(self.timing.backoff);
                return Next::Settle(Write::Retry { after, failures: self.claimed.failures });
            }
            JobError::Lost | JobError::Store(StoreError::Fenced | StoreError::Cancelling) => {
                // Its writes are refused when it is being cancelled, too.
                let cancelling = self.lease.store.is_cancelling(&self.lease.claim).await;
                return if matches!(cancelling, Ok(true)) { Next::CleanUp } else { Next::Vanish };
            }
            JobError::Retryable(problem) => problem,
            JobError::Store(error) => {
                tracing::warn!(job.id = %self.job.id(), error = &error as &dyn std::error::Error, "The store failed a job");
                Code::StoreUnavailable.problem("The store does not answer.")
            }
        };
        let failures = self.claimed.failures.saturating_add(1);
        if failures >= self.timing.max_failures {
            return self.give_up(problem, Dead::Failures).await;
        }
        tracing::warn!(job.id = %self.job.id(), job.tool = self.tool.name(), job.failures = failures, %problem,
            "A job will be tried again");
        Next::Settle(Write::Retry { after: backoff(self.timing.backoff, failures), failures })
    }

    /// Ends a job that was tried often enough. Past the point of no return what it began may have taken place: saying that it
    /// failed could be a lie, so a person decides.
    async fn give_up(&mut self, problem: Problem, why: Dead) -> Next {
        let committed = match self.lease.store.get(self.job.id()).await {
            Ok(found) => found.is_some_and(|(_, committed)| committed),
            Err(_) => return Next::Vanish,
        };
        if committed {
            return Next::Settle(self.doubt(&problem));
        }
        self.dead = Some(why);
        self.fail(problem).await
    }

    fn doubt(&self, problem: &Problem) -> Write {
        tracing::error!(job.id = %self.job.id(), job.tool = self.tool.name(), %problem, "A job is in doubt");
        Write::Doubt { message: problem.to_string(), events: self.tool.in_doubt(problem) }
    }

    async fn fail(&mut self, problem: Problem) -> Next {
        let checkpoint = match self.last_checkpoint().await {
            Ok(checkpoint) => checkpoint,
            // Without it nothing can be cleaned up; the lease will end, and another worker tries.
            Err(_) => return Next::Vanish,
        };
        let work = self.tool.failed(&self.job, self.claimed.record.input.clone(), checkpoint, &problem);
        match self.lease.over(work).await {
            Worked::Ended(Ok(events)) => {
                tracing::warn!(job.id = %self.job.id(), job.tool = self.tool.name(), %problem, "A job failed");
                Next::Settle(Write::End { end: End::Failed(problem), events })
            }
            Worked::Ended(Err(JobError::Lost)) | Worked::Lost => Next::Vanish,
            Worked::Ended(Err(JobError::RateLimited(_, pause))) => {
                let after = pause + part_of(self.timing.backoff);
                Next::Settle(Write::Retry { after, failures: self.claimed.failures })
            }
            Worked::Ended(Err(error)) => {
                tracing::warn!(job.id = %self.job.id(), job.tool = self.tool.name(), %error,
                    "A job that failed is not cleaned up yet");
                let failures = self.claimed.failures.saturating_add(1);
                Next::Settle(Write::Retry { after: backoff(self.timing.backoff, failures), failures })
            }
            Worked::Cancelling => Next::CleanUp,
            Worked::Draining => Next::Settle(Write::HandBack),
        }
    }

    /// Lets the tool clean up after a cancelled job, which then ends; or which is tried again, for as long as it takes.
    async fn clean_up(&mut self) -> Next {
        self.lease.cancelling = true;
        let checkpoint = match self.last_checkpoint().await {
            Ok(checkpoint) => checkpoint,
            Err(error) => return self.clean_up_later(&error.into()),
        };
        let work = self.tool.cancelled(&self.job, self.claimed.record.input.clone(), checkpoint);
        match self.lease.over(work).await {
            Worked::Ended(Ok(events)) => Next::Settle(Write::End { end: End::Cancelled, events }),
            Worked::Ended(Err(JobError::Lost)) | Worked::Lost => Next::Vanish,
            Worked::Ended(Err(error)) => self.clean_up_later(&error),
            Worked::Draining | Worked::Cancelling => Next::Settle(Write::HandBack),
        }
    }

    fn clean_up_later(&self, error: &JobError) -> Next {
        tracing::warn!(job.id = %self.job.id(), job.tool = self.tool.name(), %error, "A cancelled job is not cleaned up yet");
        let failures = self.claimed.failures.saturating_add(1);
        Next::Settle(Write::RetryCleanup { after: backoff(self.timing.backoff, failures), failures })
    }

    /// What was stored last: runs store later checkpoints than the one they began with.
    async fn last_checkpoint(&self) -> Result<Option<Value>, StoreError> {
        Ok(self.lease.store.get(self.job.id()).await?.and_then(|(record, _)| record.checkpoint))
    }

    /// Stores what became of the job; again, while the lease lasts, when the store does not answer.
    async fn settle(&mut self, write: &Write) -> Result<(), StoreError> {
        let mut pause = Duration::from_millis(50);
        loop {
            fail::point("result.before", self.tool.name());
            match self.lease.store.write(&self.lease.claim, write).await {
                Ok(()) => {
                    fail::point("result.after", self.tool.name());
                    self.job.hints.send(self.job.id());
                    fail::point("hint.after", self.tool.name());
                    self.count(write);
                    return Ok(());
                }
                Err(error @ (StoreError::Fenced | StoreError::Cancelling)) => return Err(error),
                Err(error) => {
                    tracing::warn!(job.id = %self.job.id(), error = &error as &dyn std::error::Error,
                        "What became of a job could not be stored");
                    if Instant::now() + pause > self.lease.last_moment() {
                        return Err(error);
                    }
                    sleep(pause).await;
                    pause *= 2;
                }
            }
        }
    }

    /// Counts what a run came to.
    fn count(&self, write: &Write) {
        let (agent, tool) = (self.agent, self.tool.name());
        let ended = match write {
            Write::End { end: End::Done(_), .. } => "done",
            Write::End { end: End::Failed(problem), .. } => {
                let code = problem.code.as_str();
                metrics::counter!("yonin_jobs_failed_total", "agent" => agent, "tool" => tool, "code" => code)
                    .increment(1);
                if let Some(dead) = self.dead {
                    dead.count(agent, tool, 1);
                }
                span::failed(code);
                "failed"
            }
            Write::End { end: End::Cancelled, .. } => "cancelled",
            Write::Retry { .. } | Write::RetryCleanup { .. } => "retried",
            Write::HandBack => "handed_back",
            Write::Doubt { .. } => "in_doubt",
            _ => "waiting",
        };
        metrics::counter!("yonin_runs_total", "tool" => tool, "ended" => ended).increment(1);
        span::attribute("job.ended", ended);
    }
}

/// What a worker tells its runs when it is about to stop.
#[derive(Debug, Clone, Default)]
pub(super) struct Stopping {
    /// Runs should stop where it is good to stop.
    pub(super) wanted: CancellationToken,
    /// Runs must stop where they are.
    pub(super) give_up: CancellationToken,
}

fn awaited(write: &Write) -> Option<JobId> {
    match write {
        Write::Wait { pause: Pause::Peer { job, .. }, .. } => Some(*job),
        _ => None,
    }
}

/// Exponential with full jitter: anything between nothing and the first pause doubled with each failure.
fn backoff(first: Duration, failures: u32) -> Duration {
    part_of(first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST_PAUSE))
}

/// Grows with the time that was waited in vain, so that thousands of waiting jobs don't keep their workers busy.
fn poll_pause(poll: Duration, polls: u32) -> Duration {
    poll.mul_f64(1.25_f64.powi(polls.min(100).cast_signed()).min(RAREST_POLL))
}

/// Anything between nothing and this: full jitter.
pub(crate) fn part_of(most: Duration) -> Duration {
    most.mul_f64(rand::rng().random::<f64>())
}
