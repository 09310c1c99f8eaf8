//! Writes of a claimed job. Each is, or begins with, one update that [`fenced`] makes: it finds the row only while the claim
//! is the job's highest and was not let go, and locks it for the rest of the transaction.

use super::{
    Store, StoreError,
    claim::micros,
    database::{Sql, Tx, Value, alone},
    row::{Claim, Effect, End, Intent, NewArtifact, Outcome, Pause, Write},
};
use protocol::{JobId, event::What};
use std::borrow::Cow;

/// No values.
const NOTHING: [Value; 0] = [];

/// The one statement that writes to a claimed job: these assignments, if the claim holds.
pub(super) fn fenced(claim: &Claim, set: &str, values: impl IntoIterator<Item = impl Into<Value>>) -> Sql {
    Sql::new(format!("update jobs set {set} where id = ? and fence = ? and state = 'running'"))
        .bind_all(values)
        .bind(claim.id)
        .bind(claim.fence.cast_signed())
}

impl Store {
    /// A claimed job's write.
    pub(crate) async fn write(&self, claim: &Claim, write: &Write) -> Result<(), StoreError> {
        if write.events().is_empty() && !write.concerns_others(claim) {
            // The update is all there is: a transaction by itself.
            let found = alone(|| async { self.database.execute(&update(claim, write)?).await }).await?;
            return if found == 1 { Ok(()) } else { Err(self.refusal(claim).await) };
        }
        alone(|| self.write_all(claim, write)).await
    }

    async fn write_all(&self, claim: &Claim, write: &Write) -> Result<(), StoreError> {
        let mut tx = self.database.begin().await?;
        if tx.execute(&update(claim, write)?).await? == 0 {
            drop(tx);
            return Err(self.refusal(claim).await);
        }
        append(&mut tx, claim.id, &write.events()).await?;
        match write {
            Write::Keep { attempt, artifact } => keep(&mut tx, claim.id, *attempt, artifact).await?,
            Write::Outcome { key, outcome } => conclude(&mut tx, claim.id, key, outcome).await?,
            Write::End { .. } if claim.in_lane => self.leave_lane(&mut tx, claim.id).await?,
            _ => {}
        }
        tx.commit().await
    }

    /// Why an update found nothing.
    async fn refusal(&self, claim: &Claim) -> StoreError {
        match self.is_cancelling(claim).await {
            Ok(true) => StoreError::Cancelling,
            Ok(false) | Err(StoreError::Fenced) => StoreError::Fenced,
            Err(error) => error,
        }
    }

    /// The next turn of the job's lane.
    pub(crate) async fn next_turn(&self, claim: &Claim) -> Result<u64, StoreError> {
        alone(|| async {
            let mut tx = self.hold(claim).await?;
            let lane = "update lanes set turn = turn + 1 where agent = ? and holder = ?
                        and lane = (select lane from jobs where id = ?)";
            if tx.execute(&Sql::new(lane).bind(&*self.agent).bind(claim.id).bind(claim.id)).await? == 0 {
                return Err(StoreError::NoLane);
            }
            let turn = "select turn from lanes where agent = ? and lane = (select lane from jobs where id = ?)";
            let row = tx.row(&Sql::new(turn).bind(&*self.agent).bind(claim.id)).await?;
            let turn: i64 = row.ok_or(StoreError::NoLane)?.get("turn")?;
            tx.commit().await?;
            Ok(turn.cast_unsigned())
        })
        .await
    }

    /// Stores an effect's intent, or finds what an earlier claim left of it.
    pub(crate) async fn intend(&self, claim: &Claim, effect: &Effect) -> Result<Intent, StoreError> {
        alone(|| async {
            let mut tx = self.hold(claim).await?;
            let known = Sql::new("select outcome from effects where job = ? and name = ?");
            let known = tx.row(&known.bind(claim.id).bind(&*effect.key)).await?;
            let outcome: Option<Option<String>> = known.map(|row| row.get("outcome")).transpose()?;
            let (sql, intent) = match outcome {
                Some(Some(outcome)) => return Ok(Intent::Ended(serde_json::from_str(&outcome)?)),
                Some(None) => ("update effects set request = ?, fence = ? where job = ? and name = ?", Intent::Open),
                None => (
                    "insert into effects (request, fence, job, name, intended_at) values (?, ?, ?, ?, {now})",
                    Intent::New,
                ),
            };
            let sql = Sql::new(sql).bind(serde_json::to_string(&effect.request)?).bind(claim.fence.cast_signed());
            tx.execute(&sql.bind(claim.id).bind(&*effect.key)).await?;
            tx.commit().await?;
            Ok(intent)
        })
        .await
    }

    /// A transaction in which the claim holds until its end.
    async fn hold(&self, claim: &Claim) -> Result<Tx, StoreError> {
        let mut tx = self.database.begin().await?;
        match tx.execute(&fenced(claim, "updated_at = {now}", NOTHING)).await? {
            0 => Err(StoreError::Fenced),
            _ => Ok(tx),
        }
    }

    /// Leaves the lane to the oldest job that is queued in it. A job that was cancelled behind another has nothing to leave.
    async fn leave_lane(&self, tx: &mut Tx, job: JobId) -> Result<(), StoreError> {
        let lane = tx.row(&Sql::new("select lane from jobs where id = ?").bind(job)).await?;
        let Some(lane) = lane.map(|row| row.get::<Option<String>>("lane")).transpose()?.flatten() else {
            return Ok(());
        };
        let held = Sql::new("select 1 from lanes where agent = ? and lane = ? and holder = ? for update");
        if tx.row(&held.bind(&*self.agent).bind(&*lane).bind(job)).await?.is_none() {
            return Ok(());
        }
        let next = Sql::new(
            "select id from jobs where agent = ? and lane = ? and state = 'queued' and cancelling = 0 order by id limit 1",
        );
        let next = tx.row(&next.bind(&*self.agent).bind(&*lane)).await?;
        let next = next.map(|row| row.get::<Vec<u8>>("id")).transpose()?;
        let pass_on =
            Sql::new("update lanes set holder = ? where agent = ? and lane = ?").bind(Value::Bytes(next.clone()));
        tx.execute(&pass_on.bind(&*self.agent).bind(&*lane)).await?;
        if let Some(next) = next {
            tx.execute(&Sql::new("update jobs set due_at = {now} where id = ?").bind(next)).await?;
        }
        Ok(())
    }
}

impl Write {
    fn events(&self) -> Cow<'_, [What]> {
        match self {
            Self::Checkpoint { events, .. }
            | Self::Commit { events, .. }
            | Self::Doubt { events, .. }
            | Self::End { events, .. } => events.into(),
            Self::Say { message } => vec![What::Progress { message: message.clone() }].into(),
            _ => Cow::default(),
        }
    }

    /// Whether it changes more than the job's own row.
    fn concerns_others(&self, claim: &Claim) -> bool {
        match self {
            Self::Keep { .. } | Self::Outcome { .. } => true,
            Self::End { .. } => claim.in_lane,
            _ => false,
        }
    }

    /// Whether it is worth a look of those who watch the job. What it keeps for its own next run is not.
    pub(crate) fn shows(&self) -> bool {
        match self {
            Self::Checkpoint { events, .. } => !events.is_empty(),
            Self::Keep { .. } | Self::Outcome { .. } => false,
            _ => true,
        }
    }

    /// Whether it takes the job somewhere that a job which is being cancelled must not come to.
    fn goes_on(&self) -> bool {
        match self {
            Self::Commit { .. } | Self::Wait { .. } | Self::Doubt { .. } | Self::Retry { .. } => true,
            Self::End { end, .. } => !matches!(end, End::Cancelled),
            Self::Checkpoint { .. }
            | Self::Say { .. }
            | Self::Keep { .. }
            | Self::Outcome { .. }
            | Self::RetryCleanup { .. }
            | Self::HandBack => false,
        }
    }
}

/// What a write does to the job's own row.
fn update(claim: &Claim, write: &Write) -> Result<Sql, StoreError> {
    let (set, mut values): (&str, Vec<Value>) = match write {
        Write::Checkpoint { checkpoint, .. } => ("checkpoint = ?", vec![json(checkpoint)?]),
        Write::Commit { checkpoint, .. } => ("checkpoint = ?, committed = 1", vec![json(checkpoint)?]),
        Write::Say { message } => ("message = ?", vec![message.as_str().into()]),
        // The job's row is only locked; what is written stands elsewhere.
        Write::Keep { .. } | Write::Outcome { .. } => ("holder = holder", Vec::new()),
        Write::Wait { checkpoint, pause } => return waits(claim, json(checkpoint)?, *pause),
        Write::Doubt { message, .. } => {
            ("state = 'in_doubt', message = ?, answer = null, due_at = null", vec![message.as_str().into()])
        }
        Write::Retry { after, failures } | Write::RetryCleanup { after, failures } => (
            "state = 'waiting', due_at = {now} + ?, peer = null, failures = ?",
            vec![micros(*after).into(), (*failures).into()],
        ),
        Write::HandBack => ("state = 'waiting', due_at = {now}, peer = null", Vec::new()),
        Write::End { end, .. } => {
            let (state, outcome) = match end {
                End::Done(output) => ("done", json(output)?),
                End::Failed(problem) => ("failed", json(problem)?),
                End::Cancelled => ("cancelled", Value::Text(None)),
            };
            ("state = ?, outcome = ?, due_at = null, peer = null, ended_at = {now}", vec![state.into(), outcome])
        }
    };
    let count = i64::try_from(write.events().len()).unwrap_or(i64::MAX);
    values.push(count.into());
    let update = fenced(claim, &format!("{set}, events = events + ?, updated_at = {{now}}"), values);
    Ok(if write.goes_on() { update.and("cancelling = 0") } else { update })
}

/// A job that came as far as waiting has made progress: its failures and lost leases are forgiven, its answer is used.
fn waits(claim: &Claim, checkpoint: Value, pause: Pause) -> Result<Sql, StoreError> {
    let (state, due, after, peer, polls) = match pause {
        Pause::Person => ("asking", "null", Value::Integer(None), None, 0),
        Pause::Until(moment) => ("waiting", "0", moment.timestamp_micros().into(), None, 0),
        Pause::Peer { job, after, polls } => ("waiting", "{now}", micros(after).into(), Some(job), polls),
    };
    let set = format!(
        "state = ?, checkpoint = ?, due_at = {due} + ?, peer = ?, polls = ?, updated_at = {{now}},
         failures = 0, lost_leases = 0, answer = null"
    );
    let values = [state.into(), checkpoint, after, peer.into(), polls.into()];
    Ok(fenced(claim, &set, values).and("cancelling = 0"))
}

/// Appends events to a job's history. Their numbers come from the job's own counter, which was raised in this transaction: no
/// reader ever sees a gap.
pub(super) async fn append(tx: &mut Tx, job: JobId, events: &[What]) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let rows = vec!["select id, events - ?, {now}, ? from jobs where id = ?"; events.len()].join(" union all ");
    let mut insert = Sql::new(format!("insert into events (job, seq, at, what) {rows}"));
    for (still_to_come, what) in (0..events.len()).rev().zip(events) {
        insert = insert.bind(i64::try_from(still_to_come).unwrap_or(i64::MAX)).bind(json(what)?).bind(job);
    }
    tx.execute(&insert).await?;
    Ok(())
}

/// The artifact is stored once, however many keep it; and marked as kept now, so that it is not cleared away meanwhile.
pub(super) async fn keep(tx: &mut Tx, job: JobId, attempt: u32, artifact: &NewArtifact) -> Result<(), StoreError> {
    let (kind, digest) = (artifact.kind.as_str(), artifact.digest.to_string());
    let known = Sql::new("update artifacts set kept_at = {now} where digest = ?").bind(digest.as_str());
    if tx.execute(&known).await? == 0 {
        let insert = Sql::new("insert into artifacts (digest, body, kept_at) values (?, ?, {now})");
        tx.execute(&insert.bind(digest.as_str()).bind(artifact.body.as_str())).await?;
    }
    let known = Sql::new("update kept set digest = ? where job = ? and kind = ? and attempt = ?");
    if tx.execute(&known.bind(digest.as_str()).bind(job).bind(kind).bind(attempt)).await? == 0 {
        let insert = Sql::new("insert into kept (digest, job, kind, attempt) values (?, ?, ?, ?)");
        tx.execute(&insert.bind(digest.as_str()).bind(job).bind(kind).bind(attempt)).await?;
    }
    Ok(())
}

async fn conclude(tx: &mut Tx, job: JobId, effect: &str, outcome: &Outcome) -> Result<(), StoreError> {
    let sql = Sql::new("update effects set outcome = ?, ended_at = {now} where job = ? and name = ?");
    tx.execute(&sql.bind(json(outcome)?).bind(job).bind(effect)).await?;
    Ok(())
}

fn json(value: &impl serde::Serialize) -> Result<Value, StoreError> {
    Ok(serde_json::to_string(value)?.into())
}
