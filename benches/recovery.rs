//! How long jobs stand still when the process that runs them is killed: from `kill -9` to the job's end on another one.

use anyhow::{Context as _, bail, ensure};
use benches::{Machine, Place, Samples, Server, Table};
use protocol::{JobId, Problem};
use runtime::{
    About, Bound, Hints, Job, JobError, Jobs, LongTool, Principal, Service, Step, Store, Toolbox,
    job::{JobStatus, Order, Timing},
    store::StoreLocation,
    tool::Admission,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::sleep};

/// The store of a worker: this program again.
const WORKER: &str = "YONIN_BENCH_WORKER";
/// Jobs of the process that is killed.
const JOBS: usize = 8;
/// Kills on each store.
const KILLS: u32 = 3;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if let Ok(store) = std::env::var(WORKER) {
        let running = replica(&store).await?.start();
        // Until it is killed.
        std::future::pending::<()>().await;
        running.stop(Duration::ZERO).await;
        return Ok(());
    }
    let machine = Machine::look();
    let lease = Timing::default().lease;
    let mut table = Table::new(["store", "jobs taken over", "median s", "longest s", "bar: a lease and little"]);
    for server in Server::all() {
        let place = server.place()?;
        let mut seen = Samples::default();
        for kill in 0..KILLS {
            // Heartbeats come every ten seconds: at different times after one.
            seen.extend(kill_one(&place, Duration::from_millis(300 + u64::from(kill) * 3_300)).await?);
        }
        let seconds = |share| format!("{:.1}", seen.quantile(share).as_secs_f64());
        table.row([
            server.to_string(),
            seen.len().to_string(),
            seconds(0.5),
            seconds(1.0),
            format!("{} s", lease.as_secs()),
        ]);
    }
    println!("\n{machine}\n{KILLS} kills of a process with {JOBS} jobs\n\n{table}");
    Ok(())
}

/// Has one worker take some jobs, starts another, kills the first so long after; how long each job took from there to its end.
async fn kill_one(place: &Place, after: Duration) -> anyhow::Result<Samples> {
    let store = match place.store(8) {
        StoreLocation::File(file) => file.display().to_string(),
        StoreLocation::Server { url, .. } => url,
    };
    let jobs = replica(&store).await?.jobs().context("a store")?.clone();
    let mut first = Worker::start(&store)?;
    let mut under_way = Vec::new();
    for _ in 0..JOBS {
        under_way.push(
            jobs.submit(&caller(), Stall::NAME, Order { input: serde_json::json!({}), ..Order::default() }).await?.id,
        );
    }
    for job in &under_way {
        let by = wait_for(&jobs, *job, |record| record.message.is_some()).await?.message;
        ensure!(by == Some(first.0.id().to_string()), "{by:?} has it");
    }
    let _second = Worker::start(&store)?;
    sleep(after).await;
    let killed = Instant::now();
    first.0.kill()?;
    first.0.wait()?;
    let mut ends = JoinSet::new();
    for job in under_way {
        let jobs = jobs.clone();
        ends.spawn(async move {
            let record = wait_for(&jobs, job, |record| record.ended_at.is_some()).await?;
            ensure!(
                record.status == JobStatus::Done(serde_json::json!({"runs": 2})),
                "it ended as {:?}",
                record.status
            );
            anyhow::Ok(killed.elapsed())
        });
    }
    ends.join_all().await.into_iter().collect()
}

async fn wait_for(
    jobs: &Jobs,
    job: JobId,
    stands: impl Fn(&runtime::job::JobRecord) -> bool,
) -> anyhow::Result<runtime::job::JobRecord> {
    let deadline = Instant::now() + Duration::from_secs(120);
    while Instant::now() < deadline {
        let record = jobs.get(&caller(), job).await?;
        if stands(&record) {
            return Ok(record);
        }
        sleep(Duration::from_millis(10)).await;
    }
    bail!("job {job} hangs")
}

fn caller() -> Principal {
    Principal::service("bench")
}

async fn replica(store: &str) -> anyhow::Result<Bound> {
    let store: StoreLocation = store.parse().map_err(anyhow::Error::msg)?;
    let service = Service::new("recovery", Toolbox::new().long(Stall)).store(Store::open(&store).await?);
    let service = service.hints(Hints::in_process()).worker(JOBS, Timing::default());
    Ok(service.bind(([127, 0, 0, 1], 0).into()).await?)
}

/// A worker in a process of its own; killed when dropped.
struct Worker(Child);

impl Worker {
    fn start(store: &str) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        Ok(Self(command.env(WORKER, store).stdin(Stdio::null()).spawn().context("the program starts again")?))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Says which process runs it, and never ends in the first one.
struct Stall;

#[derive(Serialize, Deserialize, JsonSchema)]
struct Empty {}

/// How often it was claimed.
#[derive(Serialize, JsonSchema)]
struct Ran {
    runs: u64,
}

impl LongTool for Stall {
    const NAME: &'static str = "stall";
    type Input = Empty;
    type Output = Ran;
    type Checkpoint = Empty;

    fn about(&self) -> About {
        About { title: "", description: "", read_only: true, destructive: false, idempotent: true }
    }

    fn admit(&self, _caller: &Principal, _input: &Empty) -> Result<Admission, Problem> {
        Ok(Admission::default())
    }

    async fn run(&self, job: &Job, _input: Empty, _checkpoint: Option<Empty>) -> Result<Step<Empty, Ran>, JobError> {
        if job.fence() == 1 {
            job.say(std::process::id().to_string()).await?;
            std::future::pending::<()>().await;
        }
        Ok(Step::Done(Ran { runs: job.fence() }, Vec::new()))
    }
}
