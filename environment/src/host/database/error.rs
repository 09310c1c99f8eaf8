use protocol::{Code, Problem};
use sqlx::mysql::MySqlDatabaseError;

/// What can go wrong with the environment's MySQL. No variant carries a password or a whole statement.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// No connection, or it broke; trying again may go better.
    #[error("MySQL does not answer")]
    Unavailable(#[source] sqlx::Error),
    /// Another transaction, or an old connection that does not end, stands in the way; trying again may go better.
    #[error("MySQL is busy: {0}")]
    Busy(String),
    /// The statement is not one that a migration may be.
    #[error("{0}")]
    NotAllowed(Problem),
    /// The server refused a migration.
    #[error("{id}: {message}")]
    Refused {
        /// The migration.
        id: String,
        /// What the server says.
        message: String,
    },
    /// The ledger knows this id with another statement.
    #[error("{0} was recorded with another statement")]
    Changed(String),
    /// A later owner has begun to change the schema.
    #[error("a later owner changes {0}")]
    Superseded(String),
    /// Restoring would lose, or break, what is there now.
    #[error("{0}")]
    RestoreRefused(String),
    /// The admin account has no such schema.
    #[error("there is no schema {0}")]
    NoSchema(String),
    /// The server refused something that the host itself wrote.
    #[error("MySQL refused what the host asked for")]
    Server(#[source] sqlx::Error),
}

impl DatabaseError {
    /// The server's refusal of a migration, told apart from a server that is not there.
    pub(crate) fn of_migration(id: &str, error: sqlx::Error) -> Self {
        match Self::from(error) {
            Self::Server(sqlx::Error::Database(refusal)) => {
                Self::Refused { id: id.to_owned(), message: refusal.message().to_owned() }
            }
            other => other,
        }
    }
}

/// The server's number of an error, if the server sent it.
pub(crate) fn number(error: &sqlx::Error) -> Option<u16> {
    match error {
        sqlx::Error::Database(error) => error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number),
        _ => None,
    }
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        match number(&error) {
            // Too many connections, shutting down, killed, lost, read-only, not prepared: the server, not the statement.
            Some(1040 | 1053 | 1077 | 1079 | 1184 | 1203 | 1290 | 1317 | 1836 | 1927 | 2002 | 2006 | 2013) => {
                Self::Unavailable(error)
            }
            Some(1205 | 1206 | 1213 | 1412) => {
                Self::Busy("another transaction holds rows or a table that are needed".into())
            }
            Some(_) => Self::Server(error),
            None => match error {
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Protocol(_) => Self::Unavailable(error),
                other => Self::Server(other),
            },
        }
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        let code = match &error {
            DatabaseError::Unavailable(_) | DatabaseError::Busy(_) => Code::MysqlUnavailable,
            DatabaseError::NotAllowed(problem) => return problem.clone(),
            DatabaseError::Refused { .. } => Code::MigrationFailed,
            DatabaseError::Changed(_) => Code::MigrationChanged,
            DatabaseError::Superseded(_) => Code::StaleEpoch,
            DatabaseError::RestoreRefused(_) => Code::RollbackRefused,
            DatabaseError::NoSchema(_) => Code::NotFound,
            DatabaseError::Server(_) => Code::Internal,
        };
        if let DatabaseError::Server(cause) | DatabaseError::Unavailable(cause) = &error {
            tracing::warn!(error.cause = %cause, "the environment's MySQL failed");
        }
        code.problem(error.to_string())
    }
}
