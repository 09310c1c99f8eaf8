use crate::{
    base::Base,
    config::TesterConfig,
    propose::{Proposer, checklist},
    run::{Checklist, Done, Run, World, passed},
    shows::compare,
};
use chrono::{SubsecRound, Utc};
use protocol::{
    Code, Digest, PreviewName, Problem, Timestamp,
    artifact::{Before, CheckResult, Criterion, Outcome, Unproven, Verdict, VerdictKind},
    tools::{
        Epoch,
        host::{self, Place, PreviewInput, Reset},
        tester::{Intent, Target, VERIFY, VerifyInput, VerifyOutput},
    },
};
use runtime::{About, Job, JobError, LongTool, Peer, Principal, Step, tool::Admission};
use std::time::Duration;
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
            (_, Some(Intent { plan, .. })) if proves_nothing(&plan.criteria, &input.unproven) => {
                Err(Code::BadRequest.problem("not one of the plan's criteria would be tested"))
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
        let mut proposed = proposer.first().await?;
        let (list, tested) = loop {
            let list = checklist(kind(&input.target), proposed.checks)?;
            let tested = self.test(job, &input, &list, &proposed.unproven).await?;
            match proposer.review(list.checks(), &tested.results).await? {
                Some(better) => proposed = better,
                None => break (list, tested),
            }
        };
        let unproven = proposed.unproven;
        let Tested { results, mut caveats, started_at, finished_at } = tested;
        caveats.extend(uncovered(&input, &list, &unproven));
        caveats.extend(never_red(&input, &results));
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
            unproven,
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
    async fn test(
        &self,
        job: &Job,
        input: &VerifyInput,
        list: &Checklist,
        unproven: &[Unproven],
    ) -> Result<Tested, JobError> {
        let started_at = Utc::now().trunc_subsecs(6);
        let criteria: Vec<_> = match &input.intent {
            Some(intent) => tested(&intent.plan.criteria, unproven).collect(),
            None => Vec::new(),
        };
        let before = self.before(job, input, list, &criteria).await?;
        let (place, caveats) = match &input.target {
            Target::Preview { preview } => {
                job.say("putting the preview back to where it was staged").await?;
                let reset = self.reset(job, input, &preview.name).await?;
                (Place::Preview(preview.name.clone()), reset.caveats)
            }
            Target::Live => (Place::Live(input.app.clone()), Vec::new()),
        };
        let world = World::open(self.host.clone(), place, epoch(job, input)).await?;
        let mut results = self.results(job, &world, list, "").await?;
        if let Some(before) = before {
            results = compare(&criteria, list.checks(), &before, results);
        }
        Ok(Tested { results, caveats, started_at, finished_at: Utc::now().trunc_subsecs(6) })
    }

    /// What the same list comes to on a preview of the release before the change. Only where there is one, and something is
    /// to be new.
    async fn before(
        &self,
        job: &Job,
        input: &VerifyInput,
        list: &Checklist,
        criteria: &[&Criterion],
    ) -> Result<Option<Vec<CheckResult>>, JobError> {
        if !criteria.iter().any(|criterion| criterion.new)
            || input.base.is_none()
            || kind(&input.target) != VerdictKind::Preview
        {
            return Ok(None);
        }
        job.say("trying the checks on the release before the change").await?;
        let base = Base::new(job, &self.host, input);
        self.reset(job, input, &base.open().await?.name).await?;
        let world = base.world().await?;
        Ok(Some(self.results(job, &world, list, "on the release before the change, ").await?))
    }

    /// Runs the list and tells meanwhile how far it is, and where.
    async fn results(
        &self,
        job: &Job,
        world: &World,
        list: &Checklist,
        at: &str,
    ) -> Result<Vec<CheckResult>, JobError> {
        let done = Done::default();
        // A new word for every run: what an earlier run left in the world is never taken for this one's.
        let name = format!("r{:016x}", rand::random::<u64>());
        // Boxed: a run holds connections to everything, and every future that waits for it would carry them.
        let mut run = Box::pin(async { Run::begin(world, &name).await?.checks(list, &done).await });
        let mut breath = interval(BREATH);
        let mut told = None;
        loop {
            tokio::select! {
                results = &mut run => return Ok(results?),
                _ = breath.tick() => {
                    let now = done.so_far();
                    if told != Some(now) {
                        let (ran, passed) = now;
                        job.say(format!("{at}ran {ran} of {} checks, {passed} passed", list.len())).await?;
                        told = Some(now);
                    }
                }
            }
        }
    }

    async fn reset(&self, job: &Job, input: &VerifyInput, preview: &PreviewName) -> Result<Reset, JobError> {
        let input = PreviewInput { preview: preview.clone(), epoch: epoch(job, input) };
        Ok(self.host.timeout(RESET).call(host::RESET_PREVIEW, &input).await?)
    }
}

fn kind(target: &Target) -> VerdictKind {
    match target {
        Target::Preview { .. } => VerdictKind::Preview,
        Target::Live => VerdictKind::Smoke,
    }
}

/// This run's place in the order of writers.
fn epoch(job: &Job, input: &VerifyInput) -> Epoch {
    Epoch { turn: input.turn, fence: job.fence() }
}

/// The criteria that are not left unproven.
fn tested<'a>(criteria: &'a [Criterion], unproven: &'a [Unproven]) -> impl Iterator<Item = &'a Criterion> {
    criteria.iter().filter(|criterion| unproven.iter().all(|one| one.criterion != criterion.id))
}

fn proves_nothing(criteria: &[Criterion], unproven: &[Unproven]) -> bool {
    !criteria.is_empty() && tested(criteria, unproven).next().is_none()
}

/// On an app that had a release, people are told when no check of the change failed before it.
fn never_red(input: &VerifyInput, results: &[CheckResult]) -> Option<String> {
    let turned = |result: &CheckResult| result.before == Some(Before::Red) && result.outcome == Outcome::Passed;
    let compared = kind(&input.target) == VerdictKind::Preview && input.base.is_some() && input.intent.is_some();
    let never = compared && !results.iter().any(turned);
    never.then(|| "nothing of this change was shown red before".to_owned())
}

fn uncovered(input: &VerifyInput, list: &Checklist, unproven: &[Unproven]) -> Vec<String> {
    let Some(intent) = input.intent.as_ref().filter(|_| kind(&input.target) == VerdictKind::Preview) else {
        return Vec::new();
    };
    let criteria: Vec<_> = tested(&intent.plan.criteria, unproven).cloned().collect();
    let ids = list.unshown(&criteria);
    ids.into_iter().map(|id| format!("no check shows criterion {id}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn criterion(id: &str) -> Criterion {
        Criterion { id: id.into(), text: id.into(), new: true }
    }

    fn unproven(criterion: &str) -> Unproven {
        Unproven { criterion: criterion.into(), reason: "no mail can be received here".into() }
    }

    #[test]
    fn what_is_left_unproven_is_not_tested_and_never_everything_is() {
        let criteria = [criterion("c1"), criterion("c2")];
        let left = [unproven("c2")];
        let tested: Vec<_> = tested(&criteria, &left).map(|criterion| &*criterion.id).collect();
        assert_eq!(tested, ["c1"]);
        assert!(!proves_nothing(&criteria, &left) && !proves_nothing(&[], &[]));
        assert!(proves_nothing(&criteria, &[unproven("c1"), unproven("c2")]));
    }

    #[test]
    fn people_are_told_of_a_change_that_nothing_showed_red_before() {
        let plan = serde_json::json!({"task": "01890a5d-ac96-774b-bcce-b302099a8057", "app": "shop", "goal": "g", "summary": "s",
            "steps": [], "criteria": [], "assumptions": [], "risk": "low"});
        let design = serde_json::json!({"plan": Digest::of(&plan), "base": null, "summary": "s", "resources": [], "migrations": [],
            "endpoints": [], "cache": [], "files": [], "tests": []});
        let preview = serde_json::json!({"name": "a".repeat(26), "url": "http://a/", "expires_at": Utc::now()});
        let input = |base: Option<Digest>, target| -> VerifyInput {
            let input = serde_json::json!({"task": "01890a5d-ac96-774b-bcce-b302099a8057", "app": "shop", "target": target,
                "intent": {"plan": plan, "design": design}, "base": base, "change_set": Digest::of("c"), "turn": 1});
            serde_json::from_value(input).expect("an input")
        };
        let result = |before, outcome| CheckResult {
            id: "a".into(),
            title: "a".into(),
            criterion: None,
            outcome,
            before,
            millis: 0,
            evidence: Default::default(),
        };
        let live = Some(Digest::of("live"));
        let on_preview = serde_json::json!({"kind": "preview", "preview": preview});
        let told = |input: &VerifyInput, before, outcome| never_red(input, &[result(before, outcome)]).is_some();
        let grown = input(live, on_preview.clone());
        assert!(told(&grown, None, Outcome::Passed) && told(&grown, Some(Before::Green), Outcome::Passed));
        assert!(told(&grown, Some(Before::Red), Outcome::Failed { why: String::new() }));
        assert!(!told(&grown, Some(Before::Red), Outcome::Passed));
        assert!(!told(&input(None, on_preview), None, Outcome::Passed), "a new app has nothing before it");
        assert!(!told(&input(live, serde_json::json!({"kind": "live"})), None, Outcome::Passed));
    }
}
