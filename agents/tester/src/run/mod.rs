//! The runner: does what the checks say, in their order, and writes down what came back.

mod arrange;
mod cache;
mod checklist;
mod http;
mod log;
mod rows;
mod world;

pub(crate) use checklist::Checklist;
pub(crate) use world::World;

use crate::{
    evidence::Redactor,
    matcher::{Shortfall, outcome},
    variables::Variables,
};
use log::Log;
use protocol::{
    Problem,
    artifact::{Act, Check, CheckResult, Evidence, Outcome, Verdict},
};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// A whole run takes at most this long; checks that are left then count as not carried out.
const WHOLE_RUN: Duration = Duration::from_secs(600);

/// One run over one checklist.
pub(crate) struct Run<'a> {
    world: &'a World,
    redactor: Redactor,
    variables: Variables,
    log: Log,
    /// Requests that were answered with a status of 500 or more.
    server_errors: Vec<String>,
    requests: usize,
}

/// How far a run is, for who looks on.
#[derive(Debug, Default)]
pub(crate) struct Done {
    ran: AtomicUsize,
    passed: AtomicUsize,
}

impl Done {
    /// Checks that have ended, and those of them that passed.
    pub(crate) fn so_far(&self) -> (usize, usize) {
        (self.ran.load(Ordering::Relaxed), self.passed.load(Ordering::Relaxed))
    }

    fn count(&self, results: &[CheckResult]) {
        self.ran.store(results.len(), Ordering::Relaxed);
        let passed = results.last().is_some_and(|last| last.outcome == Outcome::Passed);
        self.passed.fetch_add(usize::from(passed), Ordering::Relaxed);
    }
}

/// What one act showed.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    sent: String,
    received: String,
    shortfalls: Vec<Shortfall>,
}

impl Shown {
    /// The act was not carried out.
    fn errored(sent: impl Into<String>, why: impl Into<String>) -> Self {
        Self { sent: sent.into(), received: String::new(), shortfalls: vec![Shortfall::Errored(why.into())] }
    }
}

impl<'a> Run<'a> {
    /// Begins: what PHP has logged so far is not this run's.
    pub(crate) async fn begin(world: &'a World, name: &str) -> Result<Self, Problem> {
        Ok(Self {
            world,
            redactor: Redactor::of(world.access()),
            variables: Variables::of_run(name),
            log: Log::begin(world).await?,
            server_errors: Vec::new(),
            requests: 0,
        })
    }

    /// Carries out every check, then the mandatory ones, and counts in `done` how many have ended.
    ///
    /// # Errors
    /// When the environment does not answer: that says nothing about the change, so the run is worth nothing.
    pub(crate) async fn checks(mut self, list: &Checklist, done: &Done) -> Result<Vec<CheckResult>, Problem> {
        let deadline = Instant::now() + WHOLE_RUN;
        let mut results = Vec::with_capacity(list.len());
        let lint = self.mandatory("lint", "Every PHP file parses");
        results.push(self.finish(lint, Instant::now(), log::lint(self.world, &[], list.needs_files()).await?));
        done.count(&results);
        for check in list.checks() {
            let start = Instant::now();
            let shown = if start < deadline {
                self.act(check, list).await?
            } else {
                Shown::errored("", "the whole run took longer than 10 minutes")
            };
            results.push(self.finish(about(check), start, shown));
            done.count(&results);
        }
        let start = Instant::now();
        let no_5xx = self.mandatory("no-5xx", "No request was answered with a server error");
        let shown = self.no_5xx();
        results.push(self.finish(no_5xx, start, shown));
        let start = Instant::now();
        let warnings = self.mandatory("no-php-warnings", "PHP logged no warning and no error");
        let shown = self.log.lacks_php_warnings(self.world).await?;
        results.push(self.finish(warnings, start, shown));
        Ok(results)
    }

    async fn act(&mut self, check: &Check, list: &Checklist) -> Result<Shown, Problem> {
        if let Some(why) = list.forbids(check) {
            return Ok(Shown::errored("", why));
        }
        match &check.act {
            Act::Http(http) => self.http(http).await,
            Act::Sql(sql) => rows::check(self.world, sql, &mut self.variables).await,
            Act::Arrange(arrange) => arrange::check(self.world, arrange, &mut self.variables).await,
            Act::Cache(cache) => cache::check(self.world, cache, &self.variables).await,
            Act::Log(log) => self.log.check(self.world, log, &self.variables).await,
            Act::Lint(lint) => log::lint(self.world, &lint.paths, true).await,
        }
    }

    fn no_5xx(&self) -> Shown {
        let shortfalls = match self.server_errors.as_slice() {
            [] => Vec::new(),
            [first, ..] => {
                let count = self.server_errors.len();
                vec![Shortfall::Failed(format!("{count} of {} requests; the first: {first}", self.requests))]
            }
        };
        Shown {
            sent: format!("{} requests of this run", self.requests),
            received: self.server_errors.join("\n"),
            shortfalls,
        }
    }

    fn mandatory(&self, id: &str, title: &str) -> CheckResult {
        debug_assert!(Verdict::MANDATORY.contains(&id), "{id}");
        blank(id, title, None)
    }

    fn finish(&self, about: CheckResult, start: Instant, shown: Shown) -> CheckResult {
        let clean = |text: &str| self.redactor.clean(text);
        CheckResult {
            outcome: match outcome(&shown.shortfalls) {
                Outcome::Passed => Outcome::Passed,
                Outcome::Failed { why } => Outcome::Failed { why: clean(&why) },
                Outcome::Errored { why } => Outcome::Errored { why: clean(&why) },
            },
            millis: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
            evidence: Evidence { sent: clean(&shown.sent), received: clean(&shown.received) },
            ..about
        }
    }
}

/// Passed only when every result is, every mandatory check ran, and so did at least one that says something about the
/// app itself.
pub(crate) fn passed(results: &[CheckResult]) -> bool {
    let mandatory = |result: &&CheckResult| Verdict::MANDATORY.contains(&result.id.as_str());
    results.iter().all(|result| result.outcome == Outcome::Passed)
        && Verdict::MANDATORY.iter().all(|id| results.iter().any(|result| result.id == *id))
        && results.iter().any(|result| !mandatory(&result))
}

fn about(check: &Check) -> CheckResult {
    blank(&check.id, &check.title, check.criterion.clone())
}

/// A result that nobody has filled in yet: it must not look like one that passed.
fn blank(id: &str, title: &str, criterion: Option<String>) -> CheckResult {
    CheckResult {
        id: id.to_owned(),
        title: title.to_owned(),
        criterion,
        outcome: Outcome::Errored { why: "not carried out".to_owned() },
        before: None,
        millis: 0,
        evidence: Evidence::default(),
    }
}

#[cfg(test)]
mod tests;
