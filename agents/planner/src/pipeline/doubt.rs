//! A peer's act may or may not have taken place: a person looks, and says what is to be done.

use super::{
    drive::{Answer, Drive},
    progress::Progress,
};
use protocol::{Code, event::What, task::Question};
use runtime::{JobError, Wait};
use std::time::Duration;

/// How often a peer that does not answer is told again.
const OUTAGE: Duration = Duration::from_secs(1);

impl Drive<'_> {
    /// Asks a person. What to wait for then.
    pub(super) async fn ask_about(&self, progress: &mut Progress, reason: String) -> Result<Wait, JobError> {
        progress.doubt = Some(reason.clone());
        progress.asked_at = Some(chrono::Utc::now());
        let told = vec![What::Asked { question: Question::InDoubt { reason } }];
        self.job.checkpoint(progress, told).await?;
        Ok(Wait::Person)
    }

    /// Tells the peer what the person said, if one has. What to wait for then.
    pub(super) async fn resolve(&self, progress: &mut Progress) -> Result<Wait, JobError> {
        let Some(answer) = self.answer(progress)? else { return Ok(Wait::Person) };
        let Some(resolution) = answer.resolution() else { return Ok(Wait::Person) };
        let call = progress.call.as_ref().and_then(|call| Some((call.part, call.job?)));
        let (part, job) = call.ok_or_else(|| Code::Internal.problem("nothing is in doubt"))?;
        let sentence = match &answer {
            Answer::Approve { by } | Answer::Clarify { by, .. } => format!("{by} has it done again"),
            Answer::Reject { by, .. } => format!("{by} gives it up"),
        };
        match part.peer(&self.team.peers).resolve(job, resolution).await {
            Ok(()) => {}
            // It was told before, by a run that was cut off.
            Err(problem) if problem.code == Code::NotWaiting => {}
            Err(problem) => return Err(JobError::RateLimited(problem, OUTAGE)),
        }
        progress.doubt = None;
        progress.answered(chrono::Utc::now());
        self.job.checkpoint(progress, vec![What::Progress { message: sentence }]).await?;
        Ok(Wait::Peer(job))
    }
}
