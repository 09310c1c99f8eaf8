use super::{
    call::Called,
    order::Order,
    progress::Progress,
    settle,
    work::{Work, work_for},
};
use crate::config::{Engine, Peers};
use chrono::TimeDelta;
use environment::files::inspect;
use protocol::{
    Code, Problem,
    artifact::{Path, Statement},
    event::What,
    pipeline::{Event, Pipeline},
    task::Question,
    tools::{coder::AppSnapshot, planner::TaskOutcome},
};
use runtime::{Job, JobError, Step, Wait, job::Resolution};
use serde::{Deserialize, Serialize};

/// Whom a task's parts are given to.
#[derive(Debug, Clone)]
pub(crate) struct Team {
    pub(crate) peers: Peers,
    pub(crate) engine: Engine,
}

/// What a person said to a change that waits for approval, to questions about the goal, or to an act that is in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(crate) enum Answer {
    /// It may go live.
    Approve {
        /// Who said so.
        by: String,
    },
    /// This is what the goal means.
    Clarify {
        /// In the person's words.
        text: String,
        /// Who said so.
        by: String,
    },
    /// It may not, or there is to be no change at all.
    Reject {
        /// Why.
        reason: Option<String>,
        /// Who said so.
        by: String,
    },
}

impl Answer {
    /// What it says of an act that is in doubt; nothing when it speaks of the goal.
    pub(crate) fn resolution(&self) -> Option<Resolution> {
        match self {
            Self::Approve { .. } => Some(Resolution::Again),
            Self::Reject { .. } => Some(Resolution::GiveUp),
            Self::Clarify { .. } => None,
        }
    }

    /// Whether it is one to this question.
    pub(crate) fn fits(&self, question: &Question) -> bool {
        match (self, question) {
            (Self::Clarify { .. }, Question::Clarify { .. }) | (Self::Reject { .. }, _) => true,
            (Self::Approve { .. }, Question::Approval { .. } | Question::InDoubt { .. }) => true,
            (Self::Approve { .. }, Question::Clarify { .. }) | (Self::Clarify { .. }, _) => false,
        }
    }
}

/// One task in the hands of one worker.
pub(crate) struct Drive<'a> {
    pub(super) job: &'a Job,
    pub(super) team: &'a Team,
    pub(super) order: &'a Order,
}

impl Drive<'_> {
    /// Takes a task as far as it goes without waiting: the same loop after a submission, an answer and a crash.
    pub(super) async fn run(&self, mut progress: Progress) -> Result<Step<Progress, TaskOutcome>, JobError> {
        loop {
            if let Some(problem) = self.overdue(&progress) {
                self.advance(&mut progress, Event::Failed { problem }, Vec::new()).await?;
            }
            match work_for(&progress.state) {
                Work::Plan => {
                    let event = self.plan(&mut progress).await?;
                    self.advance(&mut progress, event, Vec::new()).await?;
                }
                Work::Call(_) if progress.doubt.is_some() => {
                    let wait = self.resolve(&mut progress).await?;
                    return Ok(Step::Wait(progress, wait));
                }
                Work::Call(part) => match self.call(&mut progress, part).await? {
                    Called::Working(job) => return Ok(Step::Wait(progress, Wait::Peer(job))),
                    Called::InDoubt(reason) => {
                        let wait = self.ask_about(&mut progress, reason).await?;
                        return Ok(Step::Wait(progress, wait));
                    }
                    Called::Ended(event, told) => {
                        progress.call = None;
                        self.advance(&mut progress, event, told).await?;
                    }
                },
                Work::Ask => match self.answer(&progress)? {
                    None => return Ok(Step::Wait(progress, Wait::Person)),
                    Some(answer) => {
                        progress.answered(chrono::Utc::now());
                        let (event, sentence) = heard(&mut progress, answer);
                        let told = vec![What::Progress { message: sentence }];
                        self.advance(&mut progress, event, told).await?;
                    }
                },
                Work::End => return settle::outcome(self.job.id(), &self.order.app, &progress),
            }
        }
    }

    /// Moves the task and stores where it is now, before anything is done about it.
    async fn advance(&self, progress: &mut Progress, event: Event, mut told: Vec<What>) -> Result<(), JobError> {
        let from = progress.state.clone();
        progress.state = from.next(self.order.terms, event).map_err(|illegal| {
            tracing::error!(task.id = %self.job.id(), error = %illegal, "A task was sent where it cannot go");
            JobError::Terminal(Code::Internal.problem("the task was sent where it cannot go"))
        })?;
        let state = &progress.state;
        if !state.is_over() {
            told.push(What::Moved { stage: state.stage(), status: state.status(), attempt: state.attempt() });
        }
        if let Some(question) = question(state, &progress.reservations) {
            progress.asked_at = Some(chrono::Utc::now());
            told.push(What::Asked { question });
        }
        if matches!(state, Pipeline::Releasing { .. }) {
            self.job.point_of_no_return(progress, told).await
        } else {
            self.job.checkpoint(progress, told).await
        }
    }

    /// What a person said to what is asked now. One who answered something else, to what was asked before, is waited for.
    pub(super) fn answer(&self, progress: &Progress) -> Result<Option<Answer>, JobError> {
        let (answer, question) = (self.job.answer::<Answer>()?, progress.question());
        Ok(answer.filter(|answer| question.is_some_and(|question| answer.fits(&question))))
    }

    /// The app as it is now, with the text of these files; `None` when there is no such app yet.
    pub(super) async fn inspect(&self, files: Vec<Path>) -> Result<Option<AppSnapshot>, JobError> {
        Ok(inspect(&self.team.peers.coder, &self.order.app, files).await?)
    }

    /// The problem of a task whose time is up, as long as it can still be stopped. A person may take as long as it takes.
    fn overdue(&self, progress: &Progress) -> Option<Problem> {
        let stoppable = progress.state.can_be_cancelled() && progress.asked_at.is_none();
        stoppable.then(|| self.time_is_up(progress)).flatten()
    }

    pub(super) fn time_is_up(&self, progress: &Progress) -> Option<Problem> {
        self.time_was_up(progress, TimeDelta::zero())
    }

    /// The problem of a task whose time was up so long ago already.
    pub(super) fn time_was_up(&self, progress: &Progress, ago: TimeDelta) -> Option<Problem> {
        self.order.overdue(self.job.started_at(), progress.asked_millis, chrono::Utc::now() - ago)
    }
}

/// What a person is asked in this state.
pub(crate) fn question(state: &Pipeline, reservations: &[String]) -> Option<Question> {
    let built = match state {
        Pipeline::Clarifying { questions } => return Some(Question::Clarify { questions: questions.clone() }),
        Pipeline::Approving { built, .. } => built,
        _ => return None,
    };
    let reason = match built.destructive.first() {
        Some(Statement { id, danger, .. }) => format!("{id}: {danger}"),
        None => "the task's policy asks for every change".to_owned(),
    };
    let (statements, preview) = (built.destructive.clone(), built.preview.url.clone());
    Some(Question::Approval { reason, statements, preview, reservations: reservations.to_vec() })
}

fn heard(progress: &mut Progress, answer: Answer) -> (Event, String) {
    match answer {
        Answer::Clarify { text, by } => {
            progress.answer = Some(text.clone());
            (Event::Answered { answer: text }, format!("{by} answered"))
        }
        Answer::Approve { by } => (Event::Approved { at: chrono::Utc::now() }, format!("{by} approved the change")),
        Answer::Reject { reason, by } => {
            let what = if matches!(progress.state, Pipeline::Clarifying { .. }) { "task" } else { "change" };
            let sentence = format!("{by} rejected the {what}");
            (Event::Rejected { reason: reason.unwrap_or_else(|| sentence.clone()) }, sentence)
        }
    }
}
