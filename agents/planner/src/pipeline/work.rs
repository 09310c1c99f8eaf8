//! What a state calls for.

use crate::config::Peers;
use protocol::{pipeline::Pipeline, tools};
use runtime::Peer;
use serde::{Deserialize, Serialize};

/// What is to be done in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Read the goal.
    Plan,
    /// Have a peer do this.
    Call(Part),
    /// Wait for a person.
    Ask,
    /// Clean up and end.
    End,
}

/// What a state calls for. Pure, so that a restart does what the first run would have done.
pub(super) fn work_for(state: &Pipeline) -> Work {
    match state {
        Pipeline::Planning | Pipeline::Clarified { .. } => Work::Plan,
        Pipeline::Designing { .. } => Work::Call(Part::Design),
        Pipeline::Building { .. } => Work::Call(Part::Build),
        Pipeline::Verifying { .. } => Work::Call(Part::Verify),
        Pipeline::Clarifying { .. } | Pipeline::Approving { .. } => Work::Ask,
        Pipeline::Releasing { .. } => Work::Call(Part::Release),
        Pipeline::Smoking { .. } | Pipeline::SmokingRollback { .. } => Work::Call(Part::Smoke),
        Pipeline::Reverting { .. } => Work::Call(Part::Revert),
        Pipeline::RollingBack { .. } => Work::Call(Part::RollBack),
        Pipeline::Over { .. } => Work::End,
    }
}

/// One peer's part in a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    /// The Architect designs.
    Design,
    /// The Coder builds.
    Build,
    /// The Tester tests the preview.
    Verify,
    /// The Coder makes it live.
    Release,
    /// The Tester looks at the live app.
    Smoke,
    /// The Coder takes a red release back.
    Revert,
    /// The Coder returns to a release that a person asked for.
    RollBack,
}

impl Part {
    /// The part's word in an idempotency key.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Design => "design",
            Self::Build => "build",
            Self::Verify => "verify",
            Self::Release => "release",
            Self::Smoke => "smoke",
            Self::Revert => "revert",
            Self::RollBack => "rollback",
        }
    }

    /// The tool that does it.
    pub(super) fn tool(self) -> &'static str {
        match self {
            Self::Design => tools::architect::DESIGN,
            Self::Build => tools::coder::BUILD,
            Self::Verify | Self::Smoke => tools::tester::VERIFY,
            Self::Release => tools::coder::RELEASE,
            Self::Revert | Self::RollBack => tools::coder::ROLLBACK,
        }
    }

    /// The agent that does it.
    pub(crate) fn peer(self, peers: &Peers) -> &Peer {
        match self {
            Self::Design => &peers.architect,
            Self::Build | Self::Release | Self::Revert | Self::RollBack => &peers.coder,
            Self::Verify | Self::Smoke => &peers.tester,
        }
    }

    /// That agent's name.
    pub(crate) fn agent(self) -> &'static str {
        match self {
            Self::Design => "architect",
            Self::Build | Self::Release | Self::Revert | Self::RollBack => "coder",
            Self::Verify | Self::Smoke => "tester",
        }
    }

    /// What a task is doing meanwhile, until the peer says more.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Design => "The Architect designs",
            Self::Build => "The Coder builds",
            Self::Verify => "The Tester tests the preview",
            Self::Release => "The Coder makes the change live",
            Self::Smoke => "The Tester looks at the live app",
            Self::Revert => "The Coder takes the release back",
            Self::RollBack => "The Coder returns to the earlier release",
        }
    }
}
