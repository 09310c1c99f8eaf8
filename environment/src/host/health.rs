//! Whether the environment's servers answer, for those who watch from outside.

use super::{Host, environment::Shared};
use std::{
    error::Error,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::time::{error::Elapsed, timeout};

/// How often they are asked.
const EVERY: Duration = Duration::from_secs(10);

/// A server that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

impl Host {
    /// Tells whether MySQL and Redis answer, for as long as the host lives.
    pub(super) fn watch_servers(&self) {
        tokio::spawn(watch(Arc::downgrade(&self.0)));
    }
}

async fn watch(host: Weak<Shared>) {
    let mut clock = tokio::time::interval(EVERY);
    let (mut mysql_is_up, mut redis_is_up) = (true, true);
    loop {
        clock.tick().await;
        let Some(shared) = host.upgrade() else { return };
        let (mysql, redis) =
            tokio::join!(timeout(PATIENCE, shared.database.ping()), timeout(PATIENCE, shared.cache.ping()));
        tell("mysql", &mut mysql_is_up, mysql);
        tell("redis", &mut redis_is_up, redis);
    }
}

/// Says it in the log when it has changed.
fn tell<E: Error + Send + Sync + 'static>(
    server: &'static str,
    is_up: &mut bool,
    answered: Result<Result<(), E>, Elapsed>,
) {
    let answered: Result<(), Box<dyn Error + Send + Sync>> = match answered {
        Ok(answered) => answered.map_err(Into::into),
        Err(late) => Err(late.into()),
    };
    let was_up = std::mem::replace(is_up, answered.is_ok());
    metrics::gauge!("yonin_environment_up", "server" => server).set(if *is_up { 1.0 } else { 0.0 });
    match answered {
        Err(error) if was_up => {
            tracing::warn!(server.name = server, error = &*error, "A server of the environment does not answer");
        }
        Ok(()) if !was_up => tracing::info!(server.name = server, "A server of the environment answers again"),
        Ok(()) | Err(_) => {}
    }
}
