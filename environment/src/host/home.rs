//! The directory of one app or preview.
//!
//! ```text
//! releases/<digest>/   its files, which nobody changes any more
//! releases/<digest>.manifest
//! current -> releases/<digest>
//! config.php           accounts, for its PHP alone
//! accounts.json        the same and the readers', for the host alone
//! log/ tmp/            what PHP writes
//! ```
//!
//! Other users may pass through the directories, since Nginx must, but neither list them nor read a file.

use super::{HostError, atomic};
use crate::local::{may_switch, password};
use protocol::Digest;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

/// Where one app's, or one preview's, files are.
#[derive(Debug, Clone)]
pub(super) struct Home {
    pub(super) dir: PathBuf,
    /// The user its PHP works as; also the group that may read.
    pub(super) uid: u32,
}

/// The passwords of one place's accounts, in MySQL and Redis alike, and a secret for what its PHP signs.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Accounts {
    pub(super) user: String,
    pub(super) reader: String,
    pub(super) secret: String,
}

impl Home {
    pub(super) fn releases(&self) -> PathBuf {
        self.dir.join("releases")
    }

    pub(super) fn current(&self) -> PathBuf {
        self.dir.join("current")
    }

    pub(super) fn config(&self) -> PathBuf {
        self.dir.join("config.php")
    }

    pub(super) fn php_log(&self) -> PathBuf {
        self.dir.join("log/php.log")
    }

    /// Makes the directories and logs. What is there stays.
    pub(super) fn make(&self) -> Result<(), HostError> {
        let make = || {
            for dir in [self.dir.clone(), self.releases(), self.dir.join("log")] {
                fs::create_dir_all(&dir)?;
                self.give(&dir, Give::Group, 0o711)?;
            }
            let tmp = self.dir.join("tmp");
            fs::create_dir_all(&tmp)?;
            self.give(&tmp, Give::All, 0o700)?;
            for log in [self.php_log(), self.dir.join("log/fpm.log")] {
                OpenOptions::new().create(true).append(true).mode(0o600).open(&log)?;
                self.give(&log, Give::All, 0o640)?;
            }
            Ok(())
        };
        make().map_err(HostError::file("cannot make", &self.dir))
    }

    /// The accounts' passwords, made up when first asked for.
    pub(super) fn accounts(&self) -> Result<Accounts, HostError> {
        let file = self.dir.join("accounts.json");
        match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| HostError::file("cannot understand", file)(io::Error::other(error))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let accounts = Accounts { user: password(), reader: password(), secret: password() };
                let text = serde_json::to_vec(&accounts).expect("strings are JSON");
                atomic::write(&file, &text, 0o600).map_err(HostError::file("cannot write", file))?;
                Ok(accounts)
            }
            Err(error) => Err(HostError::file("cannot read", file)(error)),
        }
    }

    /// Writes `config.php`, unless it says that already, and answers its address.
    pub(super) fn write_config(&self, text: &str) -> Result<Digest, HostError> {
        let file = self.config();
        if fs::read(&file).ok().as_deref() != Some(text.as_bytes()) {
            let write =
                atomic::write(&file, text.as_bytes(), 0o440).and_then(|()| self.give(&file, Give::Group, 0o440));
            write.map_err(HostError::file("cannot write", &file))?;
        }
        Ok(Digest::of_bytes(text.as_bytes()))
    }

    /// Lets this release answer from the next request on; `None` lets none.
    pub(super) fn point(&self, release: Option<Digest>) -> Result<(), HostError> {
        let link = self.current();
        let done = match release {
            Some(release) => atomic::link(&link, &Path::new("releases").join(release.hex())),
            None => match fs::remove_file(&link) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed.and_then(|()| atomic::sync_directory(&self.dir)),
            },
        };
        done.map_err(HostError::file("cannot point", link))
    }

    /// The release that answers.
    pub(super) fn pointed(&self) -> Option<Digest> {
        let target = fs::read_link(self.current()).ok()?;
        format!("sha256:{}", target.file_name()?.to_str()?).parse().ok()
    }

    pub(super) fn give(&self, path: &Path, what: Give, mode: u32) -> io::Result<()> {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        match what {
            _ if !may_switch() => Ok(()),
            Give::All => chown(path, Some(self.uid), Some(self.uid)),
            Give::Group => chown(path, None, Some(self.uid)),
        }
    }
}

/// What the app's user gets of a file.
#[derive(Clone, Copy)]
pub(super) enum Give {
    /// It owns it.
    All,
    /// It has what the group has.
    Group,
}
