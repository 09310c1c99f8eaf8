//! Where jobs, events, effects and artifacts live. All SQL of the runtime is below this module.

use std::path::Path;

/// The store of one agent. Cheap to clone. SQLite (WAL) today; the interface is what a MySQL store implements as well.
#[derive(Debug, Clone)]
pub struct Store {
    // ...
}

/// What went wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said so.
    #[error("the store does not answer")]
    Database(#[from] sqlx::Error),
    /// A stored value does not have the form it was written in.
    #[error("a stored value can't be read")]
    Corrupt(#[from] serde_json::Error),
    /// The caller's fencing token is not the highest any more: another replica has taken the job over.
    #[error("another replica has taken the job over")]
    Fenced,
}

impl Store {
    /// Opens the SQLite store in this file, creating or upgrading it.
    ///
    /// # Errors
    /// When the file can't be opened, or was written by a newer version.
    pub async fn sqlite(_file: &Path) -> Result<Self, StoreError> {
        todo!()
    }
}
