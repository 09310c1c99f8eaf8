//! Looking.

use super::{Sqlite, id, moment, now, unreadable};
use crate::{
    Principal,
    job::{JobRecord, JobStatus},
    store::{Filtered, Load, StoreError},
};
use protocol::{JobId, event::Event};
use serde_json::Value;
use sqlx::{FromRow, QueryBuilder};
use std::time::Duration;

/// The columns that make a [`JobRecord`].
#[derive(FromRow)]
pub(super) struct JobRow {
    id: Vec<u8>,
    tool: String,
    owner_kind: String,
    owner: String,
    lane: Option<String>,
    state: String,
    cancelling: bool,
    answer: Option<String>,
    message: Option<String>,
    input: String,
    checkpoint: Option<String>,
    outcome: Option<String>,
    committed: bool,
    created_at: i64,
    updated_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
}

impl JobRow {
    pub(super) fn record(self) -> Result<JobRecord, StoreError> {
        Ok(JobRecord {
            id: id(&self.id)?,
            status: self.status()?,
            answered: self.cancelling || self.answer.is_some(),
            owner: principal(&self.owner_kind, self.owner)?,
            tool: self.tool,
            lane: self.lane,
            message: self.message,
            input: serde_json::from_str(&self.input)?,
            checkpoint: self.checkpoint.as_deref().map(serde_json::from_str).transpose()?,
            created_at: moment(self.created_at)?,
            updated_at: moment(self.updated_at)?,
            started_at: self.started_at.map(moment).transpose()?,
            ended_at: self.ended_at.map(moment).transpose()?,
        })
    }

    fn status(&self) -> Result<JobStatus, StoreError> {
        let outcome = self.outcome.as_deref().unwrap_or("null");
        Ok(match self.state.as_str() {
            "asking" if !self.cancelling => JobStatus::Asking,
            "done" => JobStatus::Done(serde_json::from_str(outcome)?),
            "failed" => JobStatus::Failed(serde_json::from_str(outcome)?),
            "cancelled" => JobStatus::Cancelled,
            // A queued job that is being cancelled is in a worker's hands for a moment; it never started.
            _ if self.started_at.is_none() => JobStatus::Queued,
            _ => JobStatus::Running,
        })
    }
}

impl Sqlite {
    pub(crate) async fn get(&self, agent: &str, job: JobId) -> Result<Option<(JobRecord, bool)>, StoreError> {
        let row: Option<JobRow> = sqlx::query_as("select * from jobs where id = ? and agent = ?")
            .bind(&job.as_bytes()[..])
            .bind(agent)
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| {
            let committed = row.committed;
            Ok((row.record()?, committed))
        })
        .transpose()
    }

    pub(crate) async fn owner(&self, agent: &str, job: JobId) -> Result<Option<Principal>, StoreError> {
        let row: Option<(String, String)> =
            sqlx::query_as("select owner_kind, owner from jobs where id = ? and agent = ?")
                .bind(&job.as_bytes()[..])
                .bind(agent)
                .fetch_optional(&self.readers)
                .await?;
        row.map(|(kind, name)| principal(&kind, name)).transpose()
    }

    pub(crate) async fn list(&self, agent: &str, filter: &Filtered) -> Result<Vec<JobRecord>, StoreError> {
        let mut query = QueryBuilder::new("select * from jobs where agent = ");
        query.push_bind(agent);
        match &filter.viewer {
            Principal::Person(_) => query.push(" and owner_kind = 'person'"),
            Principal::Service(name) => query.push(" and owner_kind = 'service' and owner = ").push_bind(name),
        };
        if !filter.tools.is_empty() {
            query.push(" and tool in (");
            let mut tools = query.separated(", ");
            for tool in &filter.tools {
                tools.push_bind(*tool);
            }
            query.push(")");
        }
        if let Some(lane) = &filter.lane {
            query.push(" and lane = ").push_bind(lane);
        }
        match filter.status {
            None => {}
            Some("queued") => {
                query.push(" and started_at is null and ended_at is null");
            }
            Some("running") => {
                query.push(" and started_at is not null and (state in ('running', 'waiting') or state = 'asking' and cancelling)");
            }
            Some("asking") => {
                query.push(" and state = 'asking' and not cancelling");
            }
            Some(other) => {
                query.push(" and state = ").push_bind(other);
            }
        }
        if let Some(before) = filter.before {
            query.push(" and id < ").push_bind(before.as_bytes().to_vec());
        }
        query.push(" order by id desc limit ").push_bind(filter.limit);
        let rows: Vec<JobRow> = query.build_query_as().fetch_all(&self.readers).await?;
        rows.into_iter().map(JobRow::record).collect()
    }

    pub(crate) async fn events(&self, job: JobId, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let rows: Vec<(i64, i64, String)> =
            sqlx::query_as("select seq, at, what from events where job = ? and seq > ? order by seq limit ?")
                .bind(&job.as_bytes()[..])
                .bind(i64::try_from(after).unwrap_or(i64::MAX))
                .bind(limit)
                .fetch_all(&self.readers)
                .await?;
        rows.into_iter()
            .map(|(seq, at, what)| {
                Ok(Event { seq: seq.cast_unsigned(), at: moment(at)?, what: serde_json::from_str(&what)? })
            })
            .collect()
    }

    pub(crate) async fn artifact(
        &self,
        job: JobId,
        kind: &str,
        attempt: Option<u32>,
    ) -> Result<Option<Value>, StoreError> {
        let body: Option<String> = sqlx::query_scalar(
            "select body from kept join artifacts using (digest)
             where job = ? and kind = ? and (?3 is null or attempt = ?3) order by attempt desc limit 1",
        )
        .bind(&job.as_bytes()[..])
        .bind(kind)
        .bind(attempt)
        .fetch_optional(&self.readers)
        .await?;
        Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
    }

    pub(crate) async fn load(&self, agent: &str) -> Result<Load, StoreError> {
        let now = now();
        let rows: Vec<(String, i64, Option<i64>)> = sqlx::query_as(
            "select state, count(*), min(due_at) from jobs where agent = ? and ended_at is null group by state",
        )
        .bind(agent)
        .fetch_all(&self.readers)
        .await?;
        let mut load = Load::default();
        for (state, count, due) in rows {
            let count = count.cast_unsigned();
            match state.as_str() {
                "queued" => {
                    load.queued = count;
                    let age = due.map_or(0, |due| now.saturating_sub(due));
                    load.oldest = Duration::from_micros(u64::try_from(age).unwrap_or(0));
                }
                "running" => load.running = count,
                "waiting" => load.waiting = count,
                _ => load.asking = count,
            }
        }
        Ok(load)
    }
}

fn principal(kind: &str, name: String) -> Result<Principal, StoreError> {
    match kind {
        "person" => Ok(Principal::Person(name)),
        "service" => Ok(Principal::Service(name)),
        _ => Err(unreadable("an owner")),
    }
}
