use super::LocalError;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// The passwords of the environment's own accounts. Made at the first start, kept in a file that only the owner reads.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Secrets {
    /// Of the host, which may do everything.
    pub(crate) admin: String,
    /// Of the account that may read everything.
    pub(crate) reader: String,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

impl Secrets {
    /// The kept ones, or fresh ones, which are then kept.
    pub(crate) fn load_or_make(file: &Path) -> Result<Self, LocalError> {
        match fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| LocalError::file("cannot understand", file)(std::io::Error::other(error))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::make(file),
            Err(error) => Err(LocalError::file("cannot read", file)(error)),
        }
    }

    fn make(file: &Path) -> Result<Self, LocalError> {
        let secrets = Self { admin: password(), reader: password() };
        let text = serde_json::to_vec(&secrets).expect("strings are JSON");
        let partial = file.with_extension("partial");
        let write = || {
            let mut options = OpenOptions::new();
            let mut open = options.create(true).truncate(true).write(true).mode(0o600).open(&partial)?;
            open.write_all(&text)?;
            open.sync_all()?;
            fs::rename(&partial, file)
        };
        write().map_err(LocalError::file("cannot write", file))?;
        Ok(secrets)
    }
}

/// 32 hex digits of randomness: safe in SQL, URLs and configuration files alike.
pub(crate) fn password() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}
