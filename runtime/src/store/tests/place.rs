//! Empty stores of every kind. The servers are those that the test run started; each test has a schema of its own.

use super::Store;
use sqlx::{Connection as _, Executor as _, MySqlConnection};
use tempfile::TempDir;

/// Where a store is. What is there goes with it.
pub(crate) enum Place {
    /// A file.
    File(TempDir),
    /// A schema on a server.
    Schema { server: String, schema: String },
}

impl Place {
    /// Opens the store; again and again, if wanted.
    pub(crate) async fn store(&self) -> Store {
        match self {
            Self::File(directory) => Store::sqlite(&directory.path().join("store")).await.expect("a store"),
            Self::Schema { .. } => Store::mysql(&self.url(), 8).await.expect("a store"),
        }
    }

    /// The URL of the schema.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::File(directory) => directory.path().join("store").display().to_string(),
            Self::Schema { server, schema } => format!("{server}/{schema}"),
        }
    }
}

impl Place {
    /// The URL of the schema under an account that was made a moment ago: its password is in no server's memory yet.
    pub(crate) async fn url_of_a_new_account(&self) -> String {
        let Self::Schema { server, schema } = self else { panic!("a file has no accounts") };
        let mut connection = MySqlConnection::connect(server).await.expect("the server answers");
        for statement in [
            format!("create user '{schema}'@'%' identified by 'pass-word'"),
            format!("grant all privileges on `{schema}`.* to '{schema}'@'%'"),
        ] {
            connection.execute(sqlx::AssertSqlSafe(statement)).await.expect("an account");
        }
        let (_, address) = server.rsplit_once('@').expect("an address");
        format!("mysql://{schema}:pass-word@{address}/{schema}")
    }
}

/// A file.
pub(crate) async fn sqlite() -> Option<Place> {
    Some(Place::File(tempfile::tempdir().expect("a directory")))
}

/// A schema on MariaDB.
pub(crate) async fn mariadb() -> Option<Place> {
    Some(schema(std::env::var("YONIN_TEST_MARIADB").expect("the test run starts a MariaDB: ./dev databases")).await)
}

/// A schema on MySQL. There is none where no MySQL can be had; the test run says so.
pub(crate) async fn mysql() -> Option<Place> {
    match std::env::var("YONIN_TEST_MYSQL") {
        Ok(server) => Some(schema(server).await),
        Err(_) => {
            eprintln!("SKIPPED: there is no MySQL on this machine");
            None
        }
    }
}

async fn schema(server: String) -> Place {
    let schema = format!("store_{:016x}", rand::random::<u64>());
    let mut connection = MySqlConnection::connect(&server).await.expect("the server answers");
    connection.execute(sqlx::AssertSqlSafe(format!("create database {schema}"))).await.expect("a schema");
    Place::Schema { server, schema }
}
