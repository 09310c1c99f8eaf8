use super::{Cache, CacheError, escaped};
use std::fmt;

/// What an app's PHP may say to Redis: nothing that names keys it did not choose itself (KEYS, SCAN, RANDOMKEY), runs
/// scripts, blocks, or touches the server.
const WRITER: &str = "+get +set +setex +psetex +setnx +getset +getdel +getex +mget +mset +msetnx +append +strlen +getrange \
    +setrange +incr +incrby +incrbyfloat +decr +decrby +del +unlink +expire +pexpire +expireat +pexpireat +persist +ttl +pttl \
    +exists +type +touch +hget +hset +hsetnx +hmget +hmset +hgetall +hdel +hexists +hincrby +hincrbyfloat +hkeys +hvals +hlen \
    +hstrlen +lpush +rpush +lpushx +rpushx +lpop +rpop +lrange +llen +ltrim +lindex +lset +lrem +linsert +sadd +srem \
    +smembers +sismember +smismember +scard +spop +srandmember +zadd +zrem +zrange +zrangebyscore +zrevrange \
    +zrevrangebyscore +zscore +zmscore +zcard +zcount +zincrby +zrank +zrevrank +zremrangebyscore +zremrangebyrank +multi \
    +exec +discard +watch +unwatch +ping +echo +hello +auth +quit +reset +client|setname +client|getname \
    +client|id";

/// What the Tester may say. SCAN knows no prefix, so the names of other keys can be seen with it (never what they hold):
/// the Tester is trusted with names, an app's PHP is not.
const READER: &str = "+get +mget +strlen +ttl +pttl +exists +type +hgetall +hlen +lrange +llen +smembers +scard +zrange \
    +zcard +scan +ping +hello +auth +quit +client|id";

/// A Redis user of one app or preview.
#[derive(Clone)]
pub struct RedisAccount {
    /// Its name.
    pub user: String,
    /// Its password.
    pub password: String,
    /// What every key of its starts with, colon included.
    pub prefix: String,
    /// It only reads: Coder and Tester.
    pub read_only: bool,
}

impl fmt::Debug for RedisAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, prefix, read_only, password: _ } = self;
        f.debug_struct("RedisAccount")
            .field("user", user)
            .field("prefix", prefix)
            .field("read_only", read_only)
            .finish_non_exhaustive()
    }
}

impl Cache {
    /// Makes the user, or gives the one that exists these rights and this password, and no others.
    ///
    /// # Errors
    /// [`CacheError`].
    pub async fn create_user(&self, account: &RedisAccount) -> Result<(), CacheError> {
        let keys = escaped(&account.prefix);
        let (keys, commands) =
            if account.read_only { (format!("%R~{keys}*"), READER) } else { (format!("~{keys}*"), WRITER) };
        let mut command = redis::cmd("ACL");
        command
            .arg("SETUSER")
            .arg(&account.user)
            .arg("reset")
            .arg("on")
            .arg(format!(">{}", account.password))
            .arg(keys);
        // One command: another connection sees the user before or after, never halfway.
        for rule in commands.split_whitespace() {
            command.arg(rule);
        }
        let mut connection = self.connection().await?;
        command.exec_async(&mut connection).await?;
        self.persist().await
    }

    /// Drops the user and ends its connections. None there is no error.
    ///
    /// # Errors
    /// [`CacheError`].
    pub async fn drop_user(&self, user: &str) -> Result<(), CacheError> {
        redis::cmd("ACL").arg("DELUSER").arg(user).exec_async(&mut self.connection().await?).await?;
        self.persist().await
    }

    /// Writes the users to Redis' ACL file, so that they outlive it. A server without such a file refuses.
    async fn persist(&self) -> Result<(), CacheError> {
        Ok(redis::cmd("ACL").arg("SAVE").exec_async(&mut self.connection().await?).await?)
    }
}
