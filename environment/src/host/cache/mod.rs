//! The Redis side of the environment: users, prefixes, invalidations. The only place that speaks to the environment's Redis
//! under the admin account.

mod account;

pub use account::RedisAccount;

use protocol::{Code, Problem, artifact::Invalidation};
use redis::{AsyncCommands as _, aio::ConnectionManager};
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::OnceCell;

/// So many keys are asked for, and removed, at once.
const BATCH: usize = 500;

/// The environment's Redis under the host's admin account. Cheap to clone.
#[derive(Clone)]
pub struct Cache {
    client: redis::Client,
    connection: Arc<OnceCell<ConnectionManager>>,
}

/// Where the admin account is found.
#[derive(Clone)]
pub struct RedisAdmin {
    /// `redis://user:password@host:port/0`.
    pub url: String,
}

impl fmt::Debug for RedisAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisAdmin(..)")
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cache(..)")
    }
}

/// What can go wrong with the environment's Redis.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// No connection, or it broke; trying again may go better.
    #[error("Redis does not answer")]
    Unavailable(#[source] redis::RedisError),
    /// Redis refused a command.
    #[error("Redis refused what the host asked for")]
    Refused(#[source] redis::RedisError),
}

impl From<redis::RedisError> for CacheError {
    fn from(error: redis::RedisError) -> Self {
        use redis::ServerErrorKind as Kind;
        let passing = match error.kind() {
            redis::ErrorKind::Io => true,
            redis::ErrorKind::Server(kind) => matches!(
                kind,
                Kind::BusyLoading | Kind::TryAgain | Kind::MasterDown | Kind::ReadOnly | Kind::ClusterDown
            ),
            _ => error.is_timeout() || error.is_connection_dropped() || error.is_connection_refusal(),
        };
        if passing { Self::Unavailable(error) } else { Self::Refused(error) }
    }
}

impl From<CacheError> for Problem {
    fn from(error: CacheError) -> Self {
        let (code, cause) = match &error {
            CacheError::Unavailable(cause) => (Code::RedisUnavailable, cause),
            CacheError::Refused(cause) => (Code::Internal, cause),
        };
        tracing::warn!(error.kind = ?cause.kind(), "the environment's Redis failed");
        code.problem(error.to_string())
    }
}

impl Cache {
    /// Ready to be used; connects when first needed, and again whenever the connection breaks.
    ///
    /// # Errors
    /// The URL is not one of Redis'.
    pub fn connect(admin: &RedisAdmin) -> Result<Self, CacheError> {
        Ok(Self { client: redis::Client::open(admin.url.as_str())?, connection: Arc::default() })
    }

    /// Redis answers.
    ///
    /// # Errors
    /// [`CacheError::Unavailable`].
    pub async fn ping(&self) -> Result<(), CacheError> {
        Ok(redis::cmd("PING").exec_async(&mut self.connection().await?).await?)
    }

    /// Removes every key that starts so. Reads all keys' names: for previews that end, not for requests.
    ///
    /// # Errors
    /// [`CacheError`].
    pub async fn clear(&self, prefix: &str) -> Result<(), CacheError> {
        let mut connection = self.connection().await?;
        let pattern = format!("{}*", escaped(prefix));
        let mut cursor = 0_u64;
        loop {
            let (next, keys): (u64, Vec<Vec<u8>>) = redis::cmd("SCAN")
                .arg(cursor)
                .arg("MATCH")
                .arg(&pattern)
                .arg("COUNT")
                .arg(BATCH)
                .query_async(&mut connection)
                .await?;
            if !keys.is_empty() {
                connection.unlink::<_, ()>(keys).await?;
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    /// Carries out what a change-set says must leave the cache, below a prefix. Doing it twice does no harm.
    ///
    /// # Errors
    /// [`CacheError`].
    pub async fn invalidate(&self, prefix: &str, invalidations: &[Invalidation]) -> Result<(), CacheError> {
        let mut connection = self.connection().await?;
        for invalidation in invalidations {
            match invalidation {
                Invalidation::Bump(key) => connection.incr::<_, _, ()>(format!("{prefix}{key}"), 1).await?,
                Invalidation::Delete(start) => self.clear(&format!("{prefix}{start}")).await?,
            }
        }
        Ok(())
    }

    async fn connection(&self) -> Result<ConnectionManager, CacheError> {
        let config = redis::aio::ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(Duration::from_secs(2)))
            .set_response_timeout(Some(Duration::from_secs(5)));
        let manager =
            self.connection.get_or_try_init(|| ConnectionManager::new_with_config(self.client.clone(), config)).await?;
        Ok(manager.clone())
    }
}

/// A prefix as a pattern that stands for itself only.
pub(crate) fn escaped(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len());
    for character in prefix.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\' | '^') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}
