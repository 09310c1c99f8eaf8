//! Readers of a site, each at a steady pace.

use crate::site::{Site, Wrong};
use benches::{Connection, Samples};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};

/// So many readers.
pub(crate) const READERS: usize = 6;
/// So many of them make a connection for each request.
pub(crate) const FRESH: usize = 2;
/// A reader begins a request so often, unless it still waits for the last one.
const PACE: Duration = Duration::from_millis(25);
/// An answer that takes longer than this counts as failed.
const PATIENCE: Duration = Duration::from_secs(10);
/// A load that nobody stops ends by itself.
const LONGEST: Duration = Duration::from_secs(300);

/// Readers at work, until they are told to stop or five minutes have passed.
pub(crate) struct Load {
    readers: JoinSet<Tally>,
    stop: watch::Sender<bool>,
}

impl Load {
    pub(crate) fn start(site: &Arc<Site>) -> Self {
        let (stop, mut readers) = (watch::Sender::new(false), JoinSet::new());
        for number in 0..READERS {
            let keeps = number >= FRESH;
            readers.spawn(read(Arc::clone(site), number, keeps, stop.subscribe()));
        }
        Self { readers, stop }
    }

    /// Lets it go on for so long, then stops it.
    pub(crate) async fn run(self, time: Duration) -> Tally {
        tokio::time::sleep(time).await;
        self.stop().await
    }

    /// Lets every reader finish its request; what they saw.
    pub(crate) async fn stop(self) -> Tally {
        self.stop.send_replace(true);
        self.readers.join_all().await.into_iter().fold(Tally::default(), Tally::and)
    }
}

/// What readers saw.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Time to the last byte of every answer.
    pub(crate) latencies: Samples,
    failed: BTreeMap<String, usize>,
    mixed: BTreeMap<String, usize>,
}

impl Tally {
    /// Requests without a whole answer of status 200.
    pub(crate) fn failed(&self) -> usize {
        self.failed.values().sum()
    }

    /// Answers made of two releases.
    pub(crate) fn mixed(&self) -> usize {
        self.mixed.values().sum()
    }

    /// What was wrong, and how often.
    pub(crate) fn wrong(&self) -> impl Iterator<Item = (&String, &usize)> {
        self.failed.iter().chain(&self.mixed)
    }

    fn add(&mut self, took: Duration, seen: Result<(), Wrong>) {
        self.latencies.add(took);
        let (list, why) = match seen {
            Ok(()) => return,
            Err(Wrong::Failed(why)) => (&mut self.failed, why),
            Err(Wrong::Mixed(why)) => (&mut self.mixed, why),
        };
        *list.entry(why).or_default() += 1;
    }

    fn and(mut self, other: Self) -> Self {
        self.latencies.extend(other.latencies);
        for (mine, others) in [(&mut self.failed, other.failed), (&mut self.mixed, other.mixed)] {
            for (why, count) in others {
                *mine.entry(why).or_default() += count;
            }
        }
        self
    }
}

async fn read(site: Arc<Site>, mut number: usize, keeps: bool, mut stop: watch::Receiver<bool>) -> Tally {
    let mut tally = Tally::default();
    let until = Instant::now() + LONGEST;
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut kept = None;
    while Instant::now() < until {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            _ = ticks.tick() => {}
        }
        let began = Instant::now();
        let asked = timeout(PATIENCE, ask(&site, number, kept.take())).await;
        let seen = match asked {
            Ok(Ok(connection)) => {
                kept = keeps.then_some(connection);
                Ok(())
            }
            Ok(Err(wrong)) => Err(wrong),
            Err(_) => Err(Wrong::Failed(format!("no answer within {} s", PATIENCE.as_secs()))),
        };
        tally.add(began.elapsed(), seen);
        number += 1;
    }
    tally
}

/// Asks on this connection, or on a new one; gives it back.
async fn ask(site: &Site, number: usize, kept: Option<Connection>) -> Result<Connection, Wrong> {
    let failed = |error: anyhow::Error| Wrong::Failed(format!("{error:#}"));
    let mut connection = match kept {
        Some(connection) => connection,
        None => Connection::open(site.origin()).await.map_err(failed)?,
    };
    let answer = connection.send(site.request(number)).await.map_err(failed)?;
    site.release(&answer).map(|_| connection)
}
