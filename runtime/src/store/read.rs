//! Looking.

use super::{
    Store, StoreError,
    database::{Row, Sql, places},
    row::{Filtered, Load, Recorded},
};
use crate::{
    credentials::{Owner, Sight},
    job::{JobRecord, JobStatus, Kept},
};
use protocol::{JobId, Timestamp, event::Event};
use serde_json::Value;
use std::time::Duration;

/// The columns that make a [`JobRecord`].
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
    fence: i64,
    events: i64,
    created_at: i64,
    updated_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
}

impl JobRow {
    pub(super) fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            tool: row.get("tool")?,
            owner_kind: row.get("owner_kind")?,
            owner: row.get("owner")?,
            lane: row.get("lane")?,
            state: row.get("state")?,
            cancelling: row.get("cancelling")?,
            answer: row.get("answer")?,
            message: row.get("message")?,
            input: row.get("input")?,
            checkpoint: row.get("checkpoint")?,
            outcome: row.get("outcome")?,
            fence: row.get("fence")?,
            events: row.get("events")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            started_at: row.get("started_at")?,
            ended_at: row.get("ended_at")?,
        })
    }

    /// What a claim at this moment makes of it. Whether an earlier claim had it.
    pub(super) fn claim(&mut self, now: i64, cancelling: bool) -> bool {
        let was_running = self.state == "running";
        "running".clone_into(&mut self.state);
        self.updated_at = now;
        self.fence += 1;
        if !cancelling {
            self.started_at.get_or_insert(now);
        }
        was_running
    }

    pub(super) fn record(self) -> Result<JobRecord, StoreError> {
        Ok(JobRecord {
            id: id(&self.id)?,
            status: self.status()?,
            answered: self.cancelling || self.answer.is_some(),
            owner: owner(&self.owner_kind, self.owner)?,
            tool: self.tool,
            lane: self.lane,
            message: self.message,
            input: serde_json::from_str(&self.input)?,
            checkpoint: self.checkpoint.as_deref().map(serde_json::from_str).transpose()?,
            fence: self.fence.cast_unsigned(),
            events: self.events.cast_unsigned(),
            created_at: moment(self.created_at)?,
            updated_at: moment(self.updated_at)?,
            started_at: self.started_at.map(moment).transpose()?,
            ended_at: self.ended_at.map(moment).transpose()?,
        })
    }

    fn status(&self) -> Result<JobStatus, StoreError> {
        let outcome = self.outcome.as_deref().unwrap_or("null");
        Ok(match self.state.as_str() {
            "asking" => JobStatus::Asking,
            "in_doubt" => JobStatus::InDoubt,
            "done" => JobStatus::Done(serde_json::from_str(outcome)?),
            "failed" => JobStatus::Failed(serde_json::from_str(outcome)?),
            "cancelled" => JobStatus::Cancelled,
            // A queued job that is being cancelled is in a worker's hands for a moment; it never started.
            _ if self.started_at.is_none() => JobStatus::Queued,
            _ => JobStatus::Running,
        })
    }
}

impl Store {
    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        self.database.row(&Sql::new("select 1 from jobs limit 1")).await?;
        Ok(())
    }

    /// A job, and whether it is past its point of no return.
    pub(crate) async fn get(&self, job: JobId) -> Result<Option<(JobRecord, bool)>, StoreError> {
        let sql = Sql::new("select * from jobs where id = ? and agent = ?").bind(job).bind(&*self.agent);
        let row = self.database.row(&sql).await?;
        row.map(|row| Ok((JobRow::of(&row)?.record()?, row.get("committed")?))).transpose()
    }

    /// Whose job it is.
    pub(crate) async fn owner(&self, job: JobId) -> Result<Option<Owner>, StoreError> {
        let sql = Sql::new("select owner_kind, owner from jobs where id = ? and agent = ?");
        let row = self.database.row(&sql.bind(job).bind(&*self.agent)).await?;
        row.map(|row| owner(&row.get::<String>("owner_kind")?, row.get("owner")?)).transpose()
    }

    /// Jobs, newest first.
    pub(crate) async fn list(&self, filter: &Filtered) -> Result<Vec<JobRecord>, StoreError> {
        let mut conditions = vec!["agent = ?".to_owned()];
        let mut sql = Sql::new("").bind(&*self.agent);
        match filter.viewer.sight() {
            Sight::EveryPerson => conditions.push("owner_kind = 'person'".to_owned()),
            Sight::Only(owner) => {
                let (kind, name) = stored(&owner);
                conditions.push("owner_kind = ? and owner = ?".to_owned());
                sql = sql.bind(kind).bind(name);
            }
        }
        if !filter.tools.is_empty() {
            conditions.push(format!("tool in ({})", places(filter.tools.len())));
            sql = sql.bind_all(filter.tools.iter().copied());
        }
        if let Some(lane) = &filter.lane {
            conditions.push("lane = ?".to_owned());
            sql = sql.bind(lane.as_str());
        }
        match filter.status {
            None => {}
            Some("queued") => conditions.push("started_at is null and ended_at is null".to_owned()),
            Some("running") => {
                conditions.push("started_at is not null and state in ('running', 'waiting')".to_owned());
            }
            Some("asking") => conditions.push("state in ('asking', 'in_doubt')".to_owned()),
            Some(other) => {
                conditions.push("state = ?".to_owned());
                sql = sql.bind(other);
            }
        }
        if let Some(before) = filter.before {
            conditions.push("id < ?".to_owned());
            sql = sql.bind(before);
        }
        let text = format!("select * from jobs where {} order by id desc limit ?", conditions.join(" and "));
        let rows = self.database.rows(&sql.text(text).bind(filter.limit)).await?;
        rows.iter().map(|row| JobRow::of(row)?.record()).collect()
    }

    /// Events of a job after this sequence number, in order.
    pub(crate) async fn events(&self, job: JobId, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let sql = Sql::new("select seq, at, what from events where job = ? and seq > ? order by seq limit ?");
        let sql = sql.bind(job).bind(i64::try_from(after).unwrap_or(i64::MAX)).bind(limit);
        let rows = self.database.rows(&sql).await?;
        rows.iter()
            .map(|row| {
                Ok(Event {
                    seq: row.get::<i64>("seq")?.cast_unsigned(),
                    at: moment(row.get("at")?)?,
                    what: serde_json::from_str(&row.get::<String>("what")?)?,
                })
            })
            .collect()
    }

    /// What a job kept: of this attempt, or the last one.
    pub(crate) async fn artifact(
        &self,
        job: JobId,
        kind: &str,
        attempt: Option<u32>,
    ) -> Result<Option<Value>, StoreError> {
        let of = if attempt.is_some() { "and attempt = ?" } else { "" };
        let sql = Sql::new(format!(
            "select body from kept join artifacts on artifacts.digest = kept.digest
             where job = ? and kind = ? {of} order by attempt desc limit 1"
        ));
        let row = self.database.row(&sql.bind(job).bind(kind).bind_all(attempt)).await?;
        row.map(|row| Ok(serde_json::from_str(&row.get::<String>("body")?)?)).transpose()
    }

    /// What a job kept last of each kind, by kind; without the artifacts themselves.
    pub(crate) async fn kept(&self, job: JobId) -> Result<Vec<Kept>, StoreError> {
        let sql = Sql::new(
            "select kind, attempt, artifacts.digest, octet_length(body) as size
             from kept join artifacts on artifacts.digest = kept.digest where job = ? order by kind, attempt",
        );
        let mut kept = Vec::<Kept>::new();
        for row in self.database.rows(&sql.bind(job)).await? {
            let kind: String = row.get("kind")?;
            let digest = row.get::<String>("digest")?.parse().map_err(|_| unreadable("a digest"))?;
            // The rounds of a kind come one after the other: the last one stays.
            kept.pop_if(|before| before.kind == kind);
            kept.push(Kept { kind, digest, size: row.get::<i64>("size")?.cast_unsigned() });
        }
        Ok(kept)
    }

    /// The acts of a job whose names start so, by name.
    pub(crate) async fn effects(&self, job: JobId, prefix: &str) -> Result<Vec<Recorded>, StoreError> {
        let sql =
            Sql::new("select request, outcome from effects where job = ? and name >= ? and name < ? order by name");
        // Names are ASCII: what starts so comes before the same with a higher last character.
        let mut rows = Vec::new();
        for row in self.database.rows(&sql.bind(job).bind(prefix).bind(format!("{prefix}~"))).await? {
            let outcome: Option<String> = row.get("outcome")?;
            rows.push(Recorded {
                request: serde_json::from_str(&row.get::<String>("request")?)?,
                outcome: outcome.map(|outcome| serde_json::from_str(&outcome)).transpose()?,
            });
        }
        Ok(rows)
    }

    /// How many jobs nobody has claimed yet.
    pub(crate) async fn queued(&self) -> Result<u64, StoreError> {
        let sql = Sql::new("select count(*) as jobs from jobs where agent = ? and state = 'queued'");
        let row = self.database.row(&sql.bind(&*self.agent)).await?;
        Ok(row.map(|row| row.get::<i64>("jobs")).transpose()?.unwrap_or(0).cast_unsigned())
    }

    /// How many jobs are open, and for how long the oldest has been queued.
    pub(crate) async fn load(&self) -> Result<Load, StoreError> {
        let sql = Sql::new(
            "select state, count(*) as jobs, count(due_at) as free, min(due_at) as due, {now} as now from jobs
             where agent = ? and state in ('queued', 'running', 'waiting', 'asking', 'in_doubt') group by state",
        );
        let mut load = Load::default();
        for row in self.database.rows(&sql.bind(&*self.agent)).await? {
            let jobs = row.get::<i64>("jobs")?.cast_unsigned();
            match row.get::<String>("state")?.as_str() {
                "queued" => {
                    load.queued = row.get::<i64>("free")?.cast_unsigned();
                    load.blocked = jobs.saturating_sub(load.queued);
                    let now: i64 = row.get("now")?;
                    let age = row.get::<Option<i64>>("due")?.map_or(0, |due| now.saturating_sub(due));
                    load.oldest = Duration::from_micros(u64::try_from(age).unwrap_or(0));
                }
                "running" => load.running = jobs,
                "waiting" => load.waiting = jobs,
                "asking" => load.asking = jobs,
                _ => load.in_doubt = jobs,
            }
        }
        Ok(load)
    }
}

/// An owner as its two columns say it.
pub(super) fn stored(owner: &Owner) -> (&'static str, &str) {
    match owner {
        Owner::Person(name) => ("person", name),
        Owner::Service(name) => ("service", name),
    }
}

pub(super) fn id(bytes: &[u8]) -> Result<JobId, StoreError> {
    Ok(JobId::from_bytes(bytes.try_into().map_err(|_| unreadable("an id"))?))
}

pub(super) fn moment(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_timestamp_micros(micros).ok_or_else(|| unreadable("a moment"))
}

fn owner(kind: &str, name: String) -> Result<Owner, StoreError> {
    match kind {
        "person" => Ok(Owner::Person(name)),
        "service" => Ok(Owner::Service(name)),
        _ => Err(unreadable("an owner")),
    }
}

pub(super) fn unreadable(what: &str) -> StoreError {
    StoreError::Database(sqlx::Error::Decode(format!("{what} is not stored as one").into()))
}
