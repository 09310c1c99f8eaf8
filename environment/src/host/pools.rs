//! PHP-FPM pools: one for each app and preview, asked for with a file, run by [`crate::local::PoolSupervisor`].
//!
//! Every pool is an FPM master of its own, which never was root and is never reloaded. A pool that comes or goes therefore
//! touches no other: one master for all would, on each reload, wait for the slowest request of every app, and forget the
//! compiled code of all of them.

use super::{HostError, atomic};
use protocol::{Code, Digest};
use serde::{Deserialize, Serialize};
use std::{io, path::PathBuf, time::Duration};
use tokio::{net::UnixStream, time::Instant};

/// What a pool is, as the host asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolSpec {
    /// `app-shop`, `pv-4f...`: the name of its file and of its socket's directory.
    pub name: String,
    /// The directory of the app or preview: `releases/`, `config.php`, `log/`, `tmp/`.
    pub home: PathBuf,
    /// The user and group its processes work as; the supervisor's own where it may not switch.
    pub uid: u32,
    /// The address of `config.php`: another one means that the pool starts again, since PHP keeps compiled files.
    pub config: Digest,
}

/// The pools as the host sees them: files to write, sockets to wait for.
#[derive(Debug, Clone)]
pub struct Pools {
    specs: PathBuf,
    sockets: PathBuf,
}

/// How long the supervisor may take to start or end a pool.
const PATIENCE: Duration = Duration::from_secs(15);

impl Pools {
    /// Pools that are asked for in `specs` and answer in `sockets`.
    #[must_use]
    pub fn new(specs: PathBuf, sockets: PathBuf) -> Self {
        Self { specs, sockets }
    }

    /// Asks for a pool and waits until its socket answers. One that is there already is left as it is.
    ///
    /// # Errors
    /// [`Code::WebUnavailable`] when nobody starts it.
    pub async fn open(&self, spec: &PoolSpec) -> Result<(), HostError> {
        let file = self.specs.join(format!("{}.json", spec.name));
        let text = serde_json::to_vec(spec).expect("a pool is JSON");
        if std::fs::read(&file).ok().as_ref() != Some(&text) {
            atomic::write(&file, &text, 0o644).map_err(HostError::file("cannot write", &file))?;
        }
        let socket = self.socket(&spec.name);
        let deadline = Instant::now() + PATIENCE;
        // The socket of a pool that must start again is gone before the new one comes, but perhaps not yet: its stamp tells.
        let stamp = Digest::of_bytes(&text).hex();
        while !(self.stamp(&spec.name) == Some(stamp.clone()) && UnixStream::connect(&socket).await.is_ok()) {
            if Instant::now() > deadline {
                return Err(Code::WebUnavailable.problem(format!("no PHP pool {} came up", spec.name)).into());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    /// Gives up a pool; its requests under way end first. None there is no error.
    ///
    /// # Errors
    /// [`HostError::File`], or [`Code::WebUnavailable`] when nobody ends it.
    pub async fn close(&self, name: &str) -> Result<(), HostError> {
        let file = self.specs.join(format!("{name}.json"));
        match std::fs::remove_file(&file) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(HostError::file("cannot remove", file)(error)),
        }
        let deadline = Instant::now() + PATIENCE;
        while self.sockets.join(name).exists() {
            if Instant::now() > deadline {
                return Err(Code::WebUnavailable.problem(format!("the PHP pool {name} does not end")).into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Names of all pools that are asked for.
    ///
    /// # Errors
    /// [`HostError::File`].
    pub fn names(&self) -> Result<Vec<String>, HostError> {
        let entries = std::fs::read_dir(&self.specs).map_err(HostError::file("cannot list", &self.specs))?;
        let names =
            entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".json").map(str::to_owned));
        Ok(names.collect())
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.sockets.join(name).join(SOCKET)
    }

    fn stamp(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.sockets.join(name).join(STAMP)).ok()
    }
}

/// The socket's name in the pool's directory.
pub(crate) const SOCKET: &str = "fpm.sock";
/// Beside the socket: the digest of the file that asked for this pool.
pub(crate) const STAMP: &str = "stamp";
