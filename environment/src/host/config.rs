use crate::local::may_switch;
use ed25519_dalek::VerifyingKey;
use runtime::config::Reader;
use std::{fs, io, os::unix::fs::PermissionsExt as _, path::PathBuf, str::FromStr};

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

impl HostConfig {
    /// From the environment. Nothing when there was a mistake, which the reader then knows.
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `YONIN_ENV_ROOT` | the directory with `apps/` and `previews/`; `/srv/yonin` |
    /// | `YONIN_ENV_POOLS`, `YONIN_ENV_SOCKETS` | where pools are asked for, and answer; `pools` and `run` below the root |
    /// | `YONIN_ENV_PUBLIC` | domain and port as people write them; `localhost` |
    /// | `YONIN_ENV_WEB` | where Nginx listens, for Coder and Tester |
    /// | `YONIN_ENV_MYSQL_URL`, `YONIN_ENV_REDIS_URL` | the servers under their admin accounts |
    /// | `YONIN_TESTER_PUBLIC_KEY` | the key that verdicts must be signed with, 64 hex digits |
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let places = Places::read(reader);
        let public = reader.or("YONIN_ENV_PUBLIC", "localhost".to_owned());
        let web = reader.or("YONIN_ENV_WEB", "http://web.external-env.svc.cluster.local:80".to_owned());
        let mysql = reader.required("YONIN_ENV_MYSQL_URL");
        let redis = reader.required("YONIN_ENV_REDIS_URL");
        let tester = reader.required::<Given>("YONIN_TESTER_PUBLIC_KEY").0?;
        let Places { root, pools, sockets } = places;
        Some(Self { root, pools, sockets, public, web, mysql, redis, tester })
    }
}

/// The directories that the host, Nginx and the supervisor of the pools share.
#[derive(Debug, Clone)]
pub struct Places {
    /// As [`HostConfig::root`].
    pub root: PathBuf,
    /// As [`HostConfig::pools`].
    pub pools: PathBuf,
    /// As [`HostConfig::sockets`].
    pub sockets: PathBuf,
}

impl Places {
    /// The first three variables of [`HostConfig::read`].
    pub fn read(reader: &mut Reader) -> Self {
        let root: PathBuf = reader.or("YONIN_ENV_ROOT", PathBuf::from("/srv/yonin"));
        let pools = reader.or("YONIN_ENV_POOLS", root.join("pools"));
        let sockets = reader.or("YONIN_ENV_SOCKETS", root.join("run"));
        Self { root, pools, sockets }
    }

    /// Makes the directories that are not there. In the root, which may be a volume that lets everybody write, only its owner may
    /// from then on: who could put another `pools` there would choose whom PHP works as.
    ///
    /// # Errors
    /// What the file system says.
    pub fn make(&self) -> io::Result<()> {
        for dir in [&self.root, &self.pools, &self.sockets] {
            fs::create_dir_all(dir)?;
        }
        if may_switch() { fs::set_permissions(&self.root, fs::Permissions::from_mode(0o711)) } else { Ok(()) }
    }
}

/// A key that must be given: there is no other one to fall back to.
#[derive(Default)]
struct Given(Option<VerifyingKey>);

impl FromStr for Given {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| "expected 64 hex digits")?;
        VerifyingKey::from_bytes(&bytes).map(|key| Self(Some(key))).map_err(|_| "this is no Ed25519 public key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn read(variables: &[(&str, &str)]) -> (Option<HostConfig>, Vec<String>) {
        let mut reader = Reader::of(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let config = HostConfig::read(&mut reader);
        (config, reader.finish().err().unwrap_or_default())
    }

    #[test]
    fn every_mistake_is_named_and_no_value_is_told() {
        let (config, mistakes) = read(&[("YONIN_TESTER_PUBLIC_KEY", "secret")]);
        assert!(config.is_none());
        let names = ["YONIN_ENV_MYSQL_URL", "YONIN_ENV_REDIS_URL", "YONIN_TESTER_PUBLIC_KEY"];
        assert_eq!(mistakes.len(), names.len(), "{mistakes:?}");
        for name in names {
            assert!(mistakes.iter().any(|mistake| mistake.starts_with(name)), "{name}: {mistakes:?}");
        }
        assert!(mistakes.iter().all(|mistake| !mistake.contains("secret")));
    }

    #[test]
    fn only_the_owner_may_write_where_everything_is() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).expect("it is ours");
        let root = dir.path().to_owned();
        let places = Places { pools: root.join("pools"), sockets: root.join("run"), root };
        for _ in 0..2 {
            places.make().expect("they are made, and stay");
            let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
            assert_eq!(mode(&places.root), if may_switch() { 0o711 } else { 0o777 });
            assert_eq!((mode(&places.pools) & 0o022, mode(&places.sockets) & 0o022), (0, 0));
        }
    }

    #[test]
    fn what_must_be_given_is_enough() {
        let key = hex::encode(ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key().to_bytes());
        let (config, mistakes) = read(&[
            ("YONIN_ENV_MYSQL_URL", "mysql://a:b@db/"),
            ("YONIN_ENV_REDIS_URL", "redis://a:b@cache/0"),
            ("YONIN_TESTER_PUBLIC_KEY", &key),
        ]);
        assert_eq!(mistakes, Vec::<String>::new());
        assert_eq!(config.expect("a configuration").pools, PathBuf::from("/srv/yonin/pools"));
    }
}
