//! Two databases that look like one. The SQL of the store is written once, in the words that SQLite, MySQL and MariaDB share;
//! what they don't share is here: the clock, row locks, and which errors pass.

mod mysql;
mod row;
mod sqlite;

pub(super) use row::{Row, Sql, Value, places};

use super::StoreError;
use sqlx::{MySql, MySqlPool, Sqlite, SqlitePool, Transaction};
use std::{future::Future, path::Path, time::Duration};

/// How long a caller waits for a connection, or for the lock that another writer has.
const PATIENCE: Duration = Duration::from_secs(10);

/// Times that a transaction is tried when others are in its way.
const ATTEMPTS: u32 = 20;

/// A database with today's schema.
#[derive(Debug, Clone)]
pub(super) enum Database {
    /// One file: write-ahead log, one connection that writes, a few that read.
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    /// A server, shared by many processes.
    MySql(MySqlPool),
}

/// A transaction. Dropped before [`Tx::commit`], it leaves nothing behind.
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    MySql(Transaction<'static, MySql>),
}

impl Database {
    /// Opens the file, creating or upgrading it.
    pub(super) async fn sqlite(file: &Path) -> Result<Self, StoreError> {
        let (writer, readers) = sqlite::open(file).await?;
        Ok(Self::Sqlite { writer, readers })
    }

    /// Connects to the server, and creates or upgrades the schema that the URL names.
    pub(super) async fn mysql(url: &str, connections: u32) -> Result<Self, StoreError> {
        Ok(Self::MySql(mysql::open(url, connections).await?))
    }

    /// A transaction that sees what others have committed (READ COMMITTED) and, on SQLite, holds the write lock from its
    /// start, so that it never fails half-way because another has it.
    pub(super) async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("begin immediate").await?),
            Self::MySql(pool) => Tx::MySql(pool.begin().await?),
        })
    }

    /// Runs one statement that is a transaction of its own. Gives how many rows it found.
    pub(super) async fn execute(&self, sql: &Sql) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Sqlite { writer, .. } => sql.for_sqlite().execute(writer).await?.rows_affected(),
            Self::MySql(pool) => sql.for_mysql().execute(pool).await?.rows_affected(),
        })
    }

    /// Reads rows outside of any transaction.
    pub(super) async fn rows(&self, sql: &Sql) -> Result<Vec<Row>, StoreError> {
        patiently(passes_with_a_connection, || async {
            Ok(match self {
                Self::Sqlite { readers, .. } => Row::all_sqlite(sql.for_sqlite().fetch_all(readers).await?),
                Self::MySql(pool) => Row::all_mysql(sql.for_mysql().fetch_all(pool).await?),
            })
        })
        .await
    }

    /// Reads the first row there is.
    pub(super) async fn row(&self, sql: &Sql) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql).await?.into_iter().next())
    }
}

impl Tx {
    /// Runs a statement. Gives how many rows it found, changed or not.
    pub(super) async fn execute(&mut self, sql: &Sql) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => sql.for_sqlite().execute(&mut **tx).await?.rows_affected(),
            Self::MySql(tx) => sql.for_mysql().execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// Reads rows.
    pub(super) async fn rows(&mut self, sql: &Sql) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => Row::all_sqlite(sql.for_sqlite().fetch_all(&mut **tx).await?),
            Self::MySql(tx) => Row::all_mysql(sql.for_mysql().fetch_all(&mut **tx).await?),
        })
    }

    /// Reads the first row there is.
    pub(super) async fn row(&mut self, sql: &Sql) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql).await?.into_iter().next())
    }

    /// Waits for every other transaction that has asked for this. SQLite's are alone from their start; on a server they hold a row
    /// that every store has, and that nothing else is done with after the start.
    pub(super) async fn one_at_a_time(&mut self) -> Result<(), StoreError> {
        if let Self::MySql(tx) = self {
            sqlx::query("select version from schema_version where id = 1 for update").fetch_one(&mut **tx).await?;
        }
        Ok(())
    }

    /// Makes it last.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::MySql(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// Runs a transaction again when it was refused because of others: a deadlock, a lock that was not let go, a row that somebody
/// else inserted first. The database has taken all of it back then, so once is enough.
pub(super) async fn alone<T, F>(transaction: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    patiently(passes_with_the_others, transaction).await
}

/// The same, also when the connection broke. Only for what may be done twice: nobody can tell whether a commit took place
/// that was never answered.
pub(super) async fn again<T, F>(transaction: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    patiently(|error| passes_with_the_others(error) || passes_with_a_connection(error), transaction).await
}

async fn patiently<T, F>(passes: impl Fn(&StoreError) -> bool, attempt: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Err(error) if passes(&error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "A transaction is tried again");
                metrics::counter!("yonin_store_retries_total").increment(1);
            }
            ended => return ended,
        }
    }
    attempt().await
}

fn passes_with_the_others(error: &StoreError) -> bool {
    let StoreError::Database(sqlx::Error::Database(error)) = error else { return false };
    error.is_unique_violation() || mysql::is_contended(error.as_ref())
}

fn passes_with_a_connection(error: &StoreError) -> bool {
    match error {
        StoreError::Database(sqlx::Error::Io(_)) => true,
        StoreError::Database(sqlx::Error::Database(error)) => mysql::is_connection_lost(error.as_ref()),
        _ => false,
    }
}
