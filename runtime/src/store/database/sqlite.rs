use super::PATIENCE;
use crate::store::{StoreError, schema};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt as _, path::Path};

/// The connection that writes and those that read.
pub(super) async fn open(file: &Path) -> Result<(SqlitePool, SqlitePool), StoreError> {
    // Goals and what the agents journal are nobody else's to read. SQLite gives its other files the same mode.
    OpenOptions::new().create(true).append(true).mode(0o600).open(file).map_err(sqlx::Error::from)?;
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // What was acknowledged survives a power failure, too.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE);
    let writer = pool(1).connect_with(options.clone()).await?;
    schema::upgrade_sqlite(&writer).await?;
    let readers = pool(3).connect_lazy_with(options.pragma("query_only", "on"));
    Ok((writer, readers))
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        // A connection to a file does not go stale.
        .test_before_acquire(false)
        .max_lifetime(None)
}
