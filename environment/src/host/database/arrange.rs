use super::{Account, Database, DatabaseError};
use crate::client::{Bound, bound, prepare, problem};
use protocol::{Code, Problem, tools::host::Arranged};
use serde_json::Value;
use sqlx::{Connection as _, MySqlConnection, Row as _};
use std::time::Duration;

/// A statement takes at most this long.
const LIMIT: Duration = Duration::from_secs(20);
/// And concerns at most this many rows.
const MOST_ROWS: u64 = 200_000;

/// How the statement is read: as the parser read it, strictly; what it calls now is now in UTC.
const SESSION: &str = "set session time_zone = '+00:00', \
    sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', \
    lock_wait_timeout = 10, innodb_lock_wait_timeout = 10";

impl Database {
    /// Carries out one statement that changes rows, under this account: all of it or nothing. Ended early, it is undone.
    ///
    /// # Errors
    /// [`Code::BadRequest`] when the server refuses it, or it takes more than 20 s or concerns more than 200,000 rows;
    /// [`Code::MysqlUnavailable`].
    pub async fn arrange(&self, account: &Account, statement: &str, params: &[Value]) -> Result<Arranged, Problem> {
        let query = bound(statement, params)?;
        let Account { user, password, schema, .. } = account;
        let options = (*self.options).clone().username(user).password(password).database(schema);
        let mut connection = MySqlConnection::connect_with(&options).await.map_err(|error| problem(&error))?;
        let guard = self.guard(&mut connection).await.map_err(|error| problem(&error))?;
        let done = tokio::time::timeout(LIMIT, change(&mut connection, query)).await;
        let changed = match done {
            Ok(changed) => changed.map_err(|error| problem(&error))?,
            Err(_) => Err(Code::BadRequest.problem(format!("it took longer than {} s", LIMIT.as_secs()))),
        };
        if changed.is_ok() {
            guard.over();
            connection.close().await.map_err(DatabaseError::from)?;
        }
        changed
    }

    async fn guard(&self, connection: &mut MySqlConnection) -> Result<Guard, sqlx::Error> {
        prepare(connection).await?;
        sqlx::raw_sql(SESSION).execute(&mut *connection).await?;
        let row = sqlx::query("select cast(connection_id() as unsigned)").fetch_one(connection).await?;
        Ok(Guard(Some((self.clone(), row.try_get_unchecked(0)?))))
    }
}

/// Ends a connection that was given up in the middle: the server would work on, and hold what it has locked.
struct Guard(Option<(Database, u64)>);

impl Guard {
    fn over(mut self) {
        self.0 = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some((database, id)) = self.0.take() {
            tokio::spawn(async move {
                if let Err(error) = database.kill(id).await {
                    tracing::warn!(error = %error, "An arrangement that was given up may still be at work");
                }
            });
        }
    }
}

async fn change(connection: &mut MySqlConnection, query: Bound<'_>) -> Result<Result<Arranged, Problem>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let done = query.execute(&mut *transaction).await?;
    if done.rows_affected() > MOST_ROWS {
        transaction.rollback().await?;
        let detail = format!("it concerns {} rows; at most {MOST_ROWS} may be changed at once", done.rows_affected());
        return Ok(Err(Code::BadRequest.problem(detail)));
    }
    transaction.commit().await?;
    let id = Some(done.last_insert_id()).filter(|id| *id > 0);
    Ok(Ok(Arranged { rows: done.rows_affected(), id }))
}
