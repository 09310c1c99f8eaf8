use super::{
    drive::Drive,
    progress::{Call, Progress},
    work::Part,
};
use crate::kept;
use protocol::{
    Code, Problem,
    artifact::{ChangeSet, Check, CheckResult, Design, Plan, Release, Verdict},
    pipeline::{Built, Pipeline, Work},
    tools::{
        architect::DesignInput,
        coder::{BuildInput, ReleaseInput, RollbackInput, RollbackTo},
        tester::{Intent, Target, VerifyInput},
        thinking::Allowance,
    },
};
use runtime::JobError;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

impl Drive<'_> {
    /// What a peer is given for its part. The same state gives the same input, so that a repeated call is the same call.
    pub(super) async fn request(&self, progress: &Progress, call: &Call) -> Result<Value, JobError> {
        match (call.part, &progress.state) {
            (Part::Design, Pipeline::Designing { .. }) => {
                json(&DesignInput { plan: self.plan_kept().await?, allowance: self.left(progress) })
            }
            (Part::Build, Pipeline::Building { work, .. }) => {
                let (allowance, again) = (self.left(progress), again(progress, call.part));
                json(&BuildInput { allowance, again, ..self.build(work, call.turn).await? })
            }
            (Part::Verify, Pipeline::Verifying { built, .. }) => {
                let target = Target::Preview { preview: built.preview.clone() };
                let input = self.verify(progress, built, target, call.turn).await?;
                json(&VerifyInput { again: again(progress, call.part), ..input })
            }
            (Part::Release, Pipeline::Releasing { work, built, approved, .. }) => {
                let verdict: Verdict = self.needed(kept::VERDICT, work.attempt).await?;
                json(&self.release(progress, built, verdict, *approved, call.turn))
            }
            (Part::Smoke, Pipeline::Smoking { built, .. }) => {
                json(&self.verify(progress, built, Target::Live, call.turn).await?)
            }
            (Part::Smoke, Pipeline::SmokingRollback { .. }) => match &progress.live {
                Some(live) => json(&self.look_at(live, call.turn)),
                None => Err(nothing_of_that(call.part)),
            },
            (Part::Revert, Pipeline::Reverting { built, .. }) => {
                json(&self.rollback(built.release, RollbackTo::Base, call.turn))
            }
            (Part::RollBack, Pipeline::RollingBack { to }) => match progress.base {
                Some(from) => json(&self.rollback(from, *to, call.turn)),
                None => Err(nothing_of_that(call.part)),
            },
            (part, _) => Err(nothing_of_that(part)),
        }
    }

    async fn build(&self, work: &Work, turn: u64) -> Result<BuildInput, JobError> {
        let Intent { plan, design } = self.intent().await?;
        let attempt = work.attempt;
        let (findings, before) = match work.findings {
            Some(_) => {
                let before: ChangeSet = self.needed(kept::CHANGES, attempt - 1).await?;
                (self.findings(attempt - 1).await?, Some(before))
            }
            None => (Vec::new(), None),
        };
        Ok(BuildInput {
            task: self.job.id(),
            app: self.order.app.clone(),
            plan,
            design,
            attempt,
            again: 0,
            findings,
            before,
            supplied: if self.order.supplied { Some(self.supplied().await?.change_set(&self.order.app)) } else { None },
            allowance: Allowance::default(),
            turn,
        })
    }

    async fn verify(
        &self,
        progress: &Progress,
        built: &Built,
        target: Target,
        turn: u64,
    ) -> Result<VerifyInput, JobError> {
        Ok(VerifyInput {
            task: self.job.id(),
            app: self.order.app.clone(),
            target,
            intent: Some(self.intent().await?),
            base: progress.base,
            change_set: built.change_set,
            attempt: progress.state.attempt(),
            // What was tested once is tested again: a later round, a late approval and the live app are measured alike.
            checks: self.job.kept::<Vec<Check>>(kept::CHECKS, None).await?.unwrap_or_default(),
            unproven: self.job.kept::<Verdict>(kept::VERDICT, None).await?.map_or_else(Vec::new, |it| it.unproven),
            again: 0,
            allowance: self.left(progress),
            turn,
        })
    }

    fn look_at(&self, live: &Release, turn: u64) -> VerifyInput {
        VerifyInput {
            task: self.job.id(),
            app: self.order.app.clone(),
            target: Target::Live,
            intent: None,
            base: live.base,
            change_set: live.change_set,
            attempt: 0,
            checks: Vec::new(),
            unproven: Vec::new(),
            again: 0,
            allowance: Allowance::default(),
            turn,
        }
    }

    fn release(&self, progress: &Progress, built: &Built, verdict: Verdict, approved: bool, turn: u64) -> ReleaseInput {
        let statements = if approved { built.destructive.as_slice() } else { &[] };
        ReleaseInput {
            task: self.job.id(),
            app: self.order.app.clone(),
            change_set: built.change_set,
            base: progress.base,
            preview: built.preview.clone(),
            verdict,
            approved: statements.iter().map(|statement| statement.checksum).collect(),
            turn,
        }
    }

    fn rollback(&self, from: protocol::Digest, to: RollbackTo, turn: u64) -> RollbackInput {
        RollbackInput { task: self.job.id(), app: self.order.app.clone(), from, to, turn }
    }

    /// What is left of the task's budget for language models.
    fn left(&self, progress: &Progress) -> Allowance {
        progress.ledger.left_of(self.order.allowance)
    }

    async fn intent(&self) -> Result<Intent, JobError> {
        Ok(Intent { plan: self.plan_kept().await?, design: self.needed::<Design>(kept::DESIGN, 0).await? })
    }

    async fn plan_kept(&self) -> Result<Plan, JobError> {
        self.needed(kept::PLAN, 0).await
    }

    async fn findings(&self, attempt: u32) -> Result<Vec<CheckResult>, JobError> {
        let verdict: Verdict = self.needed(kept::VERDICT, attempt).await?;
        Ok(verdict.findings().cloned().collect())
    }

    /// An artifact that the way to here has kept.
    async fn needed<T: DeserializeOwned>(&self, kind: &str, attempt: u32) -> Result<T, JobError> {
        self.job.kept(kind, Some(attempt)).await?.ok_or_else(|| {
            let detail = format!("the task's {kind} of attempt {attempt} is missing from the store");
            JobError::Terminal(Code::Internal.problem(detail))
        })
    }
}

/// How often this part of the same round has ended before.
fn again(progress: &Progress, part: Part) -> u32 {
    progress.ledger.ended(part, progress.state.attempt())
}

fn json<T: Serialize>(input: &T) -> Result<Value, JobError> {
    serde_json::to_value(input).map_err(|error| {
        let problem: Problem = Code::Internal.problem(format!("a peer's input cannot be written: {error}"));
        JobError::Terminal(problem)
    })
}

fn nothing_of_that(part: Part) -> JobError {
    JobError::Terminal(Code::Internal.problem(format!("the task is not where the part {} is done", part.as_str())))
}
