//! What Coder and Tester use on the environment, with the accounts of one app or preview.

mod web;

pub use web::{Web, WebRequest, WebResponse};

use protocol::{Problem, tools::host::Access};
use serde_json::{Map, Value};

/// The app's schema, read with the accounts of an [`Access`]. Cheap to keep for a whole run.
pub struct Sql {}

impl Sql {
    /// Connects.
    ///
    /// # Errors
    /// [`protocol::Code::MysqlUnavailable`].
    pub async fn connect(_access: &Access) -> Result<Self, Problem> {
        todo!()
    }

    /// Rows by column name, in the order they came. Integers arrive as numbers, decimals, dates and text as strings, NULL as
    /// null.
    ///
    /// # Errors
    /// [`protocol::Code::MysqlUnavailable`]; [`protocol::Code::BadRequest`] when the database does not accept the query.
    pub async fn query(&self, _sql: &str, _params: &[Value]) -> Result<Vec<Map<String, Value>>, Problem> {
        todo!()
    }
}

/// The app's keys in Redis, read with the accounts of an [`Access`].
pub struct Keys {}

/// One key.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyState {
    /// Its name below the app's prefix.
    pub key: String,
    /// What it holds; nothing for keys that hold no string.
    pub value: Option<Value>,
    /// Seconds to live; nothing for a key that stays.
    pub ttl_seconds: Option<i64>,
}

impl Keys {
    /// Connects.
    ///
    /// # Errors
    /// [`protocol::Code::RedisUnavailable`].
    pub async fn connect(_access: &Access) -> Result<Self, Problem> {
        todo!()
    }

    /// The keys below the app's prefix that match this Redis glob, sorted by name. Characters that mean something in a glob
    /// are the caller's to escape.
    ///
    /// # Errors
    /// [`protocol::Code::RedisUnavailable`].
    pub async fn matching(&self, _pattern: &str) -> Result<Vec<KeyState>, Problem> {
        todo!()
    }
}
