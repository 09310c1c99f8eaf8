//! The path of a task, as one pure function: [`Pipeline::next`].
//!
//! The Planner feeds it with what came to pass and does what the new state calls for. Nothing else decides where a task goes.

use crate::{
    Code, Digest, Problem, Timestamp,
    artifact::Statement,
    task::{Approval, Stage, Status},
    tools::{PreviewRef, coder::RollbackTo},
};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// A verdict, or a preview, must last this much longer when a person approves: for the release to begin, or for the checks to
/// run once more. 5 minutes.
pub const HEADROOM: TimeDelta = TimeDelta::minutes(5);

/// What was agreed when the task was submitted, as far as the path depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// When a person is asked.
    pub approval: Approval,
    /// Rounds of build and verify.
    pub attempts: u32,
}

/// Where a task is. Each state carries what is known there, and no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub enum Pipeline {
    /// The Planner reads the goal.
    Planning,
    /// The goal can be understood in more than one way: a person is asked, once, and may take their time.
    Clarifying {
        /// What the Planner wants to know.
        questions: Vec<String>,
    },
    /// The Planner reads the goal once more, with what the person answered. It asks nothing more.
    Clarified {
        /// The answer, in the person's words.
        answer: String,
    },
    /// The Architect works on this plan.
    Designing {
        /// The plan.
        plan: Digest,
    },
    /// The Coder builds.
    Building {
        /// What to build.
        work: Work,
        /// The change-set that a person has approved. Built again, it needs no second word.
        approved: Option<Digest>,
    },
    /// The Tester tests the preview.
    Verifying {
        /// What was to be built.
        work: Work,
        /// What was built.
        built: Built,
        /// The change-set that a person has approved.
        approved: Option<Digest>,
    },
    /// A person decides, and may take their time.
    Approving {
        /// What was to be built.
        work: Work,
        /// What was built.
        built: Built,
        /// What the Tester saw.
        verdict: Digest,
        /// When that proves nothing any more.
        expires_at: Timestamp,
    },
    /// The Coder makes it live. It can't be cancelled any more.
    Releasing {
        /// What was to be built.
        work: Work,
        /// What was built.
        built: Built,
        /// What the Tester saw.
        verdict: Digest,
        /// Whether a person approved it.
        approved: bool,
    },
    /// The Tester looks at the live app.
    Smoking {
        /// What was to be built.
        work: Work,
        /// What was built.
        built: Built,
        /// What the Tester saw in the preview.
        verdict: Digest,
    },
    /// The live app was not seen to pass, or nobody can tell whether the release went live: the Coder takes it back.
    Reverting {
        /// What was to be built.
        work: Work,
        /// What was built.
        built: Built,
        /// Why it is taken back.
        unproven: Unproven,
    },
    /// A task of its own returns to an earlier release.
    RollingBack {
        /// Where to.
        to: RollbackTo,
    },
    /// The Tester looks at the release that was returned to.
    SmokingRollback {
        /// What is live now; nothing when the first release was taken back.
        live: Option<Digest>,
    },
    /// Over, and how.
    Over {
        /// The stage it ended in.
        stage: Stage,
        /// The round of build and verify it ended in.
        attempt: u32,
        /// How.
        end: End,
    },
}

/// What is to be built, and in which round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The plan.
    pub plan: Digest,
    /// The design.
    pub design: Digest,
    /// The round, from 1.
    pub attempt: u32,
    /// The verdict that the round before ended with.
    pub findings: Option<Digest>,
}

/// Why a release is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unproven {
    /// The Tester looked, and saw something red: its verdict.
    Red(Digest),
    /// It could not look. Nothing has been seen to pass, then, and users are on it already.
    Unseen(Problem),
    /// The Coder gave up in the middle, so nobody can tell whether it went live.
    Unknown(Problem),
}

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    /// The change-set.
    pub change_set: Digest,
    /// The files that the release will have.
    pub release: Digest,
    /// Where it is staged.
    pub preview: PreviewRef,
    /// Its statements that can lose data or break the running code.
    pub destructive: Vec<Statement>,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum End {
    /// The release is live.
    Succeeded {
        /// What is live; nothing when the first release was taken back.
        release: Option<Digest>,
        /// The verdict it went live with; for a rollback the smoke verdict, if anything is live.
        verdict: Option<Digest>,
    },
    /// It is not.
    Failed {
        /// Why.
        problem: Problem,
    },
    /// A person ended it.
    Cancelled,
}

/// What came to pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The Planner cannot plan before it knows more.
    Unclear {
        /// What it wants to know.
        questions: Vec<String>,
    },
    /// A person said what the Planner wanted to know.
    Answered {
        /// In their words.
        answer: String,
    },
    /// The plan is stored.
    Planned {
        /// Its address.
        plan: Digest,
    },
    /// A person supplied the app as it is: plan and design say so, and are stored. Nobody designs.
    Supplied {
        /// The plan's address.
        plan: Digest,
        /// The design's address.
        design: Digest,
    },
    /// The design is stored.
    Designed {
        /// Its address.
        design: Digest,
    },
    /// The change-set is stored and staged.
    Built(Built),
    /// The preview was tested.
    Verified {
        /// The verdict's address.
        verdict: Digest,
        /// What it says.
        passed: bool,
        /// When it proves nothing any more.
        expires_at: Timestamp,
    },
    /// A person said yes.
    Approved {
        /// When.
        at: Timestamp,
    },
    /// A person said no.
    Rejected {
        /// Why.
        reason: String,
    },
    /// The release is live.
    Released,
    /// The live app was looked at.
    Smoked {
        /// The verdict's address.
        verdict: Digest,
        /// What it says.
        passed: bool,
    },
    /// The release was taken back.
    Reverted,
    /// An earlier release is live again, or nothing is.
    RolledBack {
        /// What is live now.
        live: Option<Digest>,
    },
    /// An agent, or the world, gave up.
    Failed {
        /// Why.
        problem: Problem,
    },
    /// A person ended it.
    Cancelled,
}

/// That event cannot happen in that state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event:?} cannot happen in {state:?}")]
pub struct Illegal {
    /// Where the task was.
    pub state: Box<Pipeline>,
    /// What was said to have happened.
    pub event: Box<Event>,
}

impl Pipeline {
    /// Where a task goes from here, given what came to pass.
    ///
    /// # Errors
    /// [`Illegal`] when the event cannot happen here. Nothing changes then.
    pub fn next(self, terms: Terms, event: Event) -> Result<Self, Illegal> {
        Ok(match (self, event) {
            (Self::Planning, Event::Unclear { questions }) => Self::Clarifying { questions },
            (Self::Clarifying { .. }, Event::Answered { answer }) => Self::Clarified { answer },
            (Self::Planning | Self::Clarified { .. }, Event::Planned { plan }) => Self::Designing { plan },
            (Self::Designing { plan }, Event::Designed { design })
            | (Self::Planning, Event::Supplied { plan, design }) => {
                Self::Building { work: Work { plan, design, attempt: 1, findings: None }, approved: None }
            }
            (Self::Building { work, approved }, Event::Built(built)) => Self::Verifying { work, built, approved },
            (Self::Verifying { work, built, approved }, Event::Verified { verdict, passed: true, expires_at }) => {
                Self::passed(terms, work, built, approved, verdict, expires_at)
            }
            (Self::Verifying { work, .. }, Event::Verified { verdict, passed: false, .. }) => {
                Self::found_red(terms, work, verdict)
            }
            (Self::Approving { work, built, verdict, expires_at }, Event::Approved { at }) => {
                Self::approved(work, built, verdict, expires_at, at)
            }
            (state @ (Self::Clarifying { .. } | Self::Approving { .. }), Event::Rejected { reason }) => {
                state.fail(Code::Rejected.problem(reason))
            }
            (Self::Releasing { work, built, verdict, .. }, Event::Released) => Self::Smoking { work, built, verdict },
            (Self::Releasing { work, built, .. }, Event::Failed { problem }) if leaves_open(problem.code) => {
                Self::Reverting { work, built, unproven: Unproven::Unknown(problem) }
            }
            (Self::Smoking { work, built, verdict }, Event::Smoked { passed: true, .. }) => Self::Over {
                stage: Stage::Done,
                attempt: work.attempt,
                end: End::Succeeded { release: Some(built.release), verdict: Some(verdict) },
            },
            (Self::Smoking { work, built, .. }, Event::Smoked { verdict, passed: false }) => {
                Self::Reverting { work, built, unproven: Unproven::Red(verdict) }
            }
            (Self::Smoking { work, built, .. }, Event::Failed { problem }) => {
                Self::Reverting { work, built, unproven: Unproven::Unseen(problem) }
            }
            (Self::Reverting { work, unproven, .. }, Event::Reverted) => Self::taken_back(work, unproven),
            // The host has brought to an end what was begun, and another release is live than the one to be taken back.
            (
                Self::Reverting { work, unproven: Unproven::Unknown(problem), .. },
                Event::Failed { problem: refused },
            ) if refused.code == Code::BaseMoved => {
                Self::Over { stage: Stage::Release, attempt: work.attempt, end: End::Failed { problem } }
            }
            (Self::RollingBack { .. }, Event::RolledBack { live: Some(live) }) => {
                Self::SmokingRollback { live: Some(live) }
            }
            (Self::RollingBack { .. }, Event::RolledBack { live: None }) => {
                Self::Over { stage: Stage::Done, attempt: 0, end: End::Succeeded { release: None, verdict: None } }
            }
            (Self::SmokingRollback { live }, Event::Smoked { verdict, passed: true }) => Self::Over {
                stage: Stage::Done,
                attempt: 0,
                end: End::Succeeded { release: live, verdict: Some(verdict) },
            },
            (state @ Self::SmokingRollback { .. }, Event::Smoked { verdict, passed: false }) => state.fail(
                Code::SmokeFailed
                    .problem(format!("the release that was returned to is red: see the verdict {verdict}")),
            ),
            (state, Event::Failed { problem }) if !state.is_over() => state.fail(problem),
            (state, Event::Cancelled) if state.can_be_cancelled() => {
                Self::Over { stage: state.stage(), attempt: state.attempt(), end: End::Cancelled }
            }
            (state, event) => return Err(Illegal { state: Box::new(state), event: Box::new(event) }),
        })
    }

    /// What a person sees as the stage.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self {
            Self::Planning | Self::Clarifying { .. } | Self::Clarified { .. } => Stage::Plan,
            Self::Designing { .. } => Stage::Design,
            Self::Building { .. } => Stage::Build,
            Self::Verifying { .. } => Stage::Verify,
            Self::Approving { .. } => Stage::Approve,
            Self::Releasing { .. } | Self::Reverting { .. } | Self::RollingBack { .. } => Stage::Release,
            Self::Smoking { .. } | Self::SmokingRollback { .. } => Stage::Smoke,
            Self::Over { stage, .. } => *stage,
        }
    }

    /// What a person sees as the status of a task that left the queue.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Clarifying { .. } | Self::Approving { .. } => Status::Waiting,
            Self::Over { end: End::Succeeded { .. }, .. } => Status::Succeeded,
            Self::Over { end: End::Failed { .. }, .. } => Status::Failed,
            Self::Over { end: End::Cancelled, .. } => Status::Cancelled,
            _ => Status::Running,
        }
    }

    /// The round of build and verify; 0 before the first.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        match self {
            Self::Planning
            | Self::Clarifying { .. }
            | Self::Clarified { .. }
            | Self::Designing { .. }
            | Self::RollingBack { .. }
            | Self::SmokingRollback { .. } => 0,
            Self::Building { work, .. }
            | Self::Verifying { work, .. }
            | Self::Approving { work, .. }
            | Self::Releasing { work, .. }
            | Self::Smoking { work, .. }
            | Self::Reverting { work, .. } => work.attempt,
            Self::Over { attempt, .. } => *attempt,
        }
    }

    /// Nothing will happen any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Over { .. })
    }

    /// Nothing irrevocable has been started yet.
    #[must_use]
    pub fn can_be_cancelled(&self) -> bool {
        match self {
            Self::Planning
            | Self::Clarifying { .. }
            | Self::Clarified { .. }
            | Self::Designing { .. }
            | Self::Building { .. }
            | Self::Verifying { .. }
            | Self::Approving { .. } => true,
            Self::Releasing { .. }
            | Self::Smoking { .. }
            | Self::Reverting { .. }
            | Self::RollingBack { .. }
            | Self::SmokingRollback { .. }
            | Self::Over { .. } => false,
        }
    }

    fn passed(
        terms: Terms,
        work: Work,
        built: Built,
        approved: Option<Digest>,
        verdict: Digest,
        expires_at: Timestamp,
    ) -> Self {
        let dangerous = !built.destructive.is_empty();
        match terms.approval {
            _ if approved == Some(built.change_set) => Self::Releasing { work, built, verdict, approved: true },
            Approval::Always => Self::Approving { work, built, verdict, expires_at },
            Approval::Destructive if dangerous => Self::Approving { work, built, verdict, expires_at },
            Approval::Auto if dangerous => {
                let first = &built.destructive[0];
                let detail = format!("{}: {}; the task's policy never asks", first.id, first.danger);
                Self::Verifying { work, built, approved }.fail(Code::ApprovalRequired.problem(detail))
            }
            Approval::Destructive | Approval::Auto => Self::Releasing { work, built, verdict, approved: false },
        }
    }

    /// What was approved goes live on evidence that is fresh. Where it is not, the same change-set is tested again, or built
    /// again where its preview has ended, and the approval holds for exactly that.
    fn approved(work: Work, built: Built, verdict: Digest, expires_at: Timestamp, at: Timestamp) -> Self {
        let approved = Some(built.change_set);
        if built.preview.expires_at < at + HEADROOM {
            Self::Building { work, approved }
        } else if expires_at < at + HEADROOM {
            Self::Verifying { work, built, approved }
        } else {
            Self::Releasing { work, built, verdict, approved: true }
        }
    }

    fn found_red(terms: Terms, work: Work, verdict: Digest) -> Self {
        if work.attempt < terms.attempts {
            let work = Work { attempt: work.attempt + 1, findings: Some(verdict), ..work };
            return Self::Building { work, approved: None };
        }
        let detail = format!("{} of {} rounds were red; the verdict {verdict} says why", work.attempt, terms.attempts);
        let end = End::Failed { problem: Code::ChecksFailed.problem(detail) };
        Self::Over { stage: Stage::Verify, attempt: work.attempt, end }
    }

    fn taken_back(work: Work, unproven: Unproven) -> Self {
        let (stage, code, why) = match unproven {
            Unproven::Red(smoke) => (Stage::Smoke, Code::SmokeFailed, format!("the verdict {smoke} says what was red")),
            Unproven::Unseen(problem) => {
                (Stage::Smoke, Code::SmokeFailed, format!("the live app could not be looked at: {}", problem.detail))
            }
            Unproven::Unknown(problem) => (Stage::Release, problem.code, problem.detail),
        };
        let problem = code.problem(format!("{why}; what was live before is live again"));
        Self::Over { stage, attempt: work.attempt, end: End::Failed { problem } }
    }

    fn fail(self, problem: Problem) -> Self {
        Self::Over { stage: self.stage(), attempt: self.attempt(), end: End::Failed { problem } }
    }
}

/// A release that failed so may have gone live all the same: who was to make it live is gone, or did not reach the host. What the
/// host itself refuses has changed nothing.
fn leaves_open(code: Code) -> bool {
    code.is_retryable() || matches!(code, Code::WorkerLost | Code::InDoubt | Code::Internal)
}
