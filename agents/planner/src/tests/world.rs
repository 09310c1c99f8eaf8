//! The other agents as scripts: real services over real HTTP, whose tools do what a test says.

use protocol::{
    AppName, Code, Digest, JobId, PreviewName, Problem, TaskId, Timestamp,
    artifact::{
        Act, ChangeSet, Check, CheckResult, Content, Design, Evidence, FileChange, LintCheck, Migration, Outcome,
        Release, ReleaseState, Statement, Verdict, VerdictKind,
    },
    chat::{Message, Reply, Try, Turn},
    task::ModelUsage,
    tools::{
        PreviewRef,
        architect::DesignInput,
        coder::{
            AppSnapshot, BuildInput, BuildOutput, DiscardPreviewInput, InspectAppInput, InspectAppOutput, ReleaseInput,
            ReleaseOutput, RollbackInput, RollbackTo,
        },
        tester::{Target, VerifyInput, VerifyOutput},
        thinking::{Allowance, GET_TRANSCRIPT, GET_USAGE, Transcript, UsageOutput, WhichJob},
    },
};
use runtime::{About, Job, JobError, LongTool, Principal, ShortTool, Step, tool::Admission};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::sync::watch;

/// What the scripted agents share.
#[derive(Clone)]
pub(super) struct World {
    state: Arc<Mutex<State>>,
    held: watch::Sender<Option<&'static str>>,
}

/// The script, and what came of it.
#[derive(Default)]
pub(super) struct State {
    /// Releases by app, oldest first; the live one has that state.
    pub(super) releases: BTreeMap<AppName, Vec<Release>>,
    /// Outcomes of the next tests of a preview; green when empty.
    pub(super) previews_green: VecDeque<bool>,
    /// How many seconds the verdicts of the next tests of a preview hold; an hour when empty.
    pub(super) verdicts_hold: VecDeque<i64>,
    /// How many seconds the previews of the next builds last; an hour when empty.
    pub(super) previews_last: VecDeque<i64>,
    /// The live app is red.
    pub(super) smoke_red: bool,
    /// Change-sets lose data.
    pub(super) destructive: bool,
    /// The parts that fail, and how.
    pub(super) failing: BTreeMap<&'static str, Problem>,
    /// The part that is in doubt when it runs next, past its point of no return.
    pub(super) doubtful: Option<&'static str>,
    /// The parts that take place, and whose worker is lost before it can say so.
    pub(super) lost: Vec<&'static str>,
    /// Every run of a part, by its name.
    pub(super) ran: Vec<&'static str>,
    /// What each part has used of language models, by its name.
    pub(super) used: BTreeMap<&'static str, ModelUsage>,
    /// What the parts might use, in the order they ran.
    pub(super) allowed: Vec<(&'static str, Allowance)>,
    /// Which job did which part.
    pub(super) jobs: BTreeMap<JobId, &'static str>,
    /// `get_usage` fails next, so.
    pub(super) usage_failing: Option<Problem>,
    /// Checks that each test was to run again: of previews, and of the live app.
    pub(super) given: Vec<(&'static str, Vec<Check>)>,
    /// Inputs of the builds and the releases.
    pub(super) builds: Vec<BuildInput>,
    pub(super) released: Vec<ReleaseInput>,
    /// Tasks whose previews were discarded.
    pub(super) discarded: Vec<TaskId>,
    /// Turns in the order in which writers showed them.
    pub(super) turns: Vec<u64>,
}

impl World {
    pub(super) fn new() -> Self {
        Self { state: Arc::default(), held: watch::Sender::new(None) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panicked while it held the world")
    }

    /// Keeps this part from ending until [`World::let_go`].
    pub(super) fn hold(&self, part: &'static str) {
        self.held.send_replace(Some(part));
    }

    pub(super) fn let_go(&self) {
        self.held.send_replace(None);
    }

    pub(super) fn live(&self, app: &str) -> Option<Digest> {
        let state = self.state();
        state.live(&app.parse().expect("a name")).map(|release| release.digest)
    }

    /// How often a part ran.
    pub(super) fn runs(&self, part: &str) -> usize {
        self.state().ran.iter().filter(|ran| **ran == part).count()
    }

    /// Does a part: counted, held back, failing if the script says so.
    async fn part(&self, job: &Job, name: &'static str, turn: Option<u64>) -> Result<(), JobError> {
        {
            let mut state = self.state();
            state.ran.push(name);
            state.jobs.insert(job.id(), name);
            state.turns.extend(turn);
        }
        self.held.subscribe().wait_for(|held| *held != Some(name)).await.expect("the world outlives its agents");
        if self.state().doubtful.take_if(|doubtful| *doubtful == name).is_some() {
            job.point_of_no_return(&(), Vec::new()).await?;
            return Err(JobError::InDoubt(Code::InDoubt.problem("nobody knows")));
        }
        match self.state().failing.get(name) {
            Some(problem) => Err(JobError::Terminal(problem.clone())),
            None => Ok(()),
        }
    }
}

impl State {
    fn live(&self, app: &AppName) -> Option<&Release> {
        self.releases.get(app)?.iter().find(|release| release.state == ReleaseState::Live)
    }

    /// Makes this release live, or none, and gives the old one that state.
    fn switch(&mut self, app: &AppName, to: Option<Release>, before: ReleaseState) {
        let releases = self.releases.entry(app.clone()).or_default();
        for release in releases.iter_mut().filter(|release| release.state == ReleaseState::Live) {
            release.state = before;
        }
        if let Some(to) = to {
            releases.retain(|release| release.digest != to.digest);
            releases.push(Release { state: ReleaseState::Live, ..to });
        }
    }
}

const ABOUT: About =
    About { title: "scripted", description: "scripted", read_only: false, destructive: false, idempotent: true };

pub(super) struct Inspect(pub(super) World);

impl ShortTool for Inspect {
    const NAME: &'static str = "inspect_app";
    type Input = InspectAppInput;
    type Output = InspectAppOutput;

    fn about(&self) -> About {
        ABOUT
    }

    async fn call(&self, _caller: &Principal, input: InspectAppInput) -> Result<InspectAppOutput, Problem> {
        let state = self.0.state();
        let wanted = state.releases.iter().filter(|(app, _)| input.app.as_ref().is_none_or(|wanted| wanted == *app));
        let apps = wanted.map(|(app, releases)| AppSnapshot {
            app: app.clone(),
            url: url(app),
            live: state.live(app).cloned(),
            releases: releases.iter().rev().cloned().collect(),
            tree: vec![],
            files: vec![],
            schema: vec![],
            migrations: vec![],
        });
        Ok(InspectAppOutput { apps: apps.collect() })
    }
}

pub(super) struct Discard(pub(super) World);

impl ShortTool for Discard {
    const NAME: &'static str = "discard_preview";
    type Input = DiscardPreviewInput;
    type Output = DiscardPreviewInput;

    fn about(&self) -> About {
        ABOUT
    }

    async fn call(&self, _caller: &Principal, input: DiscardPreviewInput) -> Result<DiscardPreviewInput, Problem> {
        let mut state = self.0.state();
        if let Some(problem) = state.failing.remove("discard") {
            return Err(problem);
        }
        state.discarded.push(input.task);
        state.turns.push(input.turn);
        Ok(input)
    }
}

pub(super) struct GetUsage(pub(super) World);

impl ShortTool for GetUsage {
    const NAME: &'static str = GET_USAGE;
    type Input = WhichJob;
    type Output = UsageOutput;

    fn about(&self) -> About {
        ABOUT
    }

    async fn call(&self, _caller: &Principal, input: WhichJob) -> Result<UsageOutput, Problem> {
        let mut state = self.0.state();
        if let Some(problem) = state.usage_failing.take() {
            return Err(problem);
        }
        let used = state.jobs.get(&input.job_id).and_then(|part| state.used.get(part));
        Ok(UsageOutput { models: used.into_iter().cloned().collect() })
    }
}

pub(super) struct GetTranscript(pub(super) World);

impl ShortTool for GetTranscript {
    const NAME: &'static str = GET_TRANSCRIPT;
    type Input = WhichJob;
    type Output = Transcript;

    fn about(&self) -> About {
        ABOUT
    }

    async fn call(&self, _caller: &Principal, input: WhichJob) -> Result<Transcript, Problem> {
        let state = self.0.state();
        let part = state.jobs.get(&input.job_id).filter(|part| state.used.contains_key(*part));
        Ok(Transcript { turns: part.map(|part| heard(1, part)).into_iter().collect() })
    }
}

/// A turn in which a model answered with this.
pub(super) fn heard(turn: u32, text: &str) -> Turn {
    let reply = Reply { text: text.to_owned(), model: "openai:gpt-5".to_owned(), ..Reply::default() };
    Turn {
        turn,
        prompt: Digest::of("prompt"),
        instructions: None,
        said: vec![Message::user("Go on.")],
        tries: vec![Try::Answered(reply)],
    }
}

macro_rules! part {
    ($tool:ident, $name:literal, $input:ty, $output:ty, $act:expr) => {
        pub(super) struct $tool(pub(super) World);

        impl LongTool for $tool {
            const NAME: &'static str = $name;
            type Input = $input;
            type Output = $output;
            type Checkpoint = ();

            fn about(&self) -> About {
                ABOUT
            }

            fn admit(&self, _caller: &Principal, _input: &$input) -> Result<Admission, Problem> {
                Ok(Admission::default())
            }

            async fn run(
                &self,
                job: &Job,
                input: $input,
                _checkpoint: Option<()>,
            ) -> Result<Step<(), $output>, JobError> {
                let act: fn(&mut State, $input) -> $output = $act;
                let (name, turn) = (part_name(&input), turn_of(&input));
                self.0.part(job, name, turn).await?;
                let output = act(&mut self.0.state(), input);
                if self.0.state().lost.contains(&name) {
                    return Err(Code::WorkerLost.problem("gone").into());
                }
                Ok(Step::Done(output, vec![]))
            }
        }
    };
}

/// The name under which a part is held back, counted and failed; the turn that it takes.
trait Named {
    fn named(&self) -> (&'static str, Option<u64>);
}

fn part_name(input: &impl Named) -> &'static str {
    input.named().0
}

fn turn_of(input: &impl Named) -> Option<u64> {
    input.named().1
}

impl Named for DesignInput {
    fn named(&self) -> (&'static str, Option<u64>) {
        ("design", None)
    }
}

impl Named for BuildInput {
    fn named(&self) -> (&'static str, Option<u64>) {
        ("build", Some(self.turn))
    }
}

impl Named for ReleaseInput {
    fn named(&self) -> (&'static str, Option<u64>) {
        ("release", Some(self.turn))
    }
}

impl Named for RollbackInput {
    fn named(&self) -> (&'static str, Option<u64>) {
        ("rollback", Some(self.turn))
    }
}

impl Named for VerifyInput {
    fn named(&self) -> (&'static str, Option<u64>) {
        let name = if self.target == Target::Live { "smoke" } else { "verify" };
        (name, Some(self.turn))
    }
}

part!(DesignTool, "design", DesignInput, Design, |state, input| {
    state.allowed.push(("design", input.allowance));
    Design {
        plan: Digest::of(&input.plan),
        base: state.live(&input.plan.app).map(|release| release.digest),
        summary: "scripted".into(),
        resources: vec![],
        migrations: vec![],
        endpoints: vec![],
        cache: vec![],
        files: vec![],
        tests: vec![],
        made_by: None,
    }
});

part!(BuildTool, "build", BuildInput, BuildOutput, |state, input| {
    let text = format!("<?php // {} {}\n", input.plan.goal, input.attempt);
    let migration = Migration { id: "0001_drop".into(), sql: "drop table posts".into() };
    let destructive = state.destructive.then(|| Statement {
        id: migration.id.clone(),
        sql: migration.sql.clone(),
        checksum: migration.checksum(),
        danger: "loses rows".into(),
    });
    let written = ChangeSet {
        app: input.app.clone(),
        base: input.design.base,
        files: vec![FileChange {
            path: "public/index.php".parse().expect("a path"),
            content: Some(Content::Text(text.clone())),
        }],
        migrations: destructive.iter().map(|_| migration.clone()).collect(),
        invalidations: vec![],
    };
    let change_set = input.supplied.clone().unwrap_or(written);
    state.allowed.push(("build", input.allowance));
    state.builds.push(input);
    BuildOutput {
        change_set,
        release: Digest::of_bytes(text.as_bytes()),
        preview: preview(in_seconds(state.previews_last.pop_front())),
        destructive: destructive.into_iter().collect(),
    }
});

part!(ReleaseTool, "release", ReleaseInput, ReleaseOutput, |state, input| {
    let built = state.builds.last().expect("something was built");
    let text = format!("<?php // {} {}\n", built.plan.goal, built.attempt);
    let release = Release {
        app: input.app.clone(),
        digest: Digest::of_bytes(text.as_bytes()),
        change_set: input.change_set,
        base: input.base,
        task: input.task,
        state: ReleaseState::Live,
        activated_at: chrono::Utc::now(),
    };
    state.switch(&input.app, Some(release.clone()), ReleaseState::Previous);
    let url = url(&input.app);
    state.released.push(input);
    ReleaseOutput { live: Some(release), url }
});

part!(RollbackTool, "rollback", RollbackInput, ReleaseOutput, |state, input| {
    let live = state.live(&input.app).cloned().expect("something is live");
    assert_eq!(live.digest, input.from, "a rollback is compare-and-swap");
    let target = match input.to {
        RollbackTo::Release(digest) => Some(digest),
        RollbackTo::Base => live.base,
    };
    let releases = &state.releases[&input.app];
    let to = releases.iter().find(|release| Some(release.digest) == target).cloned();
    state.switch(&input.app, to, ReleaseState::RolledBack);
    ReleaseOutput { live: state.live(&input.app).cloned(), url: url(&input.app) }
});

part!(VerifyTool, "verify", VerifyInput, VerifyOutput, |state, input| {
    let live = input.target == Target::Live;
    let name = if live { "smoke" } else { "verify" };
    state.allowed.push((name, input.allowance));
    state.given.push((name, input.checks.clone()));
    let checks = if input.checks.is_empty() { vec![proposed(state.given.len())] } else { input.checks };
    let green = if live { !state.smoke_red } else { state.previews_green.pop_front().unwrap_or(true) };
    let outcome = if green { Outcome::Passed } else { Outcome::Failed { why: "expected 200, saw 500".into() } };
    let result = |id: &str, outcome| CheckResult {
        id: id.into(),
        title: id.into(),
        criterion: None,
        outcome,
        before: None,
        millis: 1,
        evidence: Evidence::default(),
    };
    let now = chrono::Utc::now();
    let verdict = Verdict {
        task: input.task,
        app: input.app,
        kind: if live { VerdictKind::Smoke } else { VerdictKind::Preview },
        base: input.base,
        change_set: input.change_set,
        checks: Digest::of_bytes(b"checks"),
        passed: green,
        mandatory: vec!["lint".into()],
        results: vec![result("lint", Outcome::Passed), result("posts.list", outcome)],
        caveats: vec![],
        unproven: vec![],
        started_at: now,
        finished_at: now,
        expires_at: in_seconds(if live { None } else { state.verdicts_hold.pop_front() }),
        signature: String::new(),
    };
    VerifyOutput { verdict, checks }
});

/// A check as it is proposed when this is the tests' so many-th run.
fn proposed(run: usize) -> Check {
    let act = Act::Lint(LintCheck { paths: vec![] });
    Check { id: format!("proposed-{run}"), title: "It parses".into(), criterion: None, smoke: true, act }
}

fn url(app: &AppName) -> String {
    format!("http://{app}.localhost/")
}

/// An hour from now unless told otherwise.
fn in_seconds(seconds: Option<i64>) -> Timestamp {
    chrono::Utc::now() + chrono::TimeDelta::seconds(seconds.unwrap_or(3_600))
}

fn preview(expires_at: Timestamp) -> PreviewRef {
    let name: PreviewName = "abcdefghijklmnopqrstuvwxyz".parse().expect("a preview's name");
    let url = format!("http://{name}.preview.localhost/");
    PreviewRef { name, url, expires_at }
}

/// A problem as an agent gives up with.
pub(super) fn broken() -> Problem {
    Code::MigrationFailed.problem("the database said no")
}
