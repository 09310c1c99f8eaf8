//! Writes of those who do not hold the job: submit, cancel, answer. They never touch what a worker is in the middle of.

use super::{Sqlite, VERSION, append, now, read::JobRow};
use crate::{
    Principal,
    store::{NewJob, StoreError, Submitted},
};
use protocol::JobId;
use serde_json::Value;
use sqlx::{Sqlite as Database, Transaction};

impl Sqlite {
    pub(crate) async fn submit(&self, agent: &str, job: &NewJob) -> Result<Submitted, StoreError> {
        let (kind, owner) = match &job.owner {
            Principal::Person(name) => ("person", name),
            Principal::Service(name) => ("service", name),
        };
        let mut tx = self.begin().await?;
        if let Some(key) = &job.key {
            let known: Option<(Vec<u8>, String)> = sqlx::query_as(
                "select id, input_digest from jobs
                 where agent = ? and owner_kind = ? and owner = ? and tool = ? and idempotency_key = ?",
            )
            .bind(agent)
            .bind(kind)
            .bind(owner)
            .bind(job.tool)
            .bind(key)
            .fetch_optional(&mut *tx)
            .await?;
            match known {
                Some((id, digest)) if digest == job.input_digest.to_string() => {
                    return Ok(Submitted::Known(row(&mut tx, &id).await?.record()?));
                }
                Some(_) => return Ok(Submitted::Conflict),
                None => {}
            }
        }
        // Made under the write lock: the order of ids is the order in which jobs were written.
        let (id, now) = (JobId::fresh(), now());
        let due = match &job.lane {
            Some(lane) => enter(&mut tx, agent, lane, id).await?.then_some(now),
            None => Some(now),
        };
        sqlx::query(
            "insert into jobs (id, agent, tool, owner_kind, owner, idempotency_key, input_digest, input, version, lane, state,
                               due_at, created_at, updated_at)
             values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?)",
        )
        .bind(&id.as_bytes()[..])
        .bind(agent)
        .bind(job.tool)
        .bind(kind)
        .bind(owner)
        .bind(&job.key)
        .bind(job.input_digest.to_string())
        .bind(serde_json::to_string(&job.input)?)
        .bind(VERSION)
        .bind(&job.lane)
        .bind(due)
        .bind(now)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        append(&mut tx, id, now, &job.events).await?;
        let record = row(&mut tx, id.as_bytes()).await?.record()?;
        tx.commit().await?;
        Ok(Submitted::New(record))
    }

    pub(crate) async fn cancel(&self, agent: &str, job: JobId) -> Result<bool, StoreError> {
        let now = now();
        // One compare-and-set against `committed`: of this and the point of no return, exactly one wins. A running job keeps
        // its lease; its worker does the rest. Any other is due at once, even one that its lane blocks.
        let done = sqlx::query(
            "update jobs set due_at = case when state = 'running' or cancelling then due_at else ? end,
                             cancelling = 1, updated_at = ?
             where id = ? and agent = ? and ended_at is null and committed = 0",
        )
        .bind(now)
        .bind(now)
        .bind(&job.as_bytes()[..])
        .bind(agent)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    pub(crate) async fn answer(&self, agent: &str, job: JobId, answer: &Value) -> Result<bool, StoreError> {
        let now = now();
        let done = sqlx::query(
            "update jobs set state = 'waiting', answer = ?, due_at = ?, updated_at = ?
             where id = ? and agent = ? and state = 'asking' and cancelling = 0",
        )
        .bind(serde_json::to_string(answer)?)
        .bind(now)
        .bind(now)
        .bind(&job.as_bytes()[..])
        .bind(agent)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}

/// Puts a job into a lane. Whether it is at the head.
async fn enter(
    tx: &mut Transaction<'static, Database>,
    agent: &str,
    lane: &str,
    job: JobId,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "insert into lanes (agent, lane, holder) values (?, ?, ?)
         on conflict (agent, lane) do update set holder = excluded.holder where holder is null",
    )
    .bind(agent)
    .bind(lane)
    .bind(&job.as_bytes()[..])
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn row(tx: &mut Transaction<'static, Database>, id: &[u8]) -> Result<JobRow, StoreError> {
    Ok(sqlx::query_as("select * from jobs where id = ?").bind(id).fetch_one(&mut **tx).await?)
}
