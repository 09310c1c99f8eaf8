use super::super::StoreError;
use sqlx::{
    AssertSqlSafe, Decode, MySql, Row as _, Sqlite, Type,
    mysql::{MySqlArguments, MySqlRow},
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

/// The moment a statement runs, on the database's clock, in microseconds since 1970.
const NOW: &str = "{now}";
const NOW_SQLITE: &str = "cast(unixepoch('subsec') * 1000000 as integer)";
const NOW_MYSQL: &str = "cast(unix_timestamp(now(6)) * 1000000 as signed)";

/// How the statements that lock rows end. SQLite knows no such locks: its transactions hold the whole file.
const ROW_LOCK: &str = " for update";

/// One statement and the values of its `?`. `{now}` in it is the database's clock.
#[derive(Debug, Clone)]
pub(crate) struct Sql {
    text: String,
    values: Vec<Value>,
}

/// A value of a statement.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

impl Sql {
    /// A statement. Nothing that came from outside may be in its text.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    /// With the value of its next `?`.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// With the values of as many `?`.
    pub(crate) fn bind_all(mut self, values: impl IntoIterator<Item = impl Into<Value>>) -> Self {
        self.values.extend(values.into_iter().map(Into::into));
        self
    }

    /// With another text for the same values.
    pub(crate) fn text(mut self, text: String) -> Self {
        self.text = text;
        self
    }

    /// With one more condition at its end.
    pub(crate) fn and(mut self, condition: &str) -> Self {
        self.text.push_str(" and ");
        self.text.push_str(condition);
        self
    }

    pub(super) fn for_sqlite(&self) -> Query<'_, Sqlite, SqliteArguments> {
        let text = self.text.split(ROW_LOCK).next().unwrap_or_default().replace(NOW, NOW_SQLITE);
        self.values.iter().fold(sqlx::query(AssertSqlSafe(text)), |query, value| match value {
            Value::Integer(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Bytes(value) => query.bind(value),
        })
    }

    pub(super) fn for_mysql(&self) -> Query<'_, MySql, MySqlArguments> {
        let text = self.text.replace(NOW, NOW_MYSQL);
        self.values.iter().fold(sqlx::query(AssertSqlSafe(text)), |query, value| match value {
            Value::Integer(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Bytes(value) => query.bind(value),
        })
    }
}

/// `?, ?, ?`: a place for each of so many values.
pub(crate) fn places(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// A row of either database.
#[derive(Debug)]
pub(crate) enum Row {
    Sqlite(SqliteRow),
    MySql(MySqlRow),
}

impl Row {
    pub(super) fn all_sqlite(rows: Vec<SqliteRow>) -> Vec<Self> {
        rows.into_iter().map(Self::Sqlite).collect()
    }

    pub(super) fn all_mysql(rows: Vec<MySqlRow>) -> Vec<Self> {
        rows.into_iter().map(Self::MySql).collect()
    }

    /// The value of a column.
    pub(crate) fn get<T>(&self, column: &str) -> Result<T, StoreError>
    where
        T: Type<Sqlite> + for<'r> Decode<'r, Sqlite> + Type<MySql> + for<'r> Decode<'r, MySql>,
    {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::MySql(row) => row.try_get(column)?,
        })
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        i64::from(value).into()
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<protocol::JobId> for Value {
    fn from(id: protocol::JobId) -> Self {
        Self::Bytes(Some(id.as_bytes().to_vec()))
    }
}

impl From<Option<protocol::JobId>> for Value {
    fn from(id: Option<protocol::JobId>) -> Self {
        Self::Bytes(id.map(|id| id.as_bytes().to_vec()))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Some(value))
    }
}
