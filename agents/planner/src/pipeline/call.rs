//! A peer's part in a task: intended, started, looked after, taken in.

use super::{
    drive::Drive,
    ledger::Ended,
    progress::{Call, Progress},
    work::Part,
};
use chrono::TimeDelta;
use protocol::{
    Code, JobId, Problem,
    event::What,
    pipeline::Event,
    tools::thinking::{GET_USAGE, UsageOutput, WhichJob},
};
use runtime::{JobError, PeerState};
use serde_json::Value;
use std::time::Duration;

/// How often a peer that does not answer is tried again once the task can't be given up any more.
const OUTAGE: Duration = Duration::from_secs(1);

/// How long after the end of its time a task still tries to take a release back, when the Coder does not answer.
const REVERT_GRACE: TimeDelta = TimeDelta::minutes(10);

/// Where a peer's part stands.
pub(super) enum Called {
    /// Its job is under way.
    Working(JobId),
    /// Its job is in doubt, and a person decides.
    InDoubt(String),
    /// It has ended, with this event and what there is to tell.
    Ended(Event, Vec<What>),
}

impl Drive<'_> {
    /// Starts a part, or looks how it is getting on.
    pub(super) async fn call(&self, progress: &mut Progress, part: Part) -> Result<Called, JobError> {
        let call = self.intend(progress, part).await?;
        let looked = match call.job {
            None => self.start(progress, &call).await?.map(Looked::Started),
            Some(job) => part.peer(&self.team.peers).poll(job).await.map(|state| Looked::State(job, state)),
        };
        if let Ok(Looked::State(job, PeerState::Done(_) | PeerState::Failed(_) | PeerState::Cancelled)) = &looked
            && let Err(problem) = self.account(progress, part, *job).await
        {
            return self.unanswered(progress, part, problem);
        }
        match looked {
            Ok(Looked::Started(job)) => {
                progress.call = Some(Call { job: Some(job), ..call });
                self.job.say(part.sentence()).await?;
                Ok(Called::Working(job))
            }
            Ok(Looked::State(job, PeerState::Working { message })) => {
                if let Some(message) = message {
                    self.job.say(message).await?;
                }
                Ok(Called::Working(job))
            }
            Ok(Looked::State(_, PeerState::InDoubt { message })) => Ok(Called::InDoubt(message)),
            Ok(Looked::State(_, PeerState::Done(output))) => {
                let (event, told) = self.accept(progress, part, output).await?;
                Ok(Called::Ended(event, told))
            }
            Ok(Looked::State(_, PeerState::Failed(problem))) => {
                Ok(gave_up(part, self.placed(over_budget(progress, problem)).await))
            }
            Ok(Looked::State(_, PeerState::Cancelled)) => {
                Ok(gave_up(part, Code::Internal.problem(format!("somebody else cancelled the part {}", part.as_str()))))
            }
            Err(problem) => self.unanswered(progress, part, problem),
        }
    }

    /// Writes down what is about to be asked for, unless an earlier run did.
    async fn intend(&self, progress: &mut Progress, part: Part) -> Result<Call, JobError> {
        if let Some(call) = &progress.call {
            return Ok(call.clone());
        }
        let call = Call { part, turn: self.job.next_turn().await?, job: None };
        progress.call = Some(call.clone());
        progress.previewed |= part == Part::Build;
        self.job.checkpoint(progress, Vec::new()).await?;
        Ok(call)
    }

    /// Starts a part's job, or finds the one that an earlier run started: the turn was written down before the peer was asked,
    /// and no other call has it.
    pub(super) async fn start(&self, progress: &Progress, call: &Call) -> Result<Result<JobId, Problem>, JobError> {
        let part = call.part;
        let input: Value = self.request(progress, call).await?;
        let key = format!("{}/{}/{}", self.job.id(), part.as_str(), call.turn);
        Ok(part.peer(&self.team.peers).start(part.tool(), &key, self.job.owner(), &input).await)
    }

    /// Takes down who did a part that has ended, and what it used of language models. As long as the task can be given up it does not
    /// go on before that is known, so that nothing is spent twice.
    pub(super) async fn account(&self, progress: &mut Progress, part: Part, job: JobId) -> Result<(), Problem> {
        let asked = part.peer(&self.team.peers).call(GET_USAGE, &WhichJob { job_id: job }).await;
        let UsageOutput { models: used } = match asked {
            Ok(used) => used,
            Err(problem) if problem.code.is_retryable() && progress.state.can_be_cancelled() => return Err(problem),
            Err(problem) => {
                tracing::warn!(task.id = %self.job.id(), job.id = %job, %problem, "Nobody knows what a part of a task used");
                UsageOutput::default()
            }
        };
        progress.ledger.note(Ended { part, attempt: progress.state.attempt(), job, used });
        Ok(())
    }

    /// The peer refused, or was not reached. Once the task can't be cancelled, it is not given up for an outage either, as
    /// long as there is time: what the peer did meanwhile should be known.
    fn unanswered(&self, progress: &mut Progress, part: Part, problem: Problem) -> Result<Called, JobError> {
        if !problem.code.is_retryable() {
            return Ok(gave_up(part, problem));
        }
        if progress.state.can_be_cancelled() {
            return Err(JobError::Retryable(problem));
        }
        // What users must not stay on is tried to be taken back for longer than the task may take.
        let grace = if part == Part::Revert { REVERT_GRACE } else { TimeDelta::zero() };
        if self.time_was_up(progress, grace).is_none() {
            return Err(JobError::RateLimited(problem, OUTAGE));
        }
        Ok(gave_up(part, problem))
    }
}

enum Looked {
    Started(JobId),
    State(JobId, PeerState<Value>),
}

/// A problem, saying what was spent on what where that is why.
pub(super) fn over_budget(progress: &Progress, mut problem: Problem) -> Problem {
    if problem.code == Code::BudgetExhausted
        && let Some(told) = progress.ledger.told()
    {
        problem.detail = format!("{}; {told}", problem.detail);
    }
    problem
}

/// A part ended badly. Where users may see the change already, the problem says so.
fn gave_up(part: Part, mut problem: Problem) -> Called {
    let so_far = match part {
        Part::Design | Part::Build | Part::Verify | Part::Release | Part::Smoke | Part::RollBack => None,
        Part::Revert => Some("the release may be live, was not seen to pass there, and could not be taken back"),
    };
    if let Some(so_far) = so_far {
        problem.detail = format!("{so_far}: {}", problem.detail);
    }
    Called::Ended(Event::Failed { problem }, Vec::new())
}
