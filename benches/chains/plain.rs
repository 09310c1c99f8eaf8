//! What a chain costs at the least: its rows, written by nobody who could lose a claim.

use crate::{IN_FLIGHT, PARCEL};
use benches::Place;
use sqlx::{
    MySqlPool, SqlitePool,
    mysql::MySqlPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

const TABLE: &str = "create table chains (id bigint not null primary key, step bigint not null, body text not null)";
const INSERT: &str = "insert into chains (id, step, body) values (?, 0, ?)";
const UPDATE: &str = "update chains set step = step + 1, body = ? where id = ?";

/// A table for plain chains.
#[derive(Clone)]
pub(crate) enum Plain {
    Sqlite(SqlitePool),
    MySql(MySqlPool),
}

impl Plain {
    pub(crate) async fn open(place: &Place) -> anyhow::Result<Self> {
        Ok(match place {
            Place::File(directory) => {
                let options = SqliteConnectOptions::new()
                    .filename(directory.path().join("plain.db"))
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full);
                // A file has one writer; more connections would only wait for each other's locks.
                let pool = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false).connect_with(options);
                let pool = pool.await?;
                sqlx::query(TABLE).execute(&pool).await?;
                Self::Sqlite(pool)
            }
            Place::Schema(url) => {
                let connections = u32::try_from(IN_FLIGHT)?;
                let pool = MySqlPoolOptions::new().max_connections(connections).test_before_acquire(false).connect(url);
                let pool = pool.await?;
                sqlx::query(TABLE).execute(&pool).await?;
                Self::MySql(pool)
            }
        })
    }

    /// Four transactions: one row of 2 KB is inserted, and updated three times.
    pub(crate) async fn chain(self, number: u64) -> anyhow::Result<()> {
        let (id, body) = (number.cast_signed(), "x".repeat(PARCEL));
        for step in 0..4 {
            match &self {
                Self::Sqlite(pool) => {
                    let mut tx = pool.begin().await?;
                    let query = if step == 0 {
                        sqlx::query(INSERT).bind(id).bind(&body)
                    } else {
                        sqlx::query(UPDATE).bind(&body).bind(id)
                    };
                    query.execute(&mut *tx).await?;
                    tx.commit().await?;
                }
                Self::MySql(pool) => {
                    let mut tx = pool.begin().await?;
                    let query = if step == 0 {
                        sqlx::query(INSERT).bind(id).bind(&body)
                    } else {
                        sqlx::query(UPDATE).bind(&body).bind(id)
                    };
                    query.execute(&mut *tx).await?;
                    tx.commit().await?;
                }
            }
        }
        Ok(())
    }
}
