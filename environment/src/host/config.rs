use ed25519_dalek::VerifyingKey;
use std::path::PathBuf;

/// Where the host finds the environment.
#[derive(Clone)]
pub struct HostConfig {
    /// The directory with `apps/` and `previews/`, shared with Nginx and PHP.
    pub root: PathBuf,
    /// Where pools are asked for, shared with the supervisor of the pools.
    pub pools: PathBuf,
    /// Where the pools' sockets are.
    pub sockets: PathBuf,
    /// Domain and port as people write them: `localhost:8080`. Apps answer at `http://<app>.<public>/`.
    pub public: String,
    /// Where Nginx listens, for Coder and Tester: `http://host:port`.
    pub web: String,
    /// MySQL under the admin account: `mysql://user:password@host:port/`.
    pub mysql: String,
    /// Redis under the admin account: `redis://user:password@host:port/0`.
    pub redis: String,
    /// The key that verdicts must be signed with.
    pub tester: VerifyingKey,
}

impl std::fmt::Debug for HostConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { root, public, web, .. } = self;
        f.debug_struct("HostConfig")
            .field("root", root)
            .field("public", public)
            .field("web", web)
            .finish_non_exhaustive()
    }
}

/// A value of the configuration that is missing or wrong.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {why}")]
pub struct ConfigError {
    /// The variable.
    pub name: &'static str,
    /// What is wrong with it; never the value.
    pub why: String,
}

impl HostConfig {
    /// Reads `YONIN_ENV_ROOT`, `_ENV_POOLS`, `_ENV_SOCKETS`, `_ENV_PUBLIC`, `_ENV_WEB`, `_ENV_MYSQL_URL`, `_ENV_REDIS_URL` and
    /// `YONIN_TESTER_PUBLIC_KEY` (standard base64).
    ///
    /// # Errors
    /// Every mistake there is, not just the first.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let mut text = |name: &'static str, default: Option<&str>| {
            let value = get(name).filter(|value| !value.is_empty()).or_else(|| default.map(str::to_owned));
            value.unwrap_or_else(|| {
                errors.push(ConfigError { name, why: "is not set".to_owned() });
                String::new()
            })
        };
        let root = PathBuf::from(text("YONIN_ENV_ROOT", Some("/srv/yonin")));
        let pools = text("YONIN_ENV_POOLS", Some(&root.join("pools").to_string_lossy()));
        let sockets = text("YONIN_ENV_SOCKETS", Some(&root.join("run").to_string_lossy()));
        let public = text("YONIN_ENV_PUBLIC", Some("localhost"));
        let web = text("YONIN_ENV_WEB", Some("http://web.external-env.svc.cluster.local:80"));
        let mysql = text("YONIN_ENV_MYSQL_URL", None);
        let redis = text("YONIN_ENV_REDIS_URL", None);
        let key = text("YONIN_TESTER_PUBLIC_KEY", None);
        let tester = verifying_key(&key);
        if !key.is_empty() && tester.is_none() {
            let why = "is not an Ed25519 public key in base64".to_owned();
            errors.push(ConfigError { name: "YONIN_TESTER_PUBLIC_KEY", why });
        }
        match tester {
            Some(tester) if errors.is_empty() => {
                let (pools, sockets) = (pools.into(), sockets.into());
                Ok(Self { root, pools, sockets, public, web, mysql, redis, tester })
            }
            _ => Err(errors),
        }
    }
}

fn verifying_key(text: &str) -> Option<VerifyingKey> {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let bytes: [u8; 32] = BASE64_STANDARD.decode(text).ok()?.try_into().ok()?;
    VerifyingKey::from_bytes(&bytes).ok()
}
