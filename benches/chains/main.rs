//! Durable chains of four steps per second, from submit to done, and how near that comes to what the database can do at all.
//!
//! Every chain takes 2 KB; each step does nothing and hands 2 KB on, and what it hands on is durable before the next one begins.
//! The limit is four plain transactions of 2 KB per chain on the same server, with the same durability, in the same minute.

mod plain;
mod team;
mod tool;

use anyhow::Context as _;
use benches::{Machine, Samples, Server, Table};
use std::{
    sync::Mutex,
    time::{Duration, Instant},
};
use team::Team;
use tokio::task::JoinSet;
use tool::Steps;

/// Chains under way at the same time.
const IN_FLIGHT: usize = 16;
/// How long each measurement takes, after a second to warm up.
const TIME: Duration = Duration::from_secs(6);
/// Each is repeated, in turns, so that a busy moment of the machine does not meet one of them alone.
const ROUNDS: usize = 3;
/// Bytes in and out of each step.
const PARCEL: usize = 2048;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let machine = Machine::look();
    let mut table = Table::new([
        "store",
        "what",
        "chains/s",
        "of the limit (bar: 0.30)",
        "p50 ms",
        "p99 ms",
        "to the first run",
        "four steps",
    ]);
    for server in Server::all() {
        let kinds = [Kind::Plain, Kind::Chains(1), Kind::Chains(3), Kind::Effects(1), Kind::Effects(3)];
        let mut rates = vec![Vec::new(); kinds.len()];
        let mut latencies = vec![Seen::default(); kinds.len()];
        for _ in 0..ROUNDS {
            for (number, kind) in kinds.iter().enumerate() {
                let seen = kind.measure(server).await.with_context(|| format!("{} on {server}", kind.name()))?;
                rates[number].push(seen.chains.len() as f64 / TIME.as_secs_f64());
                latencies[number].add(seen);
            }
        }
        let rates: Vec<_> = rates.into_iter().map(median).collect();
        for ((kind, rate), latency) in kinds.iter().zip(&rates).zip(&latencies) {
            table.row([
                server.to_string(),
                kind.name(),
                format!("{rate:.0}"),
                format!("{:.2}", rate / rates[0]),
                latency.chains.millis(0.5),
                latency.chains.millis(0.99),
                latency.to_run.millis(0.5),
                latency.steps.millis(0.5),
            ]);
        }
    }
    println!("\n{machine}\n{IN_FLIGHT} in flight, median of {ROUNDS} rounds of {} s\n\n{table}", TIME.as_secs());
    Ok(())
}

/// How long chains took, and their parts.
#[derive(Clone, Default)]
struct Seen {
    chains: Samples,
    to_run: Samples,
    steps: Samples,
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.chains.extend(other.chains);
        self.to_run.extend(other.to_run);
        self.steps.extend(other.steps);
    }
}

/// What is measured.
enum Kind {
    /// Four transactions, and nothing else.
    Plain,
    /// Jobs with a checkpoint after each step, run by so many replicas.
    Chains(usize),
    /// Jobs whose steps are effects: the intent is durable before the step, the outcome after it.
    Effects(usize),
}

impl Kind {
    fn name(&self) -> String {
        match self {
            Self::Plain => "four plain transactions".to_owned(),
            Self::Chains(1) => "checkpoints, 1 replica".to_owned(),
            Self::Chains(replicas) => format!("checkpoints, {replicas} replicas"),
            Self::Effects(1) => "effects, 1 replica".to_owned(),
            Self::Effects(replicas) => format!("effects, {replicas} replicas"),
        }
    }

    /// How long each chain took that ended in time.
    async fn measure(&self, server: Server) -> anyhow::Result<Seen> {
        let place = server.place()?;
        let (replicas, steps) = match self {
            Self::Plain => {
                let plain = plain::Plain::open(&place).await?;
                let chains = drive(|_| plain.clone(), |plain, number| plain.chain(number)).await?;
                return Ok(Seen { chains, ..Seen::default() });
            }
            Self::Chains(replicas) => (*replicas, Steps::Checkpoints),
            Self::Effects(replicas) => (*replicas, Steps::Effects),
        };
        let team = Team::start(&place, replicas, steps).await?;
        let chains = drive(|client| team.jobs(client), |jobs, _| tool::chain(jobs)).await?;
        let parts = team.stop().await;
        let take = |samples: &Mutex<Samples>| samples.lock().expect("nobody panicked").clone();
        Ok(Seen { chains, to_run: take(&parts.claim), steps: take(&parts.steps) })
    }
}

/// Has so many clients at work at once, each beginning a chain as soon as its last one has ended.
async fn drive<C: Clone + Send + 'static, F>(
    client: impl Fn(usize) -> C,
    chain: impl Fn(C, u64) -> F + Clone + Send + 'static,
) -> anyhow::Result<Samples>
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let mut clients = JoinSet::new();
    let start = Instant::now() + Duration::from_secs(1);
    let end = start + TIME;
    for number in 0..IN_FLIGHT {
        let (client, chain) = (client(number), chain.clone());
        clients.spawn(async move {
            let mut seen = Samples::default();
            for round in 0.. {
                let began = Instant::now();
                if began >= end {
                    break;
                }
                chain(client.clone(), number as u64 * 1_000_000_000 + round).await?;
                let ended = Instant::now();
                if ended >= start && ended < end {
                    seen.add(ended - began);
                }
            }
            anyhow::Ok(seen)
        });
    }
    let mut all = Samples::default();
    for seen in clients.join_all().await {
        all.extend(seen?);
    }
    Ok(all)
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
