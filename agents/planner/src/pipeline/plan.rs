//! The Planner's own part: the goal is read, with the app in view.

use super::{call::over_budget, drive::Drive, progress::Progress};
use crate::{
    engine::{Planned, Reading},
    kept,
};
use protocol::{
    artifact::Plan,
    pipeline::{Event, Pipeline},
};
use runtime::{JobError, model::usage};

impl Drive<'_> {
    /// Reads the goal; once more, when a person has answered what was asked about it.
    pub(super) async fn plan(&self, progress: &mut Progress) -> Result<Event, JobError> {
        if self.order.supplied {
            return self.take_over(progress).await;
        }
        self.job.say("The Planner reads the goal").await?;
        let snapshot = self.inspect(self.team.engine.wanted_files()).await?;
        let live = snapshot.as_ref().and_then(|snapshot| snapshot.live.as_ref());
        progress.base = live.map(|release| release.digest);
        let answer = match &progress.state {
            Pipeline::Clarified { answer } => Some(answer.as_str()),
            _ => None,
        };
        let reading = Reading {
            job: self.job,
            app: &self.order.app,
            goal: &self.order.goal,
            snapshot: snapshot.as_ref(),
            coder: &self.team.peers.coder,
            answer,
            // What this conversation has used already, it knows itself.
            allowance: self.order.allowance,
        };
        let planned = self.team.engine.plan(&reading).await;
        progress.ledger.own = usage(crate::NAME, &self.job.turns().await?);
        match planned {
            Ok(Planned::Plan(plan)) => Ok(Event::Planned { plan: self.job.keep::<Plan>(kept::PLAN, 0, &plan).await? }),
            Ok(Planned::Unclear(questions)) => Ok(Event::Unclear { questions }),
            Err(JobError::Terminal(problem)) => Ok(Event::Failed { problem: over_budget(progress, problem) }),
            Err(error) => Err(error),
        }
    }
}
