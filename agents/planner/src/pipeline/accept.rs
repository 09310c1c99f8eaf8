//! What the peers answered: looked at, kept, and turned into what came to pass.

use super::{drive::Drive, progress::Progress, work::Part};
use crate::kept;
use protocol::{
    Code, Digest, Problem,
    artifact::{Design, Outcome, Verdict, VerdictKind},
    event::What,
    pipeline::{Built, Event, Pipeline},
    tools::{
        coder::{BuildOutput, ReleaseOutput},
        tester::VerifyOutput,
    },
};
use runtime::JobError;
use serde::de::DeserializeOwned;
use serde_json::Value;

type Accepted = (Event, Vec<What>);

impl Drive<'_> {
    /// Takes a part's output in. What does not fit this task fails it.
    pub(super) async fn accept(
        &self,
        progress: &mut Progress,
        part: Part,
        output: Value,
    ) -> Result<Accepted, JobError> {
        let accepted = match part {
            Part::Design => self.designed(progress, output).await,
            Part::Build => self.built(progress, output).await,
            Part::Verify => self.verified(progress, output).await,
            Part::Release => released(progress, output),
            Part::Smoke => self.smoked(progress, output).await,
            Part::Revert => reverted(progress, output),
            Part::RollBack => rolled_back(progress, output),
        };
        match accepted {
            Err(JobError::Terminal(problem)) => Ok((Event::Failed { problem }, Vec::new())),
            other => other,
        }
    }

    async fn designed(&self, progress: &Progress, output: Value) -> Result<Accepted, JobError> {
        let design: Design = read("design", output)?;
        let Pipeline::Designing { plan } = &progress.state else { return Err(misplaced()) };
        if design.plan != *plan {
            return Err(Code::Internal.problem("the design is for another plan").into());
        }
        same_base(progress, design.base)?;
        let design = self.job.keep(kept::DESIGN, 0, &design).await?;
        Ok((Event::Designed { design }, Vec::new()))
    }

    async fn built(&self, progress: &Progress, output: Value) -> Result<Accepted, JobError> {
        let BuildOutput { change_set, release, preview, destructive } = read("change-set", output)?;
        change_set.validate()?;
        if change_set.app != self.order.app {
            return Err(Code::Internal.problem("the change-set is for another app").into());
        }
        same_base(progress, change_set.base)?;
        let diff = self.diff(&change_set).await?;
        let attempt = progress.state.attempt();
        self.job.keep(kept::DIFF, attempt, &diff).await?;
        self.job.keep(kept::CHANGES, attempt, &change_set).await?;
        let built = Built { change_set: change_set.digest(), release, preview, destructive };
        Ok((Event::Built(built), Vec::new()))
    }

    async fn verified(&self, progress: &mut Progress, output: Value) -> Result<Accepted, JobError> {
        let Pipeline::Verifying { built, work, .. } = &progress.state else { return Err(misplaced()) };
        let (change_set, attempt) = (built.change_set, work.attempt);
        let VerifyOutput { verdict, checks } = self.verdict(progress.base, change_set, VerdictKind::Preview, output)?;
        self.job.keep(kept::CHECKS, attempt, &checks).await?;
        self.job.keep(kept::VERDICT, attempt, &verdict).await?;
        progress.checks_passed = passed(&verdict);
        progress.reservations = verdict.reservations();
        let (passed, expires_at) = (is_green(&verdict), verdict.expires_at);
        Ok((Event::Verified { verdict: verdict.digest(), passed, expires_at }, checked(&verdict)))
    }

    async fn smoked(&self, progress: &mut Progress, output: Value) -> Result<Accepted, JobError> {
        let (base, change_set, returned) = match (&progress.state, &progress.live) {
            (Pipeline::Smoking { built, .. }, _) => (progress.base, built.change_set, false),
            (Pipeline::SmokingRollback { .. }, Some(live)) => (live.base, live.change_set, true),
            _ => return Err(misplaced()),
        };
        let VerifyOutput { verdict, .. } = self.verdict(base, change_set, VerdictKind::Smoke, output)?;
        self.job.keep(kept::SMOKE, progress.state.attempt(), &verdict).await?;
        if returned {
            progress.checks_passed = passed(&verdict);
            progress.reservations = verdict.reservations();
        }
        Ok((Event::Smoked { verdict: verdict.digest(), passed: is_green(&verdict) }, checked(&verdict)))
    }

    /// A verdict on exactly what was asked about. (Its signature is the host's to check.)
    fn verdict(
        &self,
        base: Option<Digest>,
        change_set: Digest,
        kind: VerdictKind,
        output: Value,
    ) -> Result<VerifyOutput, Problem> {
        let answered: VerifyOutput = read("verdict", output)?;
        let verdict = &answered.verdict;
        let right = verdict.task == self.job.id()
            && verdict.app == self.order.app
            && verdict.kind == kind
            && verdict.base == base
            && verdict.change_set == change_set;
        if right { Ok(answered) } else { Err(Code::VerdictInvalid.problem("the verdict is on something else")) }
    }
}

fn released(progress: &mut Progress, output: Value) -> Result<Accepted, JobError> {
    let ReleaseOutput { live, url } = read("release", output)?;
    let Pipeline::Releasing { built, .. } = &progress.state else { return Err(misplaced()) };
    if live.as_ref().map(|release| release.digest) != Some(built.release) {
        return Err(Code::Internal.problem("another release than the one that was built is live").into());
    }
    (progress.live, progress.url, progress.previewed) = (live, url, false);
    Ok((Event::Released, Vec::new()))
}

fn reverted(progress: &mut Progress, output: Value) -> Result<Accepted, JobError> {
    let ReleaseOutput { live, url } = read("release", output)?;
    (progress.live, progress.url) = (live, url);
    Ok((Event::Reverted, Vec::new()))
}

fn rolled_back(progress: &mut Progress, output: Value) -> Result<Accepted, JobError> {
    let ReleaseOutput { live, url } = read("release", output)?;
    let digest = live.as_ref().map(|release| release.digest);
    (progress.live, progress.url) = (live, url);
    Ok((Event::RolledBack { live: digest }, Vec::new()))
}

fn same_base(progress: &Progress, base: Option<Digest>) -> Result<(), Problem> {
    if base == progress.base {
        return Ok(());
    }
    Err(Code::BaseMoved.problem("the live release is not the one that the task was planned on; submit the goal again"))
}

/// Passed by its own word, and no check says otherwise.
fn is_green(verdict: &Verdict) -> bool {
    verdict.passed && verdict.findings().next().is_none()
}

fn passed(verdict: &Verdict) -> u32 {
    let passed = verdict.results.iter().filter(|result| result.outcome == Outcome::Passed).count();
    u32::try_from(passed).unwrap_or(u32::MAX)
}

fn checked(verdict: &Verdict) -> Vec<What> {
    let told = |result: &protocol::artifact::CheckResult| What::Checked {
        id: result.id.clone(),
        title: result.title.clone(),
        outcome: result.outcome.clone(),
    };
    verdict.results.iter().map(told).collect()
}

fn read<T: DeserializeOwned>(what: &str, output: Value) -> Result<T, Problem> {
    serde_json::from_value(output)
        .map_err(|error| Code::Internal.problem(format!("a peer answered something that is no {what}: {error}")))
}

fn misplaced() -> JobError {
    JobError::Terminal(Code::Internal.problem("a part ended in a state that it does not belong to"))
}
