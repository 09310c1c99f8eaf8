//! The store in one SQLite file: write-ahead log, one connection that writes, a few that read.

mod claim;
mod outside;
mod read;
mod schema;
mod write;

use super::StoreError;
use protocol::{JobId, Timestamp, event::What};
use sqlx::{
    Sqlite as Database, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration};

/// The form that rows are written in. A program leaves rows of a newer form alone.
const VERSION: i64 = 1;

/// How long one writer waits for another process's.
const BUSY: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub(super) struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Sqlite {
    pub(super) async fn open(file: &Path) -> Result<Self, StoreError> {
        // Goals and what the agents journal are nobody else's to read. SQLite gives its other files the same mode.
        OpenOptions::new().create(true).append(true).mode(0o600).open(file).map_err(sqlx::Error::from)?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What was acknowledged survives a power failure, too.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let writer = pool(1).connect_with(options.clone()).await?;
        schema::upgrade(&writer).await?;
        let readers = pool(3).connect_lazy_with(options.pragma("query_only", "on"));
        Ok(Self { writer, readers })
    }

    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("select 1 from jobs limit 1").fetch_optional(&self.readers).await?;
        Ok(())
    }

    /// A transaction that holds the write lock from its start, so that it never fails half-way because another has it.
    async fn begin(&self) -> Result<Transaction<'static, Database>, StoreError> {
        Ok(self.writer.begin_with("begin immediate").await?)
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(BUSY)
        // A connection to a file does not go stale.
        .test_before_acquire(false)
        .max_lifetime(None)
}

/// Appends events to a job's history. Their numbers come from the job's own counter, in the transaction that writes them: no
/// reader ever sees a gap.
async fn append(
    tx: &mut Transaction<'static, Database>,
    job: JobId,
    now: i64,
    events: &[What],
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let last: i64 = sqlx::query_scalar("update jobs set events = events + ? where id = ? returning events")
        .bind(count)
        .bind(&job.as_bytes()[..])
        .fetch_one(&mut **tx)
        .await?;
    for (seq, what) in (last - count + 1..).zip(events) {
        sqlx::query("insert into events (job, seq, at, what) values (?, ?, ?, ?)")
            .bind(&job.as_bytes()[..])
            .bind(seq)
            .bind(now)
            .bind(serde_json::to_string(what)?)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// The clock that leases are counted on, in microseconds since 1970.
fn now() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

fn moment(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_timestamp_micros(micros).ok_or_else(|| unreadable("a moment"))
}

fn id(bytes: &[u8]) -> Result<JobId, StoreError> {
    Ok(JobId::from_bytes(bytes.try_into().map_err(|_| unreadable("an id"))?))
}

fn unreadable(what: &str) -> StoreError {
    StoreError::Database(sqlx::Error::Decode(format!("{what} is not stored as one").into()))
}
