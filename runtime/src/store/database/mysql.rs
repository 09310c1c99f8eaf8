use super::PATIENCE;
use crate::store::{StoreError, schema};
use sqlx::{
    Connection as _, Executor as _, MySqlConnection, MySqlPool,
    error::DatabaseError,
    mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlPoolOptions},
    pool::PoolConnectionMetadata,
};
use std::time::Duration;

/// A connection that nobody has used for so long is asked whether it still lives.
const UNSEEN: Duration = Duration::from_secs(1);

/// After a failover, connections to the server that was the first one before are gone within this time.
const LIFETIME: Duration = Duration::from_secs(300);

/// Connects, and brings the schema up to date.
pub(super) async fn open(url: &str, connections: u32) -> Result<MySqlPool, StoreError> {
    let options: MySqlConnectOptions = url.parse()?;
    schema::upgrade_mysql(&options).await?;
    let pool = MySqlPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .max_lifetime(LIFETIME)
        .test_before_acquire(false)
        .after_connect(|connection, _| Box::pin(prepare(connection)))
        .before_acquire(|connection, seen| Box::pin(is_alive(connection, seen)))
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// Under REPEATABLE READ an insert would wait for an open claim, and a transaction would not see what others have committed.
async fn prepare(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    connection.execute("set session transaction isolation level read committed").await?;
    connection.execute("set session innodb_lock_wait_timeout = 10").await?;
    Ok(())
}

async fn is_alive(connection: &mut MySqlConnection, seen: PoolConnectionMetadata) -> Result<bool, sqlx::Error> {
    Ok(seen.idle_for < UNSEEN || connection.ping().await.is_ok())
}

/// Others were in the way, and the transaction, or the statement, was taken back: 1213 deadlock, 1205 lock wait.
pub(super) fn is_contended(error: &dyn DatabaseError) -> bool {
    matches!(number(error), Some(1213 | 1205))
}

/// 1290 and 1836 read-only since a failover, 1053 shutting down, 2006 and 2013 gone, 1927 killed.
pub(super) fn is_connection_lost(error: &dyn DatabaseError) -> bool {
    matches!(number(error), Some(1290 | 1836 | 1053 | 2006 | 2013 | 1927))
}

fn number(error: &dyn DatabaseError) -> Option<u16> {
    error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
}
