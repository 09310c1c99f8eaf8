//! The schema, and how an older database comes to it.
//!
//! Steps are only ever added, and only such as leave programs of the version before at work: a new table, a new column with a
//! default, an index. So replicas of two versions run side by side during a rolling update. A step that is not like that says
//! so in [`OLDEST`], and older programs then refuse to start.

use super::StoreError;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, MySqlConnection, SqlitePool, mysql::MySqlConnectOptions,
};

/// The form that rows are written in. A program leaves rows of a newer form alone.
pub(super) const FORM: i64 = 2;

/// The oldest schema version whose programs can work with today's schema.
const OLDEST: i64 = 2;

/// Every step from an empty file to today's schema, in order. Never change one that was released; add another.
const SQLITE: &[&str] = &[
    include_str!("sqlite/1_jobs.sql"),
    include_str!("sqlite/2_shares.sql"),
    include_str!("sqlite/3_secrets.sql"),
    include_str!("sqlite/4_api_keys.sql"),
    include_str!("sqlite/5_asks.sql"),
    include_str!("sqlite/6_traces.sql"),
];

/// The same for MySQL and MariaDB, which commit every statement of a schema by itself. Step by step as above, and each statement
/// such that it may be repeated: a process may die between it and the note that it is done.
const MYSQL: &[&str] = &[
    include_str!("mysql/2_jobs.sql"),
    include_str!("mysql/3_secrets.sql"),
    include_str!("mysql/4_api_keys.sql"),
    include_str!("mysql/5_asks.sql"),
    include_str!("mysql/6_traces.sql"),
];
/// The steps of [`MYSQL`] begin here: there was no such store before.
const FIRST_MYSQL: i64 = 2;

/// How long one replica waits for another that upgrades.
const UPGRADE_SECONDS: i64 = 600;

/// Brings the file to today's schema in one transaction, so that two processes that start together can't both do it. The
/// file's `user_version` counts the steps that were taken.
pub(super) async fn upgrade_sqlite(writer: &SqlitePool) -> Result<(), StoreError> {
    let mut tx = writer.begin_with("begin immediate").await?;
    let found: i64 = sqlx::query_scalar("pragma user_version").fetch_one(&mut *tx).await?;
    let known = i64::try_from(SQLITE.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for (version, step) in (1_i64..).zip(SQLITE) {
        if version > found {
            sqlx::raw_sql(*step).execute(&mut *tx).await?;
            // A pragma takes no parameters; the value is a number of ours.
            sqlx::raw_sql(AssertSqlSafe(format!("pragma user_version = {version}"))).execute(&mut *tx).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// Brings the schema that the options name to today's form. Of replicas that start together one does it while the others wait.
pub(super) async fn upgrade_mysql(options: &MySqlConnectOptions) -> Result<(), StoreError> {
    let mut connection = options.connect().await?;
    let known = FIRST_MYSQL - 1 + i64::try_from(MYSQL.len()).unwrap_or(i64::MAX);
    if version(&mut connection).await?.is_some_and(|(found, _)| found == known) {
        connection.close().await?;
        return Ok(());
    }
    lock(&mut connection).await?;
    let upgraded = upgrade_alone(&mut connection, known).await;
    // The lock goes with the connection.
    connection.close().await?;
    upgraded
}

async fn upgrade_alone(connection: &mut MySqlConnection, known: i64) -> Result<(), StoreError> {
    let found = match version(connection).await? {
        Some((found, oldest)) if oldest > known => return Err(StoreError::Newer { found, known }),
        Some((found, _)) => found,
        None => FIRST_MYSQL - 1,
    };
    for (version, step) in (FIRST_MYSQL..).zip(MYSQL) {
        if version > found {
            for statement in step.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()) {
                sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut *connection).await?;
            }
            sqlx::query("replace into schema_version (id, version, oldest) values (1, ?, ?)")
                .bind(version)
                .bind(OLDEST)
                .execute(&mut *connection)
                .await?;
            tracing::info!(store.schema = version, "The store's schema was upgraded");
        }
    }
    Ok(())
}

/// The schema's version, and the oldest one whose programs it still serves. `None` in an empty database.
async fn version(connection: &mut MySqlConnection) -> Result<Option<(i64, i64)>, StoreError> {
    let known: i64 = sqlx::query_scalar(
        "select count(*) from information_schema.tables where table_schema = database() and table_name = 'schema_version'",
    )
    .fetch_one(&mut *connection)
    .await?;
    if known == 0 {
        return Ok(None);
    }
    Ok(sqlx::query_as("select version, oldest from schema_version where id = 1").fetch_optional(connection).await?)
}

/// Named for the schema, since locks are the whole server's. The answer is looked at: a lock that was not given is none.
async fn lock(connection: &mut MySqlConnection) -> Result<(), StoreError> {
    let locked: Option<i64> =
        sqlx::query_scalar("select get_lock(concat('yonin.', left(sha2(database(), 256), 32)), ?)")
            .bind(UPGRADE_SECONDS)
            .fetch_one(connection)
            .await?;
    if locked == Some(1) { Ok(()) } else { Err(StoreError::Upgrading) }
}
