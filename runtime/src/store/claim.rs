//! Claiming jobs, and holding on to them.

use super::{
    Store, StoreError,
    database::{Row, Sql, Tx, alone, places},
    read::{JobRow, id},
    row::{Claim, Claimed, Look},
    schema::FORM,
    write::fenced,
};
use crate::telemetry::TraceContext;
use protocol::JobId;
use std::time::Duration;

impl Store {
    /// Claims up to `limit` jobs that are due, after those that wait for one of these peers' jobs were made due. What lost its
    /// worker comes first; what waits, and what is queued, take turns; of what waits, first what there is something to see
    /// for; of what is queued, first what is done for those for whom the least is being done.
    pub(crate) async fn claim(
        &self,
        holder: &str,
        lease: Duration,
        limit: usize,
        woken: &[JobId],
    ) -> Result<Look, StoreError> {
        let due = self.due(woken).await?;
        if !due.anything() {
            return Ok(Look { claimed: Vec::new(), next: due.next() });
        }
        let claimed = alone(|| self.try_claim(holder, lease, limit, woken, &due)).await?;
        Ok(Look { claimed, next: due.next() })
    }

    async fn try_claim(
        &self,
        holder: &str,
        lease: Duration,
        limit: usize,
        woken: &[JobId],
        due: &Due,
    ) -> Result<Vec<Claimed>, StoreError> {
        let mut tx = self.database.begin().await?;
        if due.woken {
            self.wake(&mut tx, woken).await?;
        }
        let mut found = Vec::new();
        // A running job that is due is one whose lease has ended.
        if is_over(due.running) {
            found.extend(self.find(&mut tx, "running", limit).await?);
        }
        let (waiting, queued) = (due.woken || is_over(due.waiting), is_over(due.queued));
        if waiting {
            // Thousands that only look whether anything has happened do not keep what is queued from being begun: those take
            // half of the places, and one place as often as not.
            let left = limit - found.len();
            let looks = if queued { (left + usize::from(rand::random::<bool>())) / 2 } else { left };
            found.extend(self.find(&mut tx, "waiting", looks).await?);
        }
        if queued && found.len() < limit {
            let mut shares = match &due.lone_share {
                Some(name) => vec![Share::alone(name.clone())],
                None => self.shares(&mut tx).await?,
            };
            self.find_fairly(&mut tx, limit, &mut shares, &mut found).await?;
        }
        take(&mut tx, holder, lease, &found).await?;
        tx.commit().await?;
        found.iter().map(claimed_job).collect()
    }

    /// Looks whether there is anything to claim, without locking anything.
    async fn due(&self, woken: &[JobId]) -> Result<Due, StoreError> {
        let next = |state| format!("(select min(due_at) from jobs where agent = ? and state = '{state}') as {state}");
        let edge =
            |which| format!("(select {which}(share) from jobs where agent = ? and state = 'queued') as {which}_share");
        let mut text = format!(
            "select {}, {}, {}, {}, {}, {{now}} as now",
            next("queued"),
            next("running"),
            next("waiting"),
            edge("min"),
            edge("max")
        );
        if !woken.is_empty() {
            let peers = places(woken.len());
            text += &format!(
                ", exists (select 1 from jobs where agent = ? and state = 'waiting' and peer in ({peers})) as woken"
            );
        }
        let agents = vec![&*self.agent; if woken.is_empty() { 5 } else { 6 }];
        let row = self.database.row(&Sql::new(text).bind_all(agents).bind_all(woken.iter().copied())).await?;
        let row = row.ok_or(StoreError::Database(sqlx::Error::RowNotFound))?;
        let now: i64 = row.get("now")?;
        let left = |state: &str| -> Result<Option<Duration>, StoreError> {
            let due: Option<i64> = row.get(state)?;
            Ok(due.map(|at| Duration::from_micros(u64::try_from(at.saturating_sub(now)).unwrap_or(0))))
        };
        let (first, last): (Option<String>, Option<String>) = (row.get("min_share")?, row.get("max_share")?);
        Ok(Due {
            lone_share: first.filter(|first| Some(first) == last.as_ref()),
            queued: left("queued")?,
            running: left("running")?,
            waiting: left("waiting")?,
            woken: !woken.is_empty() && row.get("woken")?,
        })
    }

    async fn wake(&self, tx: &mut Tx, peers: &[JobId]) -> Result<(), StoreError> {
        let text = format!(
            // Before all that are due because of the time alone.
            "update jobs set due_at = 0 where agent = ? and peer in ({}) and state = 'waiting'",
            places(peers.len())
        );
        tx.execute(&Sql::new(text).bind(&*self.agent).bind_all(peers.iter().copied())).await?;
        Ok(())
    }

    async fn find(&self, tx: &mut Tx, state: &str, limit: usize) -> Result<Vec<Row>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let sql = Sql::new(
            "select jobs.*, {now} as now from jobs where agent = ? and state = ? and due_at <= {now} and version <= ?
             order by due_at limit ? for update skip locked",
        );
        tx.rows(&sql.bind(&*self.agent).bind(state).bind(FORM).bind(count(limit))).await
    }

    /// Those for whom something is queued, and how much is being done for each.
    async fn shares(&self, tx: &mut Tx) -> Result<Vec<Share>, StoreError> {
        let queued = "select share, min(due_at) as since from jobs where agent = ? and state = 'queued' group by share";
        let mut shares = Vec::new();
        for row in tx.rows(&Sql::new(queued).bind(&*self.agent)).await? {
            if let Some(since) = row.get::<Option<i64>>("since")? {
                shares.push(Share { since, ..Share::alone(row.get("share")?) });
            }
        }
        if shares.len() > 1 {
            let running =
                "select share, count(*) as running from jobs where agent = ? and state = 'running' group by share";
            for row in tx.rows(&Sql::new(running).bind(&*self.agent)).await? {
                let name: String = row.get("share")?;
                if let Some(share) = shares.iter_mut().find(|share| share.name == name) {
                    share.running = row.get("running")?;
                }
            }
        }
        Ok(shares)
    }

    /// Fills up with queued jobs so that everybody for whom something is done has as much done as the others, the longest
    /// waiting first. Nobody with ten thousand jobs keeps somebody with one from being served.
    async fn find_fairly(
        &self,
        tx: &mut Tx,
        limit: usize,
        shares: &mut Vec<Share>,
        found: &mut Vec<Row>,
    ) -> Result<(), StoreError> {
        while found.len() < limit && !shares.is_empty() {
            deal(shares, limit - found.len());
            for share in &mut *shares {
                share.take(self.find_queued(tx, share).await?, found);
            }
            // Who had less than was dealt leaves the rest to the others.
            shares.retain(|share| share.has_more);
        }
        Ok(())
    }

    async fn find_queued(&self, tx: &mut Tx, share: &Share) -> Result<Vec<Row>, StoreError> {
        let sql = Sql::new(
            "select jobs.*, {now} as now from jobs
             where agent = ? and state = 'queued' and share = ? and due_at <= {now} and version <= ?
             order by due_at limit ? offset ? for update skip locked",
        );
        let sql =
            sql.bind(&*self.agent).bind(&*share.name).bind(FORM).bind(count(share.dealt)).bind(count(share.found));
        if share.dealt == 0 { Ok(Vec::new()) } else { tx.rows(&sql).await }
    }

    /// Renews a claim. Says whether the job is being cancelled.
    pub(crate) async fn renew(&self, claim: &Claim, lease: Duration) -> Result<bool, StoreError> {
        let renewal = fenced(claim, "due_at = {now} + ?", [micros(lease)]);
        if self.database.execute(&renewal).await? == 0 {
            return Err(StoreError::Fenced);
        }
        self.is_cancelling(claim).await
    }

    /// Whether a claim still holds, and the job is being cancelled.
    pub(crate) async fn is_cancelling(&self, claim: &Claim) -> Result<bool, StoreError> {
        let sql = Sql::new("select cancelling from jobs where id = ? and fence = ? and state = 'running'");
        let row = self.database.row(&sql.bind(claim.id).bind(claim.fence.cast_signed())).await?;
        row.ok_or(StoreError::Fenced)?.get("cancelling")
    }

    /// Lets every lease of this agent's running jobs end now, as if their workers had been silent for long.
    #[cfg(test)]
    pub(crate) async fn end_leases(&self) -> Result<(), StoreError> {
        let sql = Sql::new("update jobs set due_at = 0 where agent = ? and state = 'running'");
        self.database.execute(&sql.bind(&*self.agent)).await?;
        Ok(())
    }

    /// Lets every pause of this agent's waiting jobs end now.
    #[cfg(test)]
    pub(crate) async fn end_pauses(&self) -> Result<(), StoreError> {
        let sql = Sql::new("update jobs set due_at = 0 where agent = ? and state = 'waiting'");
        self.database.execute(&sql.bind(&*self.agent)).await?;
        Ok(())
    }
}

/// How long until the next job of each state is due; zero when one is.
struct Due {
    queued: Option<Duration>,
    running: Option<Duration>,
    waiting: Option<Duration>,
    /// The one for whom all that is queued is done. There is nothing to deal out then.
    lone_share: Option<String>,
    /// A job waits for one of the peers' jobs that were asked for.
    woken: bool,
}

impl Due {
    fn anything(&self) -> bool {
        self.woken || [self.queued, self.running, self.waiting].into_iter().any(is_over)
    }

    fn next(&self) -> Option<Duration> {
        [self.queued, self.running, self.waiting].into_iter().flatten().min()
    }
}

fn is_over(left: Option<Duration>) -> bool {
    left.is_some_and(|left| left.is_zero())
}

/// Those for whom something is queued.
struct Share {
    name: String,
    /// When the oldest of it became due.
    since: i64,
    /// Jobs that are being done, the places that were dealt among them.
    running: i64,
    /// Places for more.
    dealt: usize,
    /// Jobs that were found so far: they are locked, and not counted as running before the claim is done.
    found: usize,
    has_more: bool,
}

impl Share {
    /// With all there is, as far as it knows.
    fn alone(name: String) -> Self {
        Self { name, since: 0, running: 0, dealt: 0, found: 0, has_more: true }
    }

    fn take(&mut self, rows: Vec<Row>, found: &mut Vec<Row>) {
        self.has_more = rows.len() == self.dealt;
        self.found += rows.len();
        self.dealt = 0;
        found.extend(rows);
    }
}

/// Deals out places, each to the share that has the fewest.
fn deal(shares: &mut [Share], places: usize) {
    for _ in 0..places {
        if let Some(next) = shares.iter_mut().min_by_key(|share| (share.running, share.since)) {
            next.running += 1;
            next.dealt += 1;
        }
    }
}

/// Turns what was found, and is locked, into claims.
async fn take(tx: &mut Tx, holder: &str, lease: Duration, found: &[Row]) -> Result<(), StoreError> {
    if found.is_empty() {
        return Ok(());
    }
    let ids = found.iter().map(|row| row.get::<Vec<u8>>("id")).collect::<Result<Vec<_>, _>>()?;
    // In this order: MySQL's later assignments see what the earlier ones did.
    let text = format!(
        "update jobs set lost_leases = lost_leases + (state = 'running'),
                         started_at = case when cancelling then started_at else coalesce(started_at, {{now}}) end,
                         state = 'running', fence = fence + 1, holder = ?, due_at = {{now}} + ?, updated_at = {{now}}
         where id in ({})",
        places(ids.len())
    );
    tx.execute(&Sql::new(text).bind(holder).bind(micros(lease)).bind_all(ids)).await?;
    Ok(())
}

/// A job as it is after [`take`].
fn claimed_job(row: &Row) -> Result<Claimed, StoreError> {
    let cancelling: bool = row.get("cancelling")?;
    let mut job = JobRow::of(row)?;
    let was_running = job.claim(row.get("now")?, cancelling);
    let record = job.record()?;
    let answer: Option<String> = row.get("answer")?;
    let peer: Option<Vec<u8>> = row.get("peer")?;
    let trace: Option<String> = row.get("trace")?;
    let number = |column| Ok::<_, StoreError>(u32::try_from(row.get::<i64>(column)?).unwrap_or(u32::MAX));
    Ok(Claimed {
        claim: Claim {
            id: record.id,
            fence: row.get::<i64>("fence")?.cast_unsigned() + 1,
            in_lane: record.lane.is_some(),
        },
        record,
        answer: answer.map(|it| serde_json::from_str(&it)).transpose()?,
        cancelling,
        committed: row.get("committed")?,
        failures: number("failures")?,
        lost_leases: number("lost_leases")? + u32::from(was_running),
        polls: number("polls")?,
        peer: peer.as_deref().map(id).transpose()?,
        trace: trace.as_deref().and_then(TraceContext::read),
    })
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
