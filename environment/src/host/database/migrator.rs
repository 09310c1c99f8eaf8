//! The account that runs migrations: one for each schema, granted that schema alone, with a new password every time.
//!
//! There is at most one connection that changes a schema. Whoever takes over first writes down that it owns the schema,
//! then ends the connections of whoever did before; an older owner that wakes up late finds itself superseded.

use super::{
    Database, DatabaseError,
    account::user,
    ledger::{self, LedgerRow},
    literal, name, table,
};
use protocol::{Digest, tools::Epoch};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, Row as _};
use std::time::{Duration, Instant};

/// Everything a migration may need, in its own schema.
const PRIVILEGES: &str = "select, insert, update, delete, create, alter, drop, index, references, lock tables";

/// How the statements are read: as the parser read them (no ANSI quotes, backslashes escape), strictly, a 0 for an automatic number
/// being a 0, and never waiting long for a request of the app.
const SESSION: &str = "set session transaction isolation level read committed; set session time_zone = '+00:00', \
    sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO', \
    lock_wait_timeout = 20, innodb_lock_wait_timeout = 20";

/// An old connection ends within this, or is reported.
const END_WITHIN: Duration = Duration::from_secs(30);

/// The one connection that changes a schema.
pub(super) struct Migrator {
    pub(super) connection: MySqlConnection,
    pub(super) schema: String,
    pub(super) owner: Epoch,
}

impl Database {
    /// Ends every connection that migrates the schema, and waits until the server has let go of what they ran.
    ///
    /// # Errors
    /// [`DatabaseError::Busy`] when one does not end within 30 s.
    pub async fn end_connections_of(&self, schema: &str) -> Result<(), DatabaseError> {
        self.drop_account(&account(schema)).await
    }

    /// Ends the connections of an account and waits until they are gone.
    pub(super) async fn end_connections_by(&self, account: &str) -> Result<(), DatabaseError> {
        let deadline = Instant::now() + END_WITHIN;
        loop {
            let rows = sqlx::query("select cast(id as unsigned) from information_schema.processlist where user = ?")
                .bind(account)
                .fetch_all(&self.pool)
                .await?;
            if rows.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(DatabaseError::Busy("an old connection is still undoing what it began".into()));
            }
            for row in rows {
                let id: u64 = row.try_get_unchecked(0)?;
                self.kill(id).await?;
            }
            // The server tells nobody when a killed connection has gone: ask again.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(super) async fn kill(&self, id: u64) -> Result<(), DatabaseError> {
        const NO_SUCH_THREAD: u16 = 1094;
        match sqlx::raw_sql(AssertSqlSafe(format!("kill {id}"))).execute(&self.pool).await {
            Ok(_) => Ok(()),
            Err(error) if super::error::number(&error) == Some(NO_SUCH_THREAD) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Becomes the one who changes the schema.
    pub(super) async fn take_over(&self, schema: &str, owner: Epoch) -> Result<Migrator, DatabaseError> {
        if !self.schema_exists(schema).await? {
            return Err(DatabaseError::NoSchema(schema.to_owned()));
        }
        self.claim(schema, owner).await?;
        let account = account(schema);
        self.drop_account(&account).await?;
        let password = hex::encode(rand::random::<[u8; 24]>());
        self.run(format!("create user {} identified by {}", user(&account), literal(&password))).await?;
        self.grant(&account, schema, PRIVILEGES).await?;
        let options = (*self.options).clone().username(&account).password(&password).database(schema);
        let mut connection = MySqlConnection::connect_with(&options).await?;
        sqlx::raw_sql(SESSION).execute(&mut connection).await?;
        let mut migrator = Migrator { connection, schema: schema.to_owned(), owner };
        migrator.still_owns().await?;
        Ok(migrator)
    }

    /// Writes down that this owner changes the schema from now on, unless a later one does.
    async fn claim(&self, schema: &str, owner: Epoch) -> Result<(), DatabaseError> {
        let mut connection = self.dedicated(schema, "set session lock_wait_timeout = 20").await?;
        for create in ledger::CREATE {
            sqlx::raw_sql(create).execute(&mut connection).await?;
        }
        sqlx::query("insert ignore into _yonin_owner (one, turn, fence) values (1, ?, ?)")
            .bind(owner.turn)
            .bind(owner.fence)
            .execute(&mut connection)
            .await?;
        let claimed = sqlx::query(
            "update _yonin_owner set turn = ?, fence = ? where one = 1 and (turn < ? or (turn = ? and fence <= ?))",
        )
        .bind(owner.turn)
        .bind(owner.fence)
        .bind(owner.turn)
        .bind(owner.turn)
        .bind(owner.fence)
        .execute(&mut connection)
        .await?;
        connection.close().await?;
        // Matched rows are counted, so the same owner's second claim counts too.
        if claimed.rows_affected() == 0 { Err(DatabaseError::Superseded(schema.to_owned())) } else { Ok(()) }
    }
}

impl Migrator {
    /// A later owner writes itself down before it ends this connection: whoever still reads its own name here, and is
    /// cut off afterwards, has done nothing that the later one does not see.
    async fn still_owns(&mut self) -> Result<(), DatabaseError> {
        let row =
            sqlx::query("select turn, fence from _yonin_owner where one = 1").fetch_one(&mut self.connection).await?;
        let owner = Epoch { turn: row.try_get(0)?, fence: row.try_get(1)? };
        if owner == self.owner { Ok(()) } else { Err(DatabaseError::Superseded(self.schema.clone())) }
    }

    pub(super) async fn ledger(&mut self) -> Result<Vec<LedgerRow>, DatabaseError> {
        Ok(ledger::read(&mut self.connection).await?)
    }

    pub(super) async fn run(&mut self, sql: impl Into<String>) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(&mut self.connection).await.map(|_| ())
    }

    /// Keeps everybody else out of every table: an `alter` reaches into the tables its foreign keys join.
    pub(super) async fn lock_everything(&mut self) -> Result<(), sqlx::Error> {
        let tables = table::list(&mut self.connection, &self.schema).await?;
        let locks: Vec<String> = tables.iter().map(|table| format!("{} write", name(table))).collect();
        self.run(format!("lock tables {}", locks.join(", "))).await
    }

    /// Ends the account together with the connection.
    pub(super) async fn finish(self, database: &Database) -> Result<(), DatabaseError> {
        self.connection.close().await?;
        database.end_connections_of(&self.schema).await
    }
}

/// The migrating account of a schema; at most 32 characters.
fn account(schema: &str) -> String {
    format!("mg_{}", &Digest::of_bytes(schema.as_bytes()).hex()[..26])
}
