//! Writes of a claimed job. Each begins with [`held`], which checks the fencing token in the transaction that writes.

use super::{Sqlite, append, micros, now};
use crate::store::{Claim, Effect, End, Intent, Outcome, Pause, StoreError, Write};
use protocol::event::What;
use sqlx::{FromRow, Sqlite as Database, Transaction};

type Tx = Transaction<'static, Database>;

/// What a write needs to know of the job it belongs to.
#[derive(FromRow)]
struct Held {
    agent: String,
    lane: Option<String>,
    message: Option<String>,
    cancelling: bool,
}

impl Sqlite {
    pub(crate) async fn write(&self, claim: &Claim, write: &Write) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let held = held(&mut tx, claim).await?;
        if held.cancelling && goes_on(write) {
            return Err(StoreError::Cancelling);
        }
        apply(&mut tx, claim, &held, write).await?;
        tx.commit().await?;
        Ok(())
    }

    pub(crate) async fn next_turn(&self, claim: &Claim) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let held = held(&mut tx, claim).await?;
        let turn: Option<i64> = sqlx::query_scalar(
            "update lanes set turn = turn + 1 where agent = ? and lane = ? and holder = ? returning turn",
        )
        .bind(&held.agent)
        .bind(&held.lane)
        .bind(&claim.id.as_bytes()[..])
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        turn.map(i64::cast_unsigned).ok_or(StoreError::NoLane)
    }

    pub(crate) async fn intend(&self, claim: &Claim, effect: &Effect) -> Result<Intent, StoreError> {
        let mut tx = self.begin().await?;
        held(&mut tx, claim).await?;
        let known: Option<Option<String>> = sqlx::query_scalar("select outcome from effects where job = ? and key = ?")
            .bind(&claim.id.as_bytes()[..])
            .bind(&effect.key)
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(Some(outcome)) = known {
            return Ok(Intent::Ended(serde_json::from_str(&outcome)?));
        }
        sqlx::query(
            "insert into effects (job, key, request, fence, intended_at) values (?, ?, ?, ?, ?)
             on conflict (job, key) do update set request = excluded.request, fence = excluded.fence",
        )
        .bind(&claim.id.as_bytes()[..])
        .bind(&effect.key)
        .bind(serde_json::to_string(&effect.request)?)
        .bind(claim.fence.cast_signed())
        .bind(now())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(if known.is_some() { Intent::Open } else { Intent::New })
    }
}

/// The job, if this claim is its highest and was not let go.
async fn held(tx: &mut Tx, claim: &Claim) -> Result<Held, StoreError> {
    sqlx::query_as("select agent, lane, message, cancelling from jobs where id = ? and fence = ? and state = 'running'")
        .bind(&claim.id.as_bytes()[..])
        .bind(claim.fence.cast_signed())
        .fetch_optional(&mut **tx)
        .await?
        .ok_or(StoreError::Fenced)
}

/// Whether a write takes the job somewhere that a job which is being cancelled must not come to.
fn goes_on(write: &Write) -> bool {
    match write {
        Write::Commit { .. } | Write::Wait { .. } | Write::Doubt { .. } | Write::Retry { .. } => true,
        Write::End { end, .. } => !matches!(end, End::Cancelled),
        Write::Checkpoint { .. }
        | Write::Say { .. }
        | Write::Keep { .. }
        | Write::Outcome { .. }
        | Write::RetryCleanup { .. }
        | Write::HandBack => false,
    }
}

async fn apply(tx: &mut Tx, claim: &Claim, held: &Held, write: &Write) -> Result<(), StoreError> {
    let now = now();
    match write {
        Write::Checkpoint { checkpoint, events } | Write::Commit { checkpoint, events } => {
            let commit = matches!(write, Write::Commit { .. });
            sqlx::query("update jobs set checkpoint = ?, committed = max(committed, ?), updated_at = ? where id = ?")
                .bind(serde_json::to_string(checkpoint)?)
                .bind(commit)
                .bind(now)
                .bind(&claim.id.as_bytes()[..])
                .execute(&mut **tx)
                .await?;
            append(tx, claim.id, now, events).await
        }
        Write::Say { message } => say(tx, claim, held, now, message).await,
        Write::Keep { kind, attempt, digest, body } => {
            let digest = digest.to_string();
            sqlx::query("insert into artifacts (digest, body) values (?, ?) on conflict do nothing")
                .bind(&digest)
                .bind(body)
                .execute(&mut **tx)
                .await?;
            sqlx::query(
                "insert into kept (job, kind, attempt, digest) values (?, ?, ?, ?)
                 on conflict do update set digest = excluded.digest",
            )
            .bind(&claim.id.as_bytes()[..])
            .bind(kind)
            .bind(attempt)
            .bind(&digest)
            .execute(&mut **tx)
            .await?;
            Ok(())
        }
        Write::Outcome { key, outcome } => conclude(tx, claim, now, key, outcome).await,
        Write::Wait { checkpoint, pause } => wait(tx, claim, now, &serde_json::to_string(checkpoint)?, *pause).await,
        Write::Doubt { message } => {
            sqlx::query(
                "update jobs set state = 'asking', message = ?, answer = null, due_at = null, updated_at = ? where id = ?",
            )
            .bind(message)
            .bind(now)
            .bind(&claim.id.as_bytes()[..])
            .execute(&mut **tx)
            .await?;
            Ok(())
        }
        Write::Retry { after, failures } | Write::RetryCleanup { after, failures } => {
            let_go(tx, claim, now, now.saturating_add(micros(*after)), Some(*failures)).await
        }
        Write::HandBack => let_go(tx, claim, now, now, None).await,
        Write::End { end, events } => {
            append(tx, claim.id, now, events).await?;
            finish(tx, claim, now, end).await?;
            leave(tx, claim, held, now).await
        }
    }
}

async fn say(tx: &mut Tx, claim: &Claim, held: &Held, now: i64, message: &str) -> Result<(), StoreError> {
    if held.message.as_deref() == Some(message) {
        return Ok(());
    }
    sqlx::query("update jobs set message = ?, updated_at = ? where id = ?")
        .bind(message)
        .bind(now)
        .bind(&claim.id.as_bytes()[..])
        .execute(&mut **tx)
        .await?;
    append(tx, claim.id, now, &[What::Progress { message: message.to_owned() }]).await
}

async fn conclude(tx: &mut Tx, claim: &Claim, now: i64, key: &str, outcome: &Outcome) -> Result<(), StoreError> {
    sqlx::query("update effects set outcome = ?, ended_at = ? where job = ? and key = ?")
        .bind(serde_json::to_string(outcome)?)
        .bind(now)
        .bind(&claim.id.as_bytes()[..])
        .bind(key)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A job that came as far as waiting has made progress: its failures and lost leases are forgiven, its answer is used.
async fn wait(tx: &mut Tx, claim: &Claim, now: i64, checkpoint: &str, pause: Pause) -> Result<(), StoreError> {
    let (state, due, peer, polls) = match pause {
        Pause::Person => ("asking", None, None, 0),
        Pause::Until(moment) => ("waiting", Some(moment.timestamp_micros()), None, 0),
        Pause::Peer { job, after, polls } => {
            ("waiting", Some(now.saturating_add(micros(after))), Some(job.as_bytes().to_vec()), polls)
        }
    };
    sqlx::query(
        "update jobs set state = ?, checkpoint = ?, due_at = ?, peer = ?, polls = ?, updated_at = ?,
                         failures = 0, lost_leases = 0, answer = null
         where id = ?",
    )
    .bind(state)
    .bind(checkpoint)
    .bind(due)
    .bind(peer)
    .bind(polls)
    .bind(now)
    .bind(&claim.id.as_bytes()[..])
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn let_go(tx: &mut Tx, claim: &Claim, now: i64, due: i64, failures: Option<u32>) -> Result<(), StoreError> {
    sqlx::query(
        "update jobs set state = 'waiting', due_at = ?, failures = coalesce(?, failures), peer = null, updated_at = ?
         where id = ?",
    )
    .bind(due)
    .bind(failures)
    .bind(now)
    .bind(&claim.id.as_bytes()[..])
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn finish(tx: &mut Tx, claim: &Claim, now: i64, end: &End) -> Result<(), StoreError> {
    let (state, outcome) = match end {
        End::Done(output) => ("done", Some(serde_json::to_string(output)?)),
        End::Failed(problem) => ("failed", Some(serde_json::to_string(problem)?)),
        End::Cancelled => ("cancelled", None),
    };
    sqlx::query(
        "update jobs set state = ?, outcome = ?, due_at = null, peer = null, updated_at = ?, ended_at = ? where id = ?",
    )
    .bind(state)
    .bind(outcome)
    .bind(now)
    .bind(now)
    .bind(&claim.id.as_bytes()[..])
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Leaves the lane to the oldest job that is queued in it. A job that was cancelled behind another has nothing to leave.
async fn leave(tx: &mut Tx, claim: &Claim, held: &Held, now: i64) -> Result<(), StoreError> {
    let next: Option<Option<Vec<u8>>> = sqlx::query_scalar(
        "update lanes set holder = (select id from jobs where agent = lanes.agent and lane = lanes.lane and state = 'queued'
                                    and cancelling = 0 order by id limit 1)
         where agent = ? and lane = ? and holder = ? returning holder",
    )
    .bind(&held.agent)
    .bind(&held.lane)
    .bind(&claim.id.as_bytes()[..])
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(Some(next)) = next {
        sqlx::query("update jobs set due_at = ? where id = ?").bind(now).bind(next).execute(&mut **tx).await?;
    }
    Ok(())
}
