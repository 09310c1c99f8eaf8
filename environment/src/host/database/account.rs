use super::{Database, DatabaseError, literal, name};
use std::fmt;

/// A MySQL account of one app or preview.
#[derive(Clone)]
pub struct Account {
    /// At most 32 characters.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The only schema it sees.
    pub schema: String,
    /// What it may do there.
    pub rights: Rights,
}

/// What an account may do in its schema. None may change the schema itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Read and write rows: the app's PHP.
    ReadWrite,
    /// Read rows: Coder and Tester on the live app.
    ReadOnly,
}

impl Rights {
    fn privileges(self) -> &'static str {
        match self {
            Self::ReadWrite => "select, insert, update, delete",
            Self::ReadOnly => "select, show view",
        }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, schema, rights, password: _ } = self;
        f.debug_struct("Account")
            .field("user", user)
            .field("schema", schema)
            .field("rights", rights)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Makes the account, or gives the one that exists this password, with rights on its schema alone.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn create_account(&self, account: &Account) -> Result<(), DatabaseError> {
        let (user, password) = (user(&account.user), literal(&account.password));
        self.run(format!("create user if not exists {user} identified by {password}")).await?;
        self.run(format!("alter user {user} identified by {password}")).await?;
        self.grant(&account.user, &account.schema, account.rights.privileges()).await
    }

    /// Drops the account and ends its connections. None there is no error.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn drop_account(&self, account: &str) -> Result<(), DatabaseError> {
        self.run(format!("drop user if exists {}", user(account))).await?;
        self.end_connections_by(account).await
    }

    pub(super) async fn grant(&self, account: &str, schema: &str, privileges: &str) -> Result<(), DatabaseError> {
        let pattern = if self.grants_take_names_as_they_are().await? { schema.to_owned() } else { escaped(schema) };
        self.run(format!("grant {privileges} on {}.* to {}", name(&pattern), user(account))).await
    }

    /// MySQL with `partial_revokes` reads `_`, `%` and the backslash before them as themselves; every other server as wildcards.
    async fn grants_take_names_as_they_are(&self) -> Result<bool, DatabaseError> {
        let row: Option<(String, String)> =
            sqlx::query_as("show variables like 'partial_revokes'").fetch_optional(&self.pool).await?;
        Ok(row.is_some_and(|(_, value)| value.eq_ignore_ascii_case("on")))
    }
}

pub(super) fn user(account: &str) -> String {
    format!("{}@'%'", literal(account))
}

/// `_` and `%` in the schema of a grant stand for anything: `app_x` would open `appyx`.
fn escaped(schema: &str) -> String {
    schema.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%")
}
