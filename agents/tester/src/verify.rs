use crate::{
    config::TesterConfig,
    run::{Checklist, Run, World, passed},
};
use chrono::{SubsecRound, Utc};
use protocol::{
    Code, Digest, Problem,
    artifact::{CheckResult, Verdict, VerdictKind},
    tools::{
        Epoch, PreviewRef,
        host::{self, Place, PreviewInput, Reset},
        tester::{Intent, Target, VERIFY, VerifyInput, VerifyOutput},
    },
};
use runtime::{About, Job, JobError, LongTool, Peer, Principal, Step, tool::Admission};
use std::{
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tokio::time::interval;

/// Putting a preview back takes as long as its rows take to be copied again.
const RESET: Duration = Duration::from_secs(120);
/// Progress is told at most this often.
const BREATH: Duration = Duration::from_millis(200);

/// The long tool `verify`: runs the checks of a design against a preview, or the reading ones against the live app, and
/// signs what came of it.
pub(crate) struct Verify {
    host: Peer,
    config: TesterConfig,
}

impl Verify {
    pub(crate) fn new(config: TesterConfig) -> Self {
        let host = Peer::new(&config.host, config.credential.clone(), Code::HostUnavailable);
        Self { host, config }
    }
}

impl LongTool for Verify {
    const NAME: &'static str = VERIFY;
    type Input = VerifyInput;
    type Output = VerifyOutput;
    type Checkpoint = ();

    fn about(&self) -> About {
        About {
            title: "Test a change",
            description: "Runs every check of a design against the preview that the change-set is staged in, or the \
                          reading ones against the live app. Answers a signed verdict with what was sent and what came back.",
            read_only: false,
            destructive: false,
            idempotent: true,
        }
    }

    fn admit(&self, _caller: &Principal, input: &VerifyInput) -> Result<Admission, Problem> {
        match (&input.target, &input.intent) {
            (Target::Preview { .. }, None) => {
                Err(Code::BadRequest.problem("a preview can only be verified against an intent"))
            }
            (_, Some(Intent { plan, design })) if design.plan != Digest::of(plan) => {
                Err(Code::BadRequest.problem("the design carries out another plan than the one given"))
            }
            _ => Ok(Admission::default()),
        }
    }

    async fn run(
        &self,
        job: &Job,
        input: VerifyInput,
        _checkpoint: Option<()>,
    ) -> Result<Step<(), VerifyOutput>, JobError> {
        let list = checklist(&input)?;
        let mut caveats = uncovered(&input, &list);
        let place = match &input.target {
            Target::Preview { preview } => {
                caveats.extend(self.reset(job, &input, preview).await?.caveats);
                Place::Preview(preview.name.clone())
            }
            Target::Live => Place::Live(input.app.clone()),
        };
        let started_at = Utc::now().trunc_subsecs(6);
        let world = World::open(self.host.clone(), place).await?;
        let results = self.results(job, &world, &list).await?;
        let finished_at = Utc::now().trunc_subsecs(6);
        let verdict = Verdict {
            task: input.task,
            app: input.app,
            kind: kind(&input.target),
            base: input.base,
            change_set: input.change_set,
            checks: Digest::of(list.checks()),
            passed: passed(&results),
            mandatory: Verdict::MANDATORY.map(str::to_owned).to_vec(),
            results,
            caveats,
            started_at,
            finished_at,
            expires_at: finished_at,
            signature: String::new(),
        };
        let verdict = self.config.key.sign(verdict, self.config.validity);
        tracing::info!(
            task.id = %verdict.task, app = %verdict.app, checks = verdict.results.len(),
            findings = verdict.findings().count(), passed = verdict.passed,
            duration_ms = (finished_at - started_at).num_milliseconds(), "verified a change"
        );
        Ok(Step::Done(VerifyOutput { verdict, checks: list.checks().to_vec() }, Vec::new()))
    }
}

impl Verify {
    /// Runs the list and tells meanwhile how far it is.
    async fn results(&self, job: &Job, world: &World, list: &Checklist) -> Result<Vec<CheckResult>, JobError> {
        let done = AtomicUsize::new(0);
        // A new word for every run: what an earlier run left in the world is never taken for this one's.
        let name = format!("r{:016x}", rand::random::<u64>());
        let run = async { Run::begin(world, &name).await?.checks(list, &done).await };
        let mut run = pin!(run);
        let mut breath = interval(BREATH);
        let mut told = None;
        loop {
            tokio::select! {
                results = &mut run => return Ok(results?),
                _ = breath.tick() => {
                    let now = done.load(Ordering::Relaxed);
                    if told != Some(now) {
                        job.say(format!("{now} of {} checks", list.len())).await?;
                        told = Some(now);
                    }
                }
            }
        }
    }

    async fn reset(&self, job: &Job, input: &VerifyInput, preview: &PreviewRef) -> Result<Reset, JobError> {
        job.say("putting the preview back to where it was staged").await?;
        let epoch = Epoch { turn: input.turn, fence: job.fence() };
        let input = PreviewInput { preview: preview.name.clone(), epoch };
        Ok(self.host.timeout(RESET).call(host::RESET_PREVIEW, &input).await?)
    }
}

fn kind(target: &Target) -> VerdictKind {
    match target {
        Target::Preview { .. } => VerdictKind::Preview,
        Target::Live => VerdictKind::Smoke,
    }
}

/// The checks that the engine derives from the design; none when a release is only returned to.
fn checklist(input: &VerifyInput) -> Result<Checklist, Problem> {
    let proposed = input.intent.as_ref().map(|intent| blueprint::checks(&intent.design)).unwrap_or_default();
    Checklist::new(kind(&input.target), proposed)
        .map_err(|bad| Code::Internal.problem(format!("the engine proposed checks that cannot be run: {bad}")))
}

fn uncovered(input: &VerifyInput, list: &Checklist) -> Vec<String> {
    let Some(intent) = input.intent.as_ref().filter(|_| kind(&input.target) == VerdictKind::Preview) else {
        return Vec::new();
    };
    let ids = list.unshown(&intent.plan.criteria);
    ids.into_iter().map(|id| format!("no check shows criterion {id}")).collect()
}
