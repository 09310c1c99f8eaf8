//! Whether the environment's servers answer, for those who watch from outside.

use super::{Host, environment::Shared};
use std::{error::Error, sync::Weak, time::Duration};
use tokio::time::timeout;

/// How often they are asked.
const EVERY: Duration = Duration::from_secs(10);

/// A server that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

impl Host {
    /// Tells whether MySQL and Redis answer, for as long as the host lives.
    pub(super) fn watch_servers(&self) {
        tokio::spawn(watch(std::sync::Arc::downgrade(&self.0)));
    }
}

async fn watch(host: Weak<Shared>) {
    let mut clock = tokio::time::interval(EVERY);
    loop {
        clock.tick().await;
        let Some(shared) = host.upgrade() else { return };
        let (mysql, redis) =
            tokio::join!(timeout(PATIENCE, shared.database.ping()), timeout(PATIENCE, shared.cache.ping()));
        tell("mysql", mysql.map_err(Into::into).and_then(|answered| answered.map_err(Into::into)));
        tell("redis", redis.map_err(Into::into).and_then(|answered| answered.map_err(Into::into)));
    }
}

fn tell(server: &'static str, answered: Result<(), Box<dyn Error + Send + Sync>>) {
    metrics::gauge!("yonin_environment_up", "server" => server).set(if answered.is_ok() { 1.0 } else { 0.0 });
    if let Err(error) = answered {
        tracing::warn!(server.name = server, error = &*error, "A server of the environment does not answer");
    }
}
