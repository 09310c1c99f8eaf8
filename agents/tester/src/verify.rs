use crate::{
    config::TesterConfig,
    propose::{Proposer, checklist},
    run::{Checklist, Run, World, passed},
    shows::compare,
};
use chrono::{SubsecRound, Utc};
use protocol::{
    Code, Digest, PreviewName, Problem, Timestamp,
    artifact::{CheckResult, Verdict, VerdictKind},
    tools::{
        Epoch, PreviewRef,
        host::{self, OpenPreviewInput, Place, PreviewInput, Reset},
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
        let mut proposer = Proposer::begin(job, self.config.models.as_ref(), &self.host, &input).await?;
        let mut list = checklist(kind(&input.target), proposer.first().await?)?;
        let tested = loop {
            let tested = self.test(job, &input, &list).await?;
            match proposer.review(list.checks(), &tested.results).await? {
                Some(better) => list = checklist(kind(&input.target), better)?,
                None => break tested,
            }
        };
        let Tested { results, mut caveats, started_at, finished_at } = tested;
        caveats.extend(uncovered(&input, &list));
        caveats.extend(proposer.caveats());
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

/// What came of one list.
struct Tested {
    results: Vec<CheckResult>,
    caveats: Vec<String>,
    started_at: Timestamp,
    finished_at: Timestamp,
}

impl Verify {
    /// Runs the list where it is to be run; and, where something new is to be shown, on the release before the change first.
    async fn test(&self, job: &Job, input: &VerifyInput, list: &Checklist) -> Result<Tested, JobError> {
        let started_at = Utc::now().trunc_subsecs(6);
        let before = self.before(job, input, list).await?;
        let (place, caveats) = match &input.target {
            Target::Preview { preview } => {
                job.say("putting the preview back to where it was staged").await?;
                let reset = self.reset(job, input, &preview.name).await?;
                (Place::Preview(preview.name.clone()), reset.caveats)
            }
            Target::Live => (Place::Live(input.app.clone()), Vec::new()),
        };
        let world = World::open(self.host.clone(), place).await?;
        let results = self.results(job, &world, list).await?;
        let results = match (&input.intent, before) {
            (Some(intent), Some(before)) => compare(&intent.plan.criteria, &before, results),
            _ => results,
        };
        Ok(Tested { results, caveats, started_at, finished_at: Utc::now().trunc_subsecs(6) })
    }

    /// What the same list comes to on a preview of the release before the change. Only where there is one, and something is
    /// to be new.
    async fn before(
        &self,
        job: &Job,
        input: &VerifyInput,
        list: &Checklist,
    ) -> Result<Option<Vec<CheckResult>>, JobError> {
        let new = input.intent.as_ref().is_some_and(|intent| intent.plan.criteria.iter().any(|it| it.new));
        if !new || input.base.is_none() || kind(&input.target) != VerdictKind::Preview {
            return Ok(None);
        }
        job.say("trying the checks on the release before the change").await?;
        let epoch = Epoch { turn: input.turn, fence: job.fence() };
        let open = OpenPreviewInput { app: input.app.clone(), task: input.task, base: input.base, epoch };
        let base: PreviewRef = self.host.timeout(RESET).call(host::OPEN_BASE_PREVIEW, &open).await?;
        self.reset(job, input, &base.name).await?;
        let world = World::open(self.host.clone(), Place::Preview(base.name)).await?;
        Ok(Some(self.results(job, &world, list).await?))
    }

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
                        job.say(format!("ran {now} of {} checks", list.len())).await?;
                        told = Some(now);
                    }
                }
            }
        }
    }

    async fn reset(&self, job: &Job, input: &VerifyInput, preview: &PreviewName) -> Result<Reset, JobError> {
        let epoch = Epoch { turn: input.turn, fence: job.fence() };
        let input = PreviewInput { preview: preview.clone(), epoch };
        Ok(self.host.timeout(RESET).call(host::RESET_PREVIEW, &input).await?)
    }
}

fn kind(target: &Target) -> VerdictKind {
    match target {
        Target::Preview { .. } => VerdictKind::Preview,
        Target::Live => VerdictKind::Smoke,
    }
}

fn uncovered(input: &VerifyInput, list: &Checklist) -> Vec<String> {
    let Some(intent) = input.intent.as_ref().filter(|_| kind(&input.target) == VerdictKind::Preview) else {
        return Vec::new();
    };
    let ids = list.unshown(&intent.plan.criteria);
    ids.into_iter().map(|id| format!("no check shows criterion {id}")).collect()
}
