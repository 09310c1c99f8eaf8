//! The schema, and how an older file comes to it.

use crate::store::StoreError;
use sqlx::SqlitePool;

/// Every step from an empty file to today's schema, in order. Never change one that was released; add another.
const STEPS: &[&str] = &[include_str!("migrations/1_jobs.sql")];

/// Brings the file to today's schema in one transaction, so that two processes that start together can't both do it. The
/// file's `user_version` counts the steps that were taken.
pub(super) async fn upgrade(writer: &SqlitePool) -> Result<(), StoreError> {
    let mut tx = writer.begin_with("begin immediate").await?;
    let found: i64 = sqlx::query_scalar("pragma user_version").fetch_one(&mut *tx).await?;
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for (version, step) in (1_i64..).zip(STEPS) {
        if version > found {
            sqlx::raw_sql(*step).execute(&mut *tx).await?;
            // A pragma takes no parameters; the value is a number of ours.
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!("pragma user_version = {version}"))).execute(&mut *tx).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}
