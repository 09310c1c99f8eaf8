use crate::{config::Peers, kept, pipeline::Ended, view};
use protocol::{
    Code, Digest, Problem, TaskId,
    chat::Turn,
    rest::SubmitTask,
    tools::{
        planner::SUBMIT_TASK,
        thinking::{GET_TRANSCRIPT, Transcript, WhichJob},
    },
};
use runtime::{
    Jobs, Principal,
    job::JobStatus,
    model::{Tape, TapePart},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Records of tasks: what every agent said to its model and heard, fetched from those who know it. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Tapes {
    jobs: Jobs,
    peers: Peers,
}

impl Tapes {
    pub(crate) fn new(jobs: Jobs, peers: Peers) -> Self {
        Self { jobs, peers }
    }

    /// The record of a task, as far as its parts have ended; marked as partial as long as the task has not.
    ///
    /// # Errors
    /// [`Code::NotFound`], also for a rollback or an import: nobody thinks about one; what a peer says that does not know its part any more.
    pub(crate) async fn of(&self, caller: &Principal, id: TaskId) -> Result<Tape, Problem> {
        let record = self.jobs.get(caller, id).await?;
        if record.tool != SUBMIT_TASK {
            return Err(
                Code::NotFound.problem("a rollback or an import has no tape: no goal is read, and nothing is written")
            );
        }
        let SubmitTask { goal, app, approval, .. } = view::read(&record.input)?;
        let progress = view::progress(&record)?;
        let mut tape = Tape::of(goal, app, approval);
        tape.partial = !matches!(record.status, JobStatus::Done(_) | JobStatus::Failed(_) | JobStatus::Cancelled);
        tape.parts.extend(part(crate::NAME, 0, self.jobs.turns(caller, id).await?));
        if let Some(progress) = progress {
            for (ended, again) in progress.ledger.parts() {
                let Transcript { turns } = self.transcript(ended).await?;
                let heard = part(ended.part.agent(), ended.attempt, turns);
                tape.parts.extend(heard.map(|part| TapePart { again, ..part }));
            }
            tape.answer = progress.answer;
        }
        tape.artifacts = self.artifacts(caller, id).await?;
        Ok(tape)
    }

    async fn transcript(&self, ended: &Ended) -> Result<Transcript, Problem> {
        ended.part.peer(&self.peers).call(GET_TRANSCRIPT, &WhichJob { job_id: ended.job }).await
    }

    /// The last artifacts of each kind by what they say, whichever task and model they came from.
    async fn artifacts(&self, caller: &Principal, id: TaskId) -> Result<BTreeMap<String, Digest>, Problem> {
        let kinds: [(&str, &[&str]); 4] = [
            (kept::PLAN, &["task", "made_by"]),
            (kept::DESIGN, &["plan", "made_by"]),
            (kept::CHANGES, &[]),
            (kept::CHECKS, &[]),
        ];
        let mut digests = BTreeMap::new();
        for (kind, apart) in kinds {
            match self.jobs.artifact(caller, id, kind, None).await {
                Ok(artifact) => drop(digests.insert(kind.to_owned(), digest(artifact, apart))),
                Err(problem) if problem.code == Code::NotFound => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(digests)
    }
}

/// Nothing for a part in which no model was asked.
fn part(agent: &str, round: u32, turns: Vec<Turn>) -> Option<TapePart> {
    (!turns.is_empty()).then(|| TapePart { agent: agent.to_owned(), round, again: 0, turns })
}

fn digest(mut artifact: Value, apart: &[&str]) -> Digest {
    if let Some(fields) = artifact.as_object_mut() {
        fields.retain(|name, _| !apart.contains(&name.as_str()));
    }
    Digest::of(&artifact)
}
