//! How long others take to notice: from a submit on one replica to a claim on another, and from the end of a peer's job to the
//! next run of the job that waits for it; with hints over Redis, and without.
//!
//! Every replica has a store, a pool and a hint bus of its own, as in a process of its own; one process, so that one clock
//! times both ends.

use anyhow::Context as _;
use benches::{Machine, Place, Samples, Server, Table};
use protocol::{JobId, Problem};
use runtime::{
    About, Hints, Job, JobError, Jobs, LongTool, Principal, Running, Service, Step, Store, Toolbox, Wait,
    job::{Order, Timing},
    tool::Admission,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};

/// Samples with Redis, and without: those take up to a second each.
const SAMPLES: (u32, u32) = (300, 40);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let machine = Machine::look();
    let redis = std::env::var("YONIN_TEST_REDIS").context("`./dev bench hints` starts a Redis")?;
    let mut table = Table::new(["store", "hints", "what", "p50 ms", "p99 ms", "longest ms"]);
    for server in Server::all() {
        for (name, url, samples) in [("over Redis", Some(&*redis), SAMPLES.0), ("none", None, SAMPLES.1)] {
            // The directory goes with it.
            let place = server.place()?;
            let pair = Pair::start(&place, url).await?;
            let (claims, wakes) = pair.measure(samples).await?;
            for (what, seen) in [("submit to claim", claims), ("peer's end to next run", wakes)] {
                let [half, most, all] = [0.5, 0.99, 1.0].map(|share| seen.millis(share));
                table.row([server.to_string(), name.to_owned(), what.to_owned(), half, most, all]);
            }
            pair.stop().await;
        }
    }
    let (with, without) = SAMPLES;
    println!("\n{machine}\n{with} samples with Redis, {without} without (poll: 1 s)\n\n{table}");
    Ok(())
}

/// Two replicas that share a store: one takes submits and runs the peer's jobs, the other waits.
struct Pair {
    /// Takes what is for the other replica to claim; runs nothing.
    front: Jobs,
    peer: Running,
    peers: Jobs,
    waiter: Running,
    stage: Arc<Stage>,
    claimed: tokio::sync::Mutex<mpsc::UnboundedReceiver<Instant>>,
    woken: tokio::sync::Mutex<mpsc::UnboundedReceiver<Instant>>,
}

/// What the tools share with who measures.
struct Stage {
    /// The peer's job that may end.
    may_end: watch::Sender<Option<JobId>>,
    /// When it did, as far as its tool can tell.
    ended: watch::Sender<Option<(JobId, Instant)>>,
    claimed: mpsc::UnboundedSender<Instant>,
    woken: mpsc::UnboundedSender<Instant>,
}

impl Pair {
    async fn start(place: &Place, redis: Option<&str>) -> anyhow::Result<Self> {
        let (claimed, claims) = mpsc::unbounded_channel();
        let (woken, wakes) = mpsc::unbounded_channel();
        let stage =
            Arc::new(Stage { may_end: watch::Sender::new(None), ended: watch::Sender::new(None), claimed, woken });
        let replica = async |name: &'static str, toolbox: Toolbox, hints: &Hints| {
            let service = Service::new(name, toolbox).store(Store::open(&place.store(8)).await?).hints(hints.clone());
            anyhow::Ok(service.worker(4, Timing::default()).bind(([127, 0, 0, 1], 0).into()).await?)
        };
        let bus = || redis.map_or_else(|| Ok(Hints::in_process()), Hints::over_redis);
        let (here, there) = (bus()?, bus()?);
        let waiters = || Toolbox::new().long(Waiter(Arc::clone(&stage)));
        let front = replica("waiter", waiters(), &here).await?;
        let peer = replica("peer", Toolbox::new().long(Peer(Arc::clone(&stage))), &here).await?;
        let waiter = replica("waiter", waiters(), &there).await?;
        Ok(Self {
            front: front.jobs().context("a store")?.clone(),
            peers: peer.jobs().context("a store")?.clone(),
            peer: peer.start(),
            waiter: waiter.start(),
            stage,
            claimed: claims.into(),
            woken: wakes.into(),
        })
    }

    /// Times from submit to claim, and from the peer's end to the next run.
    async fn measure(&self, samples: u32) -> anyhow::Result<(Samples, Samples)> {
        let (mut claims, mut wakes) = (Samples::default(), Samples::default());
        let caller = Principal::service("bench");
        let (mut claimed, mut woken) = (self.claimed.lock().await, self.woken.lock().await);
        // Until both have found Redis, and for a first time everything.
        for round in 0..samples + 5 {
            // At no fixed place between two polls.
            sleep(Duration::from_millis(u64::from(round * 37 % 101))).await;
            let peer = self.peers.submit(&caller, Peer::NAME, order(&Empty {})?).await?.id;
            let began = Instant::now();
            self.front.submit(&caller, Waiter::NAME, order(&Peers { job: peer })?).await?;
            let claim = claimed.recv().await.context("a claim")? - began;
            sleep(Duration::from_millis(20 + u64::from(round * 53 % 97))).await;
            self.stage.may_end.send_replace(Some(peer));
            let again = woken.recv().await.context("a next run")?;
            let (_, ended) = self.stage.ended.borrow().context("the peer's job has ended")?;
            if round >= 5 {
                claims.add(claim);
                wakes.add(again - ended);
            }
        }
        Ok((claims, wakes))
    }

    async fn stop(self) {
        self.peer.stop(Duration::from_secs(5)).await;
        self.waiter.stop(Duration::from_secs(5)).await;
    }
}

fn order(input: &impl Serialize) -> anyhow::Result<Order<'static>> {
    Ok(Order { input: serde_json::to_value(input)?, ..Order::default() })
}

const ABOUT: About = About { title: "", description: "", read_only: true, destructive: false, idempotent: true };

#[derive(Serialize, Deserialize, JsonSchema)]
struct Empty {}

/// A peer's job.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Peers {
    job: JobId,
}

/// Ends when it may.
struct Peer(Arc<Stage>);

impl LongTool for Peer {
    const NAME: &'static str = "work";
    type Input = Empty;
    type Output = Empty;
    type Checkpoint = Empty;

    fn about(&self) -> About {
        ABOUT
    }

    fn admit(&self, _caller: &Principal, _input: &Empty) -> Result<Admission, Problem> {
        Ok(Admission::default())
    }

    async fn run(&self, job: &Job, _input: Empty, _checkpoint: Option<Empty>) -> Result<Step<Empty, Empty>, JobError> {
        let id = job.id();
        let mut may_end = self.0.may_end.subscribe();
        // The sender lives as long as the tool.
        let _ = may_end.wait_for(|job| *job == Some(id)).await;
        self.0.ended.send_replace(Some((id, Instant::now())));
        Ok(Step::Done(Empty {}, Vec::new()))
    }
}

/// Waits for a peer's job.
struct Waiter(Arc<Stage>);

impl LongTool for Waiter {
    const NAME: &'static str = "wait";
    type Input = Peers;
    type Output = Empty;
    type Checkpoint = Empty;

    fn about(&self) -> About {
        ABOUT
    }

    fn admit(&self, _caller: &Principal, _input: &Peers) -> Result<Admission, Problem> {
        Ok(Admission::default())
    }

    async fn run(&self, _job: &Job, input: Peers, checkpoint: Option<Empty>) -> Result<Step<Empty, Empty>, JobError> {
        let now = Instant::now();
        // Nobody listens any more when the measurement is over.
        if checkpoint.is_none() {
            let _ = self.0.claimed.send(now);
        } else if self.0.ended.borrow().is_some_and(|(job, _)| job == input.job) {
            let _ = self.0.woken.send(now);
            return Ok(Step::Done(Empty {}, Vec::new()));
        }
        Ok(Step::Wait(Empty {}, Wait::Peer(input.job)))
    }
}
