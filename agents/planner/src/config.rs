use runtime::{OwnKey, Peer, config::Reader, model::Models};

/// What a Planner needs to know.
#[derive(Debug, Clone)]
pub struct PlannerConfig {
    /// The agents it gives work to.
    pub peers: Peers,
    /// What reads the goals.
    pub engine: Engine,
}

impl PlannerConfig {
    /// Reads `YONIN_ARCHITECT_URL`, `YONIN_CODER_URL`, `YONIN_TESTER_URL` (the cluster's names unless given) and the
    /// settings of [`runtime::model::ModelConfig`]. The credential is the one this Planner shows to its peers.
    pub fn read(reader: &mut Reader, own: &OwnKey) -> Self {
        let mut peer = |agent: &str| {
            let variable = format!("YONIN_{}_URL", agent.to_uppercase());
            let origin = reader.or(&variable, format!("http://{agent}-agent.ai-agents.svc.cluster.local:8080"));
            Peer::new(&origin, own.clone(), protocol::Code::PeerUnavailable)
        };
        let peers = Peers { architect: peer("architect"), coder: peer("coder"), tester: peer("tester") };
        Self { peers, engine: Models::read(reader, crate::NAME).into() }
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
#[derive(Debug, Clone)]
pub enum Engine {
    /// The built-in one, without a model.
    Blueprint,
    /// A language model.
    Model(Models),
    /// Makes every goal one step: what these tests are about does not hang on an engine.
    #[cfg(test)]
    OneStep,
}

impl From<Option<Models>> for Engine {
    fn from(models: Option<Models>) -> Self {
        models.map_or(Self::Blueprint, Self::Model)
    }
}
