//! Wake-up hints: "look again, something happened to this job". Losing one costs time, never work.

mod relay;

use protocol::JobId;
use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::{Notify, broadcast, futures::OwnedNotified, mpsc, watch};

/// Hints that wait to be passed on to other processes. Those beyond are dropped.
const OUTGOING: usize = 4_096;

/// A bus of hints that all services of one process share, and the processes of one installation when it goes over Redis.
#[derive(Debug, Clone)]
pub struct Hints {
    bus: broadcast::Sender<JobId>,
    /// To the other processes.
    others: Option<mpsc::Sender<Hint>>,
    /// Those who watch one job, so that a hint wakes them alone and not everybody who watches anything.
    watched: Arc<Mutex<HashMap<JobId, Arc<Notify>>>>,
    /// Each agent's queue: a new job concerns its own workers and nobody else.
    queues: Arc<Mutex<HashMap<&'static str, watch::Sender<()>>>>,
    /// How often somebody's keys have changed.
    key_changes: Arc<AtomicU64>,
}

impl Hints {
    /// A bus inside this process.
    #[must_use]
    pub fn in_process() -> Self {
        Self {
            bus: broadcast::channel(4_096).0,
            others: None,
            watched: Arc::default(),
            queues: Arc::default(),
            key_changes: Arc::default(),
        }
    }

    /// A bus that also passes over the Redis of this URL (`redis://[user:password@]host:port`). Whether Redis answers does not
    /// matter now or later: without it, polling finds what hints would have told.
    ///
    /// # Errors
    /// When the URL is none.
    pub fn over_redis(url: &str) -> Result<Self, redis::RedisError> {
        let client = redis::Client::open(url)?;
        let (sender, outgoing) = mpsc::channel(OUTGOING);
        let here = Self::in_process();
        tokio::spawn(relay::run(client, here.clone(), outgoing));
        Ok(Self { others: Some(sender), ..here })
    }

    /// Says that something happened to this job.
    pub fn send(&self, job: JobId) {
        self.tell_others(Hint::Job(job));
        self.send_here(job);
    }

    fn send_here(&self, job: JobId) {
        if let Some(watchers) = self.watched().get(&job) {
            watchers.notify_waiters();
        }
        // No receiver is no error: nobody is waiting.
        let _ = self.bus.send(job);
    }

    /// Hints from now on. A receiver that lags behind should look at everything it waits for.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<JobId> {
        self.bus.subscribe()
    }

    /// Says that this agent has something to claim.
    pub(crate) fn queued(&self, agent: &'static str) {
        self.tell_others(Hint::Queue(agent));
        self.queue(agent).send_replace(());
    }

    /// Says that a key is not good any more.
    pub(crate) fn keys_changed(&self) {
        self.tell_others(Hint::Keys);
        self.key_changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Another number after every such change that was heard of.
    pub(crate) fn key_changes(&self) -> u64 {
        self.key_changes.load(Ordering::Acquire)
    }

    /// A full channel is no error: those who miss the hint look by themselves before long.
    fn tell_others(&self, hint: Hint) {
        if let Some(others) = &self.others
            && others.try_send(hint).is_err()
        {
            metrics::counter!("yonin_hints_dropped_total").increment(1);
        }
    }

    /// What another process said. What is not understood is of another version.
    fn hear(&self, hint: &str) {
        if hint == KEYS {
            self.key_changes.fetch_add(1, Ordering::AcqRel);
            return;
        }
        match hint.split_once(' ') {
            Some(("job", id)) => {
                if let Ok(job) = id.parse() {
                    self.send_here(job);
                }
            }
            Some(("queue", agent)) => {
                let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(queue) = queues.get(agent) {
                    queue.send_replace(());
                }
            }
            _ => {}
        }
    }

    /// Changes whenever this agent has something to claim.
    #[must_use]
    pub(crate) fn subscribe_queue(&self, agent: &'static str) -> watch::Receiver<()> {
        self.queue(agent).subscribe()
    }

    /// The next hint from now on about this job.
    #[must_use]
    pub(crate) fn watch(&self, job: JobId) -> Watch {
        let notify = Arc::clone(self.watched().entry(job).or_default());
        Watch { notified: Arc::clone(&notify).notified_owned(), place: Place { hints: self.clone(), job, notify } }
    }

    fn queue(&self, agent: &'static str) -> watch::Sender<()> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.entry(agent).or_insert_with(|| watch::Sender::new(())).clone()
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<JobId, Arc<Notify>>> {
        // Nothing panics while it is held; and the map would be whole anyhow.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What passes between processes.
#[derive(Debug, Clone, Copy)]
enum Hint {
    /// Something happened to this job.
    Job(JobId),
    /// This agent has something to claim.
    Queue(&'static str),
    /// A key is not good any more.
    Keys,
}

const KEYS: &str = "keys";

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(job) => write!(f, "job {job}"),
            Self::Queue(agent) => write!(f, "queue {agent}"),
            Self::Keys => f.write_str(KEYS),
        }
    }
}

/// Waits for one hint about one job.
pub(crate) struct Watch {
    notified: OwnedNotified,
    place: Place,
}

impl Watch {
    /// Returns when a hint has come since the watch began.
    pub(crate) async fn changed(self) {
        let Self { notified, place } = self;
        notified.await;
        drop(place);
    }
}

/// A watcher's place among those of its job; the last one to leave takes the entry along.
struct Place {
    hints: Hints,
    job: JobId,
    notify: Arc<Notify>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut watched = self.hints.watched();
        // The map's, and this one; a future that still listens holds its own.
        if Arc::strong_count(&self.notify) <= 2 {
            watched.remove(&self.job);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use std::time::Duration;

    #[test]
    fn a_watch_hears_what_comes_before_it_is_awaited_and_nothing_of_others() {
        let (hints, job) = (Hints::in_process(), JobId::fresh());
        let (mine, other) = (hints.watch(job), hints.watch(JobId::fresh()));
        hints.send(job);
        assert!(mine.changed().now_or_never().is_some());
        assert!(other.changed().now_or_never().is_none());
    }

    /// Two processes, as far as Redis can tell.
    #[tokio::test]
    async fn what_one_process_says_the_other_hears() {
        let url = std::env::var("YONIN_TEST_REDIS").expect("the test run starts a Redis: ./dev databases");
        let (here, there) = (Hints::over_redis(&url).expect("a URL"), Hints::over_redis(&url).expect("a URL"));
        let (job, mut queue) = (JobId::fresh(), there.subscribe_queue("agent"));
        // Said again until both have connected: what is said before is lost, as it may be.
        let heard = async {
            let watch = there.watch(job);
            let mut ticks = tokio::time::interval(Duration::from_millis(20));
            let mut changed = std::pin::pin!(watch.changed());
            loop {
                tokio::select! {
                    () = &mut changed => return,
                    _ = ticks.tick() => here.send(job),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), heard).await.expect("in time");
        here.queued("agent");
        tokio::time::timeout(Duration::from_secs(20), queue.changed()).await.expect("in time").expect("lives");
        let before = there.key_changes();
        here.keys_changed();
        let heard = async {
            while there.key_changes() == before {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), heard).await.expect("in time");
    }

    #[tokio::test]
    async fn without_a_redis_nobody_waits_for_it() {
        let hints = Hints::over_redis("redis://127.0.0.1:1").expect("a URL");
        let (job, began) = (JobId::fresh(), std::time::Instant::now());
        let watch = hints.watch(job);
        for _ in 0..3 * OUTGOING {
            hints.send(job);
        }
        assert!(watch.changed().now_or_never().is_some());
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }

    #[test]
    fn nothing_is_left_of_watches_that_are_over() {
        let (hints, job) = (Hints::in_process(), JobId::fresh());
        let (first, second) = (hints.watch(job), hints.watch(job));
        drop(first);
        hints.send(job);
        assert!(second.changed().now_or_never().is_some());
        assert!(hints.watched().is_empty());
    }
}
