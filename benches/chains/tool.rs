//! A tool of four steps that do nothing.

use crate::PARCEL;
use anyhow::ensure;
use benches::Samples;
use protocol::Problem;
use runtime::{
    About, Job, JobError, Jobs, LongTool, Principal, Step,
    job::{JobStatus, Order, Probe},
    tool::Admission,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

/// How a step is made durable.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Steps {
    /// By a checkpoint after it.
    Checkpoints,
    /// As an effect.
    Effects,
}

/// The tool.
pub(crate) struct Chain(pub(crate) Steps, pub(crate) Arc<Parts>);

/// Where the time of a chain goes.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// From its submission to its first run.
    pub(crate) claim: Mutex<Samples>,
    /// The four steps.
    pub(crate) steps: Mutex<Samples>,
}

fn add(samples: &Mutex<Samples>, sample: Duration) {
    samples.lock().expect("nothing panics while it is held").add(sample);
}

/// 2 KB.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Parcel {
    body: String,
    /// Microseconds since 1970.
    handed_in: u64,
}

impl Parcel {
    fn new() -> Self {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Self { body: "x".repeat(PARCEL), handed_in: u64::try_from(now.as_micros()).unwrap_or_default() }
    }

    fn since_handed_in(&self) -> Duration {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        now.saturating_sub(Duration::from_micros(self.handed_in))
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Progress {
    step: u32,
    parcel: Parcel,
}

impl LongTool for Chain {
    const NAME: &'static str = "chain";
    type Input = Parcel;
    type Output = Parcel;
    type Checkpoint = Progress;

    fn about(&self) -> About {
        About { title: "Chain", description: "Four steps.", read_only: true, destructive: false, idempotent: true }
    }

    fn admit(&self, _caller: &Principal, _input: &Parcel) -> Result<Admission, Problem> {
        Ok(Admission::default())
    }

    async fn run(
        &self,
        job: &Job,
        input: Parcel,
        checkpoint: Option<Progress>,
    ) -> Result<Step<Progress, Parcel>, JobError> {
        let began = Instant::now();
        add(&self.1.claim, input.since_handed_in());
        let Progress { step, mut parcel } = checkpoint.unwrap_or(Progress { step: 0, parcel: input });
        for step in step..4 {
            match self.0 {
                Steps::Checkpoints => {
                    let progress = Progress { step: step + 1, parcel };
                    job.checkpoint(&progress, Vec::new()).await?;
                    parcel = progress.parcel;
                }
                Steps::Effects => {
                    let request = parcel.clone();
                    parcel = job
                        .effect(&format!("step {step}"), &request, async { Ok(Probe::NotDone) }, async { Ok(parcel) })
                        .await?;
                }
            }
        }
        add(&self.1.steps, began.elapsed());
        Ok(Step::Done(parcel, Vec::new()))
    }
}

/// Submits one and returns when it is seen to be done.
pub(crate) async fn chain(jobs: Jobs) -> anyhow::Result<()> {
    let caller = Principal::service("bench");
    let input = serde_json::to_value(Parcel::new())?;
    let mut record = jobs.submit(&caller, Chain::NAME, Order { input, ..Order::default() }).await?;
    while record.ended_at.is_none() {
        let changed = jobs.changed(record.id);
        record = jobs.get(&caller, record.id).await?;
        if record.ended_at.is_none() {
            changed.await;
        }
    }
    ensure!(matches!(record.status, JobStatus::Done(_)), "it ended as {:?}", record.status);
    Ok(())
}
