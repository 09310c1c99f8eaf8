use super::{drive::question, ledger::Ledger, work::Part};
use protocol::{Digest, JobId, TaskId, Timestamp, artifact::Release, pipeline::Pipeline, task::Question};
use serde::{Deserialize, Serialize};

/// What a task remembers between two runs: its checkpoint. Artifacts are kept beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Where the task is.
    pub(crate) state: Pipeline,
    /// What a peer was asked for and has not answered yet.
    pub(super) call: Option<Call>,
    /// The release that was live when the task left the queue.
    pub(super) base: Option<Digest>,
    /// A build was asked for, so there may be a preview.
    pub(super) previewed: bool,
    /// What is live through this task.
    pub(super) live: Option<Release>,
    /// Where the app is.
    pub(super) url: String,
    /// Checks of the last verdict that passed.
    pub(super) checks_passed: u32,
    /// What the last verdict did not prove.
    #[serde(default)]
    pub(super) reservations: Vec<String>,
    /// What the peer's part is in doubt about, until a person has said what to do.
    #[serde(default)]
    pub(super) doubt: Option<String>,
    /// Since when a person is asked.
    pub(super) asked_at: Option<Timestamp>,
    /// How long persons took to answer, in milliseconds.
    pub(super) asked_millis: u64,
    /// What a person answered to the questions about the goal.
    #[serde(default)]
    pub(crate) answer: Option<String>,
    /// Who did what, and what it took.
    #[serde(default)]
    pub(crate) ledger: Ledger,
    /// How often cleaning up did not work.
    pub(super) cleanups: u32,
}

/// What a peer was asked for. Written before the peer is called, so that a repeated call is the same call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Call {
    /// What.
    pub(super) part: Part,
    /// The turn that the call takes in the app's order of writers.
    pub(super) turn: u64,
    /// The peer's job, once it is known.
    pub(super) job: Option<JobId>,
}

impl Progress {
    /// A task that leaves the queue in this state, with this release live.
    pub(super) fn starting(state: Pipeline, live: Option<&Release>) -> Self {
        Self {
            state,
            call: None,
            base: live.map(|release| release.digest),
            previewed: false,
            live: None,
            url: String::new(),
            checks_passed: 0,
            reservations: Vec::new(),
            doubt: None,
            asked_at: None,
            asked_millis: 0,
            answer: None,
            ledger: Ledger::default(),
            cleanups: 0,
        }
    }

    /// What a person is asked.
    pub(crate) fn question(&self) -> Option<Question> {
        match &self.doubt {
            Some(reason) => Some(Question::InDoubt { reason: reason.clone() }),
            None => question(&self.state, &self.reservations),
        }
    }

    /// What makes the question this one and no other: everything that is decided about, and since when it is asked.
    pub(crate) fn asked(&self, task: TaskId) -> Digest {
        Digest::of(&(task, &self.state, &self.doubt, self.asked_at))
    }

    /// The change-set that a person decides about.
    pub(crate) fn change_set(&self) -> Option<String> {
        match &self.state {
            Pipeline::Approving { built, .. } => Some(built.change_set.to_string()),
            _ => None,
        }
    }

    /// A person was asked and has answered.
    pub(super) fn answered(&mut self, now: Timestamp) {
        if let Some(asked_at) = self.asked_at.take() {
            self.asked_millis += u64::try_from((now - asked_at).num_milliseconds()).unwrap_or(0);
        }
    }
}
