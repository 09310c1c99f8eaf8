use crate::{Failure, arguments::Server, client::Client};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Where a local `yonin up` answers, and its key: written to its data directory while it runs, readable by its owner only.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Connection {
    /// The API's origin.
    pub(crate) api: String,
    /// The API key.
    pub(crate) key: String,
}

impl Connection {
    const FILE: &str = "yonin.json";

    /// Leaves it for the commands of the same user.
    pub(crate) fn write(&self, data_dir: &Path) -> io::Result<()> {
        write_private(&data_dir.join(Self::FILE), &serde_json::to_vec(self)?)
    }

    /// Takes it away.
    pub(crate) fn remove(data_dir: &Path) {
        // Nobody reads it once the API is gone; a file that stays only makes for a different error message.
        let _ = fs::remove_file(data_dir.join(Self::FILE));
    }

    fn read(data_dir: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(data_dir.join(Self::FILE))?)?)
    }
}

impl Server {
    /// A client of the Yonin that the arguments name, or of the local one.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        if let Some(url) = &self.url {
            let local =
                || Connection::read(&self.data_dir()).ok().filter(|found| found.api == *url).map(|found| found.key);
            let key = self.key.clone().or_else(local);
            let key = key.ok_or_else(|| Failure::Usage(format!("no key for {url}: give --key or YONIN_KEY")))?;
            return Client::new(url, &key);
        }
        let data_dir = self.data_dir();
        let found = Connection::read(&data_dir).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                let place = data_dir.display();
                Failure::Usage(format!("no `yonin up` is running in {place}: start one, or give --url and --key"))
            }
            _ => Failure::io(format!("cannot read {}", data_dir.join(Connection::FILE).display()))(error),
        })?;
        Client::new(&found.api, self.key.as_ref().unwrap_or(&found.key))
    }

    /// Where a local `yonin up` keeps everything. Root's own home is closed to the users that the servers run as.
    pub(crate) fn data_dir(&self) -> PathBuf {
        if let Some(given) = &self.data_dir {
            return given.clone();
        }
        if nix::unistd::geteuid().is_root() {
            return PathBuf::from("/var/lib/yonin");
        }
        let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| ".".into())).join(".local/state");
        state.unwrap_or_else(home).join("yonin")
    }
}

/// Writes a file that only its owner can read, whole or not at all.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(fresh, path)
}
