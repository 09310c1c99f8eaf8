use runtime::{OwnKey, config::Reader, model::Models};

/// What the Architect must know of its surroundings.
#[derive(Debug, Clone)]
pub struct ArchitectConfig {
    /// The Coder: `http://host:port`.
    pub coder: String,
    /// What the Architect proves to the Coder that it is the Architect with.
    pub credential: OwnKey,
    /// What thinks; the offline engine does when there is none.
    pub models: Option<Models>,
}

impl ArchitectConfig {
    /// Where the Coder is in a cluster.
    pub const CODER: &'static str = "http://coder-agent.ai-agents.svc.cluster.local:8080";

    /// From `YONIN_CODER_URL` and the settings of [`runtime::model::ModelConfig`]; mistakes stay in the reader.
    pub fn read(reader: &mut Reader, credential: OwnKey) -> Self {
        let coder = reader.or("YONIN_CODER_URL", Self::CODER.to_owned());
        Self { coder, credential, models: Models::read(reader, "architect") }
    }
}
