//! What Coder and Tester use on the environment, with the accounts of one app or preview.

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

/// The app as its users reach it. Keeps connections and, by name, jars of cookies.
pub struct Web {}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebRequest {
    /// `GET`, `POST` ...
    pub method: String,
    /// Path and query, starting with `/`.
    pub path: String,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// The jar whose cookies are sent and which keeps those that come; without one, none are.
    pub jar: Option<String>,
}

/// What came back. Redirects are not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebResponse {
    /// The status.
    pub status: u16,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, at most [`Web::MAX_BODY`] bytes of it.
    pub body: Vec<u8>,
    /// The body was longer and was cut.
    pub cut: bool,
    /// From the first byte sent to the last one read, in milliseconds.
    pub millis: u64,
}

impl Web {
    /// Of a body at most this many bytes are read: 1 MiB.
    pub const MAX_BODY: usize = 1 << 20;

    /// Connects when first used.
    #[must_use]
    pub fn new(_access: &Access) -> Self {
        todo!()
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// [`protocol::Code::WebUnavailable`] when nobody answers; [`protocol::Code::BadRequest`] when the request cannot be sent
    /// as it is.
    pub async fn send(&self, _request: WebRequest) -> Result<WebResponse, Problem> {
        todo!()
    }
}
