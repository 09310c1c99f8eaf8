use protocol::{Code, Problem, tools::host::Access};
use redis::aio::ConnectionManager;
use serde_json::Value;
use std::{collections::BTreeSet, fmt, time::Duration};

/// The app's keys in Redis, read with the accounts of an [`Access`].
pub struct Keys {
    connection: ConnectionManager,
    prefix: String,
}

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

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Keys {
    /// Connects.
    ///
    /// # Errors
    /// [`Code::RedisUnavailable`].
    pub async fn connect(access: &Access) -> Result<Self, Problem> {
        let config = redis::aio::ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(Duration::from_secs(2)))
            .set_response_timeout(Some(Duration::from_secs(5)));
        let client = redis::Client::open(access.redis.as_str()).map_err(|error| unavailable(&error))?;
        let connection =
            ConnectionManager::new_with_config(client, config).await.map_err(|error| unavailable(&error))?;
        Ok(Self { connection, prefix: access.redis_prefix.clone() })
    }

    /// The keys below the app's prefix that match this Redis glob, sorted by name. Characters that mean something in a glob
    /// are the caller's to escape. A key that ends while it is looked at is left out.
    ///
    /// # Errors
    /// [`Code::RedisUnavailable`].
    pub async fn matching(&self, pattern: &str) -> Result<Vec<KeyState>, Problem> {
        self.read(pattern).await.map_err(|error| unavailable(&error))
    }

    async fn read(&self, pattern: &str) -> Result<Vec<KeyState>, redis::RedisError> {
        let names = self.names(pattern).await?;
        let mut states = Vec::with_capacity(names.len());
        for name in names {
            states.extend(self.state(name).await?);
        }
        Ok(states)
    }

    async fn names(&self, pattern: &str) -> Result<BTreeSet<String>, redis::RedisError> {
        let pattern = format!("{}{pattern}", crate::host::cache::escaped(&self.prefix));
        let mut connection = self.connection.clone();
        let mut names = BTreeSet::new();
        let mut cursor = 0_u64;
        loop {
            let (next, found): (u64, Vec<Vec<u8>>) = redis::cmd("SCAN")
                .arg(cursor)
                .arg("MATCH")
                .arg(&pattern)
                .arg("COUNT")
                .arg(1_000)
                .query_async(&mut connection)
                .await?;
            names.extend(found.into_iter().map(|name| String::from_utf8_lossy(&name).into_owned()));
            cursor = next;
            if cursor == 0 {
                return Ok(names);
            }
        }
    }

    async fn state(&self, name: String) -> Result<Option<KeyState>, redis::RedisError> {
        const GONE: i64 = -2;
        const STAYS: i64 = -1;
        let mut connection = self.connection.clone();
        let (kind, ttl): (String, i64) =
            redis::pipe().cmd("TYPE").arg(&name).cmd("TTL").arg(&name).query_async(&mut connection).await?;
        let value = match kind.as_str() {
            "string" => redis::cmd("GET").arg(&name).query_async::<Option<Vec<u8>>>(&mut connection).await?,
            _ => None,
        };
        if ttl == GONE || (kind == "string" && value.is_none()) {
            return Ok(None);
        }
        Ok(Some(KeyState {
            key: name.strip_prefix(&self.prefix).unwrap_or(&name).to_owned(),
            value: value.map(|bytes| Value::String(String::from_utf8_lossy(&bytes).into_owned())),
            ttl_seconds: (ttl != STAYS).then_some(ttl),
        }))
    }
}

fn unavailable(error: &redis::RedisError) -> Problem {
    tracing::debug!(error.kind = ?error.kind(), "The environment's Redis did not answer");
    Code::RedisUnavailable.problem("its connection failed, or it refused the account")
}
