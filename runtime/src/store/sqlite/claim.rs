//! Claiming jobs, and holding on to them.

use super::{Sqlite, VERSION, id, micros, now, read::JobRow};
use crate::store::{Claim, Claimed, Due, StoreError};
use protocol::JobId;
use sqlx::{FromRow, QueryBuilder, Row};
use std::time::Duration;

impl Sqlite {
    pub(crate) async fn claim(
        &self,
        agent: &str,
        holder: &str,
        lease: Duration,
        limit: usize,
        woken: &[JobId],
    ) -> Result<Vec<Claimed>, StoreError> {
        let mut tx = self.begin().await?;
        let now = now();
        for peer in woken {
            sqlx::query("update jobs set due_at = ? where agent = ? and peer = ? and state = 'waiting' and due_at > ?")
                .bind(now)
                .bind(agent)
                .bind(&peer.as_bytes()[..])
                .bind(now)
                .execute(&mut *tx)
                .await?;
        }
        let mut claimed = Vec::new();
        while claimed.len() < limit {
            // A running job that is due is one whose lease has ended.
            let row = sqlx::query(
                "update jobs set
                     lost_leases = lost_leases + (state = 'running'),
                     started_at = case when cancelling then started_at else coalesce(started_at, ?) end,
                     state = 'running', fence = fence + 1, holder = ?, due_at = ?, updated_at = ?
                 where id = (select id from jobs where agent = ? and due_at <= ? and version <= ? order by due_at limit 1)
                 returning *",
            )
            .bind(now)
            .bind(holder)
            .bind(now.saturating_add(micros(lease)))
            .bind(now)
            .bind(agent)
            .bind(now)
            .bind(VERSION)
            .fetch_optional(&mut *tx)
            .await?;
            match row {
                Some(row) => claimed.push(claimed_job(&row)?),
                None => break,
            }
        }
        tx.commit().await?;
        Ok(claimed)
    }

    pub(crate) async fn due(&self, agent: &str, woken: &[JobId]) -> Result<Due, StoreError> {
        let next: Option<i64> =
            sqlx::query_scalar("select min(due_at) from jobs where agent = ? and due_at is not null and version <= ?")
                .bind(agent)
                .bind(VERSION)
                .fetch_one(&self.readers)
                .await?;
        let next = next.map(|at| Duration::from_micros(u64::try_from(at.saturating_sub(now())).unwrap_or(0)));
        if woken.is_empty() {
            return Ok(Due { next, woken: false });
        }
        let mut query = QueryBuilder::new("select exists (select 1 from jobs where agent = ");
        query.push_bind(agent).push(" and state = 'waiting' and peer in (");
        let mut peers = query.separated(", ");
        for peer in woken {
            peers.push_bind(peer.as_bytes().to_vec());
        }
        query.push("))");
        let woken = query.build_query_scalar::<bool>().fetch_one(&self.readers).await?;
        Ok(Due { next, woken })
    }

    pub(crate) async fn renew(&self, claim: &Claim, lease: Duration) -> Result<bool, StoreError> {
        let now = now();
        sqlx::query_scalar(
            "update jobs set due_at = ? where id = ? and fence = ? and state = 'running' returning cancelling",
        )
        .bind(now.saturating_add(micros(lease)))
        .bind(&claim.id.as_bytes()[..])
        .bind(claim.fence.cast_signed())
        .fetch_optional(&self.writer)
        .await?
        .ok_or(StoreError::Fenced)
    }

    pub(crate) async fn is_cancelling(&self, claim: &Claim) -> Result<bool, StoreError> {
        sqlx::query_scalar("select cancelling from jobs where id = ? and fence = ? and state = 'running'")
            .bind(&claim.id.as_bytes()[..])
            .bind(claim.fence.cast_signed())
            .fetch_optional(&self.readers)
            .await?
            .ok_or(StoreError::Fenced)
    }

    #[cfg(test)]
    pub(crate) async fn end_leases(&self, agent: &str) -> Result<(), StoreError> {
        sqlx::query("update jobs set due_at = 0 where agent = ? and state = 'running'")
            .bind(agent)
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

fn claimed_job(row: &sqlx::sqlite::SqliteRow) -> Result<Claimed, StoreError> {
    let record = JobRow::from_row(row)?.record()?;
    let answer: Option<String> = row.try_get("answer")?;
    let peer: Option<Vec<u8>> = row.try_get("peer")?;
    Ok(Claimed {
        claim: Claim { id: record.id, fence: row.try_get::<i64, _>("fence")?.cast_unsigned() },
        record,
        answer: answer.map(|it| serde_json::from_str(&it)).transpose()?,
        cancelling: row.try_get("cancelling")?,
        failures: row.try_get("failures")?,
        lost_leases: row.try_get("lost_leases")?,
        polls: row.try_get("polls")?,
        peer: peer.as_deref().map(id).transpose()?,
    })
}
