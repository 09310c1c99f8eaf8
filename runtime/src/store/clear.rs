//! Clearing away what ended long ago.

use super::{
    Store, StoreError,
    claim::micros,
    database::{Sql, alone, places},
};
use std::time::Duration;

/// Jobs that are removed at once: few enough that nobody waits for the locks.
const BATCH: u32 = 200;

/// An artifact is kept this long at least, whoever keeps it or not: a job may be about to.
const GRACE: Duration = Duration::from_secs(3600);

/// How much was cleared away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cleared {
    /// As much as is done at once; there may be more.
    Some,
    /// All there was.
    All,
}

impl Store {
    /// Removes jobs that ended longer ago than this, with their events, effects and artifacts, keys that did, and what clients
    /// were asked. Any number of replicas may do so at the same time, while others work.
    pub(crate) async fn clear_away(&self, retention: Duration) -> Result<Cleared, StoreError> {
        let removed = alone(|| self.remove_jobs(retention)).await?;
        if removed < BATCH as usize {
            alone(|| self.remove_artifacts()).await?;
            alone(|| self.remove_api_keys(retention)).await?;
            alone(|| self.remove_asks()).await?;
            return Ok(Cleared::All);
        }
        Ok(Cleared::Some)
    }

    async fn remove_jobs(&self, retention: Duration) -> Result<usize, StoreError> {
        let mut tx = self.database.begin().await?;
        let old = Sql::new(
            "select id from jobs where agent = ? and ended_at < {now} - ? order by ended_at limit ?
             for update skip locked",
        );
        let old = tx.rows(&old.bind(&*self.agent).bind(micros(retention)).bind(BATCH)).await?;
        let ids = old.iter().map(|row| row.get::<Vec<u8>>("id")).collect::<Result<Vec<_>, _>>()?;
        if ids.is_empty() {
            return Ok(0);
        }
        let them = places(ids.len());
        for (table, column) in [("events", "job"), ("effects", "job"), ("kept", "job"), ("jobs", "id")] {
            let delete = Sql::new(format!("delete from {table} where {column} in ({them})"));
            tx.execute(&delete.bind_all(ids.iter().cloned())).await?;
        }
        tx.commit().await?;
        Ok(ids.len())
    }

    /// Those that no job keeps any more.
    async fn remove_artifacts(&self) -> Result<u64, StoreError> {
        let sql = Sql::new(
            "delete from artifacts where kept_at < {now} - ?
             and not exists (select 1 from kept where kept.digest = artifacts.digest)",
        );
        self.database.execute(&sql.bind(micros(GRACE))).await
    }
}
