use crate::{
    Hints, Jobs, Principal, Store,
    job::{
        Job, JobError, JobRecord, JobStatus, Order, Step, Timing,
        erased::erase,
        worker::{Work, Worker, WorkerHandle},
    },
    tool::{About, Admission, LongTool},
};
use futures::future::BoxFuture;
use protocol::{JobId, Problem, Role, event::What};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;

pub(crate) type Ran = Result<Step<Value, Value>, JobError>;
type RunFn = dyn for<'a> Fn(&'a Job, Option<Value>) -> BoxFuture<'a, Ran> + Send + Sync;
type CleanUpFn = dyn Fn(u32, Option<Value>) -> Result<Vec<What>, JobError> + Send + Sync;

/// A tool that does what a test wants.
pub(crate) struct Script {
    run: Box<RunFn>,
    clean_up: Box<CleanUpFn>,
    cleaned: AtomicU32,
}

impl Script {
    pub(crate) fn new(
        run: impl for<'a> Fn(&'a Job, Option<Value>) -> BoxFuture<'a, Ran> + Send + Sync + 'static,
    ) -> Self {
        Self { run: Box::new(run), clean_up: Box::new(|_, _| Ok(Vec::new())), cleaned: AtomicU32::new(0) }
    }

    /// What it does about a job that was cancelled or failed; gets how often it was called before.
    pub(crate) fn cleaning_up(
        mut self,
        clean_up: impl Fn(u32, Option<Value>) -> Result<Vec<What>, JobError> + Send + Sync + 'static,
    ) -> Self {
        self.clean_up = Box::new(clean_up);
        self
    }
}

impl LongTool for Script {
    const NAME: &'static str = "script";
    type Input = Value;
    type Output = Value;
    type Checkpoint = Value;

    fn about(&self) -> About {
        About { title: "", description: "", read_only: false, destructive: false, idempotent: true }
    }

    fn admit(&self, _caller: &Principal, _input: &Value) -> Result<Admission, Problem> {
        Ok(Admission { lane: None, events: vec![What::Submitted], ..Admission::default() })
    }

    async fn run(&self, job: &Job, _input: Value, checkpoint: Option<Value>) -> Ran {
        (self.run)(job, checkpoint).await
    }

    async fn cancelled(&self, _job: &Job, _input: Value, checkpoint: Option<Value>) -> Result<Vec<What>, JobError> {
        (self.clean_up)(self.cleaned.fetch_add(1, Ordering::SeqCst), checkpoint)
    }

    async fn failed(
        &self,
        _job: &Job,
        _input: Value,
        checkpoint: Option<Value>,
        problem: &Problem,
    ) -> Result<Vec<What>, JobError> {
        let mut events = (self.clean_up)(self.cleaned.fetch_add(1, Ordering::SeqCst), checkpoint.clone())?;
        events.push(progress(&format!("failed at {} with {}", checkpoint.unwrap_or_default(), problem.code)));
        Ok(events)
    }
}

/// A store in a file of its own, and the jobs in it.
pub(crate) struct Scene {
    pub(crate) store: Store,
    pub(crate) hints: Hints,
    pub(crate) timing: Timing,
    pub(crate) directory: TempDir,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Store::sqlite(&directory.path().join("store")).await.expect("a store");
        Self { store: store.of("agent"), hints: Hints::in_process(), timing: Timing::short(), directory }
    }

    /// With a poll that no test lives to see: what goes on goes on by hints.
    pub(crate) async fn without_poll() -> Self {
        let mut scene = Self::new().await;
        scene.timing.poll = Duration::from_secs(300);
        scene
    }

    /// One replica's jobs.
    pub(crate) fn jobs(&self, script: Script) -> Jobs {
        let tools = BTreeMap::from([(Script::NAME, erase(script))]);
        Jobs::new(self.store.clone(), "agent", Arc::new(tools), self.hints.clone(), self.timing, u64::MAX)
    }

    pub(crate) fn worker(&self, jobs: &Jobs) -> WorkerHandle {
        Worker::start(jobs.clone(), Work { slots: 2, timing: self.timing, retention: Duration::from_secs(3600) })
    }
}

pub(crate) fn ann() -> Principal {
    Principal::person("ann", Role::Operator)
}

pub(crate) async fn submit(jobs: &Jobs) -> JobId {
    jobs.submit(&ann(), Script::NAME, Order { input: json!({}), ..Order::default() }).await.expect("a job").id
}

/// The job, as soon as it stands so.
pub(crate) async fn when(jobs: &Jobs, id: JobId, stands: impl Fn(&JobRecord) -> bool) -> JobRecord {
    let look = async {
        loop {
            let changed = jobs.changed(id);
            let record = jobs.get(&ann(), id).await.expect("the job");
            if stands(&record) {
                return record;
            }
            changed.await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), look).await.expect("in time")
}

pub(crate) async fn ended(jobs: &Jobs, id: JobId) -> JobStatus {
    when(jobs, id, |record| record.ended_at.is_some()).await.status
}

pub(crate) async fn told(jobs: &Jobs, id: JobId) -> Vec<What> {
    let events = jobs.events(&ann(), id, 0).await.expect("events");
    assert_eq!(events.iter().map(|it| it.seq).collect::<Vec<_>>(), (1..=events.len() as u64).collect::<Vec<_>>());
    events.into_iter().map(|it| it.what).collect()
}

pub(crate) fn progress(message: &str) -> What {
    What::Progress { message: message.to_owned() }
}

pub(crate) fn done() -> Ran {
    Ok(Step::Done(json!("done"), Vec::new()))
}

/// Counts, and lets a test wait for a count.
#[derive(Clone)]
pub(crate) struct Count(Arc<tokio::sync::watch::Sender<u32>>);

impl Count {
    pub(crate) fn new() -> Self {
        Self(Arc::new(tokio::sync::watch::Sender::new(0)))
    }

    /// One more; says how many there were before.
    pub(crate) fn up(&self) -> u32 {
        let mut before = 0;
        self.0.send_modify(|count| {
            before = *count;
            *count += 1;
        });
        before
    }

    pub(crate) fn now(&self) -> u32 {
        *self.0.borrow()
    }

    pub(crate) async fn reaches(&self, count: u32) {
        let mut receiver = self.0.subscribe();
        let reached = receiver.wait_for(|now| *now >= count);
        tokio::time::timeout(Duration::from_secs(10), reached).await.expect("in time").expect("counts on");
    }

    /// Counts when it is dropped.
    pub(crate) fn on_drop(&self) -> impl Send + use<> {
        struct OnDrop(Count);
        impl Drop for OnDrop {
            fn drop(&mut self) {
                self.0.up();
            }
        }
        OnDrop(self.clone())
    }
}
