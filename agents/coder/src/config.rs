use runtime::{OwnKey, config::Reader, model::Models};

/// What the Coder must know of its surroundings.
#[derive(Debug, Clone)]
pub struct CoderConfig {
    /// The environment's host: `http://host:port`.
    pub host: String,
    /// What the Coder proves to the host that it is the Coder with.
    pub credential: OwnKey,
    /// What thinks; the offline engine does when there is none.
    pub models: Option<Models>,
}

impl CoderConfig {
    /// Where the host is in a cluster.
    pub const HOST: &'static str = "http://host.external-env.svc.cluster.local:8080";

    /// From `YONIN_HOST_URL` and the settings of [`runtime::model::ModelConfig`]; mistakes stay in the reader.
    pub fn read(reader: &mut Reader, credential: OwnKey) -> Self {
        let host = reader.or("YONIN_HOST_URL", Self::HOST.to_owned());
        Self { host, credential, models: Models::read(reader, "coder") }
    }
}
