//! The MySQL side of the environment: schemas, accounts, branches, migrations. The only place with SQL on the environment
//! under the admin account.
//!
//! A migration never runs under that account: it gets one of its own, granted a single schema ([`migrate`](Database::migrate)),
//! so that a statement which slips past [`classify`] still cannot leave its schema.

mod account;
mod arrange;
mod branch;
mod classify;
mod describe;
mod error;
mod guard;
mod ledger;
mod migrate;
mod migrator;
mod restore;
mod sample;
mod table;

pub use account::{Account, Rights};
pub use classify::{Class, classify};
pub use error::DatabaseError;
pub(crate) use error::number;
pub(crate) use guard::{check_changing, check_reading};
pub use ledger::{LedgerRow, LedgerState};
pub use migrate::{Applied, How, MigrateOptions};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, MySqlConnection, MySqlPool,
    mysql::{MySqlConnectOptions, MySqlPoolOptions},
};
use std::{fmt, sync::Arc, time::Duration};

/// Tables that the host keeps in an app's schema start so; nobody else sees or names them.
const HIDDEN: &str = "_yonin_";

/// The environment's MySQL or MariaDB under the host's admin account. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: MySqlPool,
    options: Arc<MySqlConnectOptions>,
}

/// Where the admin account is found.
#[derive(Clone)]
pub struct MysqlAdmin {
    /// `mysql://user:password@host:port/`.
    pub url: String,
}

impl fmt::Debug for MysqlAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MysqlAdmin(..)")
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database(..)")
    }
}

impl Database {
    /// Ready to be used; connects when first needed and holds at most eight connections.
    ///
    /// # Errors
    /// The URL is not one of MySQL's.
    pub fn connect(admin: &MysqlAdmin) -> Result<Self, DatabaseError> {
        let options: MySqlConnectOptions = admin.url.parse()?;
        // Statements carry passwords of accounts: they stay out of the log, the slow ones too.
        let options = options.pipes_as_concat(false).statement_cache_capacity(16).disable_statement_logging();
        let pool = MySqlPoolOptions::new()
            .max_connections(8)
            .min_connections(0)
            .acquire_timeout(Duration::from_secs(5))
            .idle_timeout(Duration::from_secs(60))
            .after_connect(|connection, _| {
                Box::pin(async move {
                    sqlx::raw_sql(
                        "set session transaction isolation level read committed; set session lock_wait_timeout = 20",
                    )
                    .execute(connection)
                    .await
                    .map(|_| ())
                })
            })
            .connect_lazy_with(options.clone());
        Ok(Self { pool, options: Arc::new(options) })
    }

    /// The server answers.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`].
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        self.run("select 1").await
    }

    /// Makes an empty schema; one that exists is left as it is.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn create_schema(&self, schema: &str) -> Result<(), DatabaseError> {
        self.run(format!("create schema if not exists {} character set utf8mb4", name(schema))).await
    }

    /// Drops a schema with all it holds, and the account that migrated it. None there is no error.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn drop_schema(&self, schema: &str) -> Result<(), DatabaseError> {
        self.end_connections_of(schema).await?;
        self.run(format!("drop schema if exists {}", name(schema))).await
    }

    /// There is such a schema.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn schema_exists(&self, schema: &str) -> Result<bool, DatabaseError> {
        let row = sqlx::query("select 1 from information_schema.schemata where schema_name = ?").bind(schema);
        Ok(row.fetch_optional(&self.pool).await?.is_some())
    }

    /// The names of all schemas.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn schemas(&self) -> Result<Vec<String>, DatabaseError> {
        let rows = sqlx::query("select schema_name from information_schema.schemata").fetch_all(&self.pool).await?;
        Ok(rows.iter().map(|row| describe::text(row, 0)).collect::<Result<_, _>>()?)
    }

    /// A connection outside the pool, for work that sets session variables or holds locks. It is closed when dropped.
    async fn dedicated(&self, schema: &str, session: &'static str) -> Result<MySqlConnection, DatabaseError> {
        let mut connection = MySqlConnection::connect_with(&(*self.options).clone().database(schema)).await?;
        sqlx::raw_sql(session).execute(&mut connection).await?;
        Ok(connection)
    }

    async fn run(&self, sql: impl Into<String>) -> Result<(), DatabaseError> {
        sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(&self.pool).await?;
        Ok(())
    }
}

/// A name between back-quotes.
fn name(text: &str) -> String {
    format!("`{}`", text.replace('`', "``"))
}

/// A text literal, for the statements that take no parameters. Valid while the session's `sql_mode` lets backslashes escape.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
