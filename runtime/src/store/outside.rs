//! Writes of those who do not hold the job: submit, cancel, answer. They never touch what a worker is in the middle of.

use super::{
    Store, StoreError,
    database::{Sql, Tx, again},
    read::{JobRow, stored},
    row::{Asking, NewJob, Submitted},
    schema::FORM,
    write::{append, keep},
};
use crate::telemetry::TraceContext;
use protocol::{Digest, JobId};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};

impl Store {
    /// Writes a job with its first events and artifacts, or finds the one with the same key.
    pub(crate) async fn submit(&self, job: &NewJob) -> Result<Submitted, StoreError> {
        let id = JobId::fresh();
        let tried = AtomicBool::new(false);
        again(|| async {
            // Only who has tried looks first: the key may be another job's; or the job was written, and its acknowledgement lost.
            if tried.swap(true, Ordering::Relaxed)
                && let Some(found) = self.find_written(job, id).await?
            {
                return Ok(found);
            }
            self.insert(job, id).await?;
            let written = self.get(id).await?.ok_or(StoreError::Database(sqlx::Error::RowNotFound))?;
            Ok(Submitted::New(written.0))
        })
        .await
    }

    async fn find_written(&self, job: &NewJob, id: JobId) -> Result<Option<Submitted>, StoreError> {
        if let Some((record, _)) = self.get(id).await? {
            return Ok(Some(Submitted::New(record)));
        }
        self.known(job).await
    }

    /// The job that was written under the same key, if there is one.
    pub(crate) async fn known(&self, job: &NewJob) -> Result<Option<Submitted>, StoreError> {
        let Some(key) = &job.key else { return Ok(None) };
        let (kind, owner) = stored(&job.owner);
        let sql = Sql::new(
            "select * from jobs where agent = ? and owner_kind = ? and owner = ? and tool = ? and idempotency_key = ?",
        );
        let sql = sql.bind_all([&*self.agent, kind, owner, job.tool]).bind(digest(key));
        let Some(row) = self.database.row(&sql).await? else { return Ok(None) };
        let same = row.get::<String>("input_digest")? == job.input_digest.to_string();
        Ok(Some(if same { Submitted::Known(JobRow::of(&row)?.record()?) } else { Submitted::Conflict }))
    }

    async fn insert(&self, job: &NewJob, id: JobId) -> Result<(), StoreError> {
        if job.lane.is_none() && job.events.is_empty() && job.artifacts.is_empty() {
            // The row is all there is: a transaction by itself.
            self.database.execute(&self.insertion(job, id, true)?).await?;
            return Ok(());
        }
        let mut tx = self.database.begin().await?;
        let is_due = match &job.lane {
            Some(lane) => self.enter(&mut tx, lane, id).await?,
            None => true,
        };
        tx.execute(&self.insertion(job, id, is_due)?).await?;
        append(&mut tx, id, &job.events).await?;
        for artifact in &job.artifacts {
            keep(&mut tx, id, 0, artifact).await?;
        }
        tx.commit().await
    }

    fn insertion(&self, job: &NewJob, id: JobId, is_due: bool) -> Result<Sql, StoreError> {
        let (kind, owner) = stored(&job.owner);
        let due = if is_due { "{now}" } else { "null" };
        let insert = Sql::new(format!(
            "insert into jobs (id, agent, owner_kind, owner, tool, idempotency_key, input_digest, input, share, lane, version,
                               trace, events, state, due_at, created_at, updated_at)
             values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', {due}, {{now}}, {{now}})"
        ));
        Ok(insert
            .bind(id)
            .bind_all([&*self.agent, kind, owner, job.tool])
            .bind(job.key.as_deref().map(digest))
            .bind(job.input_digest.to_string())
            .bind(serde_json::to_string(&job.input)?)
            .bind(job.share.as_deref().unwrap_or(owner))
            .bind(job.lane.clone())
            .bind(FORM)
            .bind(job.trace.as_ref().map(TraceContext::stored))
            .bind(i64::try_from(job.events.len()).unwrap_or(i64::MAX)))
    }

    /// Puts a job into a lane. Whether it is at the head.
    async fn enter(&self, tx: &mut Tx, lane: &str, job: JobId) -> Result<bool, StoreError> {
        let take = Sql::new("update lanes set holder = coalesce(holder, ?) where agent = ? and lane = ?");
        if tx.execute(&take.bind(job).bind(&*self.agent).bind(lane)).await? == 0 {
            // Should another do the same at this moment, one of the two is tried again.
            let open = Sql::new("insert into lanes (holder, agent, lane) values (?, ?, ?)");
            tx.execute(&open.bind(job).bind(&*self.agent).bind(lane)).await?;
        }
        let head = Sql::new("select 1 from lanes where agent = ? and lane = ? and holder = ?");
        Ok(tx.row(&head.bind(&*self.agent).bind(lane).bind(job)).await?.is_some())
    }

    /// Asks for a job's end. `false` when it has ended, is past its point of no return, or does not exist.
    pub(crate) async fn cancel(&self, job: JobId) -> Result<bool, StoreError> {
        // One compare-and-set against `committed`: of this and the point of no return, exactly one wins. A running job keeps
        // its lease; its worker does the rest. Any other is due at once, even one that its lane blocks or that asks a person.
        // In this order: MySQL's later assignments see what the earlier ones did.
        let sql = Sql::new(
            "update jobs set due_at = case when state = 'running' or cancelling then due_at else {now} end,
                             state = case when state in ('asking', 'in_doubt') then 'waiting' else state end,
                             cancelling = 1, updated_at = {now}
             where id = ? and agent = ? and ended_at is null and committed = 0",
        );
        let sql = sql.bind(job).bind(&*self.agent);
        Ok(again(|| self.database.execute(&sql)).await? == 1)
    }

    /// Answers a job that asks, or one that is in doubt; when a claim is named, only what that claim has asked. `false` when it is
    /// not so.
    pub(crate) async fn answer(
        &self,
        job: JobId,
        asking: Asking,
        claim: Option<u64>,
        answer: &Value,
    ) -> Result<bool, StoreError> {
        let state = match asking {
            Asking::Person => "asking",
            Asking::InDoubt => "in_doubt",
        };
        // What went wrong before is settled by whoever answers.
        let sql = Sql::new(
            "update jobs set state = 'waiting', answer = ?, due_at = {now}, updated_at = {now}, failures = 0, lost_leases = 0
             where id = ? and agent = ? and state = ? and cancelling = 0",
        );
        let sql = sql.bind(serde_json::to_string(answer)?).bind(job).bind(&*self.agent).bind(state);
        let sql = match claim {
            Some(fence) => sql.and("fence = ?").bind(fence.cast_signed()),
            None => sql,
        };
        Ok(self.database.execute(&sql).await? == 1)
    }
}

/// Keys are stored by their digest: of any length, and compared byte by byte.
fn digest(key: &str) -> String {
    Digest::of_bytes(key.as_bytes()).to_string()
}
