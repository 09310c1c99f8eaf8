//! How a task ends: nothing of it is left running, and what came of it is told.

use super::{drive::Drive, progress::Progress, work::Part};
use protocol::{
    AppName, Code, JobId, Problem, TaskId,
    event::What,
    pipeline::{End, Pipeline},
    task::{Status, TaskResult},
    tools::{
        coder::{DISCARD_PREVIEW, DiscardPreviewInput},
        planner::TaskOutcome,
    },
};
use runtime::{JobError, PeerState, Step, model::usage};
use serde_json::Value;
use std::time::Duration;

/// How often a child that was cancelled is looked at until it has ended.
const CANCELLED_CHILD: Duration = Duration::from_millis(200);
/// How often cleaning up after a failed task is tried, which takes a minute and a half: the app's next task needs the same peers,
/// so that it loses nothing by waiting. A preview that is left over goes when it expires.
const CLEANUPS: u32 = 12;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Drive<'_> {
    /// Ends what is under way at a peer and closes the preview of a task that was cancelled. An error means: not yet.
    pub(super) async fn settle(&self, progress: &mut Progress) -> Result<(), JobError> {
        self.end_child(progress).await?;
        self.close(progress, None).await?;
        self.discard(progress).await
    }

    /// Closes the preview of a task that is about to fail, and tells of the task's end.
    pub(super) async fn failed(&self, checkpoint: Option<Progress>, problem: &Problem) -> Result<Vec<What>, JobError> {
        if let Some(mut progress) = checkpoint {
            self.discard_or_leave(&mut progress).await?;
            // What a peer does counts for nothing now, and ends by itself if nobody can be told.
            let under_way = progress.call.as_ref().and_then(|call| Some((call.part, call.job?)));
            if let Some((part, job)) = under_way
                && let Err(error) = part.peer(&self.team.peers).cancel(job).await
            {
                tracing::info!(task.id = %self.job.id(), job.id = %job, %error, "A failed task's part is left to end by itself");
            }
            self.close(&mut progress, under_way).await?;
        }
        Ok(vec![What::Ended { status: Status::Failed, result: None, error: Some(problem.clone()) }])
    }

    /// Closes the preview. With a turn later than all before it, it ends what any part of the task may still be doing there.
    async fn discard(&self, progress: &Progress) -> Result<(), JobError> {
        if progress.previewed {
            let (app, task, turn) = (self.order.app.clone(), self.job.id(), self.job.next_turn().await?);
            let input = DiscardPreviewInput { app, task, turn };
            let _: Value = self.team.peers.coder.call(DISCARD_PREVIEW, &input).await?;
        }
        Ok(())
    }

    /// Like [`Drive::discard`]; after some tries it is not what counts.
    async fn discard_or_leave(&self, progress: &mut Progress) -> Result<(), JobError> {
        match self.discard(progress).await {
            Err(JobError::Retryable(problem)) if progress.cleanups < CLEANUPS => {
                let pause = (FIRST_PAUSE * 2_u32.pow(progress.cleanups)).min(LONGEST_PAUSE);
                progress.cleanups += 1;
                self.job.checkpoint(progress, Vec::new()).await?;
                Err(JobError::RateLimited(problem, pause))
            }
            Err(JobError::Retryable(problem) | JobError::Terminal(problem)) => {
                let task = self.job.id();
                tracing::warn!(task.id = %task, error = %problem, "A task could not clean up; its preview goes when it expires");
                Ok(())
            }
            other => other,
        }
    }

    /// Cancels the job that a peer may still be running, and comes back until it has ended.
    async fn end_child(&self, progress: &mut Progress) -> Result<(), JobError> {
        let Some(call) = progress.call.clone() else { return Ok(()) };
        let job = match call.job {
            Some(job) => job,
            // Asked for again under the same key, the part says which job it is.
            None => match self.start(progress, &call).await? {
                Ok(job) => job,
                Err(problem) if problem.code.is_retryable() => return Err(problem.into()),
                Err(_refused) => return Ok(()),
            },
        };
        let peer = call.part.peer(&self.team.peers);
        match peer.cancel(job).await {
            Ok(()) => {}
            Err(problem) if problem.code == Code::NotFound => return Ok(()),
            Err(problem) => return Err(problem.into()),
        }
        match peer.poll::<Value>(job).await? {
            PeerState::Working { .. } | PeerState::InDoubt { .. } => Err(JobError::RateLimited(
                Code::Cancelled.problem("a cancelled part has not ended yet"),
                CANCELLED_CHILD,
            )),
            PeerState::Done(_) | PeerState::Failed(_) | PeerState::Cancelled => {
                self.close(progress, Some((call.part, job))).await
            }
        }
    }

    /// Takes down what the task's last part used, the Planner's own or a peer's. Where that cannot be learned, the task ends all the
    /// same.
    async fn close(&self, progress: &mut Progress, under_way: Option<(Part, JobId)>) -> Result<(), JobError> {
        let before = progress.clone();
        progress.ledger.own = usage(crate::NAME, &self.job.turns().await?);
        if let Some((part, job)) = under_way {
            if let Err(error) = self.account(progress, part, job).await {
                tracing::warn!(task.id = %self.job.id(), job.id = %job, %error, "Nobody knows what a part of a task used");
            }
            progress.call = None;
        }
        if *progress == before { Ok(()) } else { self.job.checkpoint(progress, Vec::new()).await }
    }
}

/// What the job answers, given where the task ended.
pub(super) fn outcome(
    task: TaskId,
    app: &AppName,
    progress: &Progress,
) -> Result<Step<Progress, TaskOutcome>, JobError> {
    match &progress.state {
        Pipeline::Over { end: End::Succeeded { release, verdict }, .. } => {
            let result = release.zip(*verdict).map(|(release, verdict)| TaskResult {
                url: progress.url.clone(),
                release,
                verdict,
                checks_passed: progress.checks_passed,
                reservations: progress.reservations.clone(),
            });
            let ended = What::Ended { status: Status::Succeeded, result: result.clone(), error: None };
            Ok(Step::Done(TaskOutcome { id: task, app: app.clone(), result }, vec![ended]))
        }
        Pipeline::Over { end: End::Failed { problem }, .. } => Err(JobError::Terminal(problem.clone())),
        Pipeline::Over { end: End::Cancelled, .. } => {
            Err(JobError::Terminal(Code::Cancelled.problem("it was cancelled")))
        }
        _ => Err(JobError::Terminal(Code::Internal.problem("the task ended where nothing ends"))),
    }
}

/// The last event of a cancelled task.
pub(super) fn cancelled() -> What {
    What::Ended { status: Status::Cancelled, result: None, error: None }
}
