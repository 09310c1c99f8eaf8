use runtime::{Credential, Peer, config::Reader};
use std::{fmt, str::FromStr};

/// What a Planner needs to know.
#[derive(Debug, Clone)]
pub struct PlannerConfig {
    /// The agents it gives work to.
    pub peers: Peers,
    /// What reads the goals.
    pub engine: Engine,
}

impl PlannerConfig {
    /// Reads `YONIN_ARCHITECT_URL`, `YONIN_CODER_URL`, `YONIN_TESTER_URL` (the cluster's names unless given) and
    /// `YONIN_ENGINE`. The credential is the one this Planner shows to its peers.
    pub fn read(reader: &mut Reader, own: &Credential) -> Self {
        let mut peer = |agent: &str| {
            let variable = format!("YONIN_{}_URL", agent.to_uppercase());
            let origin = reader.or(&variable, format!("http://{agent}-agent.ai-agents.svc.cluster.local:8080"));
            Peer::new(&origin, own.clone(), protocol::Code::PeerUnavailable)
        };
        let peers = Peers { architect: peer("architect"), coder: peer("coder"), tester: peer("tester") };
        Self { peers, engine: reader.or("YONIN_ENGINE", Engine::Blueprint) }
    }
}

/// The agents that a Planner gives work to.
#[derive(Debug, Clone)]
pub struct Peers {
    /// Makes plans into designs.
    pub architect: Peer,
    /// Builds, releases, rolls back, and knows the apps.
    pub coder: Peer,
    /// Tests.
    pub tester: Peer,
}

/// What reads a goal and plans it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// The built-in one, without a model.
    Blueprint,
    /// Makes every goal one step: what these tests are about does not hang on an engine.
    #[cfg(test)]
    OneStep,
}

impl FromStr for Engine {
    type Err = UnknownEngine;

    fn from_str(text: &str) -> Result<Self, UnknownEngine> {
        match text {
            "blueprint" => Ok(Self::Blueprint),
            _ => Err(UnknownEngine),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blueprint => f.write_str("blueprint"),
            #[cfg(test)]
            Self::OneStep => f.write_str("one-step"),
        }
    }
}

/// No engine has that name.
#[derive(Debug, thiserror::Error)]
#[error("the engines are: blueprint")]
pub struct UnknownEngine;
