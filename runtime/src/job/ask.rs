//! Calls of language models in the ledger: each written down before it is made, and what became of it after.

use super::{
    Job, JobError,
    context::refused,
    erased::{read, written},
};
use crate::{
    fail,
    model::{Refusal, became, measure},
    store::{Effect, Intent, Outcome, Recorded, Write},
    telemetry::span,
};
use protocol::{
    Code,
    chat::{Reply, Tokens, Try, Turn},
};
use serde::{Deserialize, Serialize};
use std::future::Future;
use tracing::Instrument as _;

/// What the ledger's names of these calls start with.
pub(super) const CALLS: &str = "model/";

/// A call that is about to be made.
#[derive(Serialize, Deserialize)]
struct Asked {
    /// The turn without its tries; written with the first try.
    turn: Option<Turn>,
    model: String,
    /// What the call counts as when nobody ever learns what became of it.
    reserved: Tokens,
}

impl Job {
    /// The turns of the conversation that earlier runs of this job have had. A call that was not seen to end is lost: it may have
    /// been made, and counts.
    ///
    /// # Errors
    /// [`JobError::Store`].
    pub async fn turns(&self) -> Result<Vec<Turn>, JobError> {
        turns(self.store.effects(self.id(), CALLS).await?)
    }

    /// Calls a model: another try of this turn.
    pub(crate) async fn ask(
        &self,
        turn: &Turn,
        model: String,
        reserved: Tokens,
        act: impl Future<Output = Result<Reply, Refusal>> + Send,
    ) -> Result<Try, JobError> {
        self.park_if_draining().await;
        let tried = turn.tries.len();
        let key = format!("{CALLS}{:05}/{tried:03}", turn.turn);
        let said = (tried == 0).then(|| Turn { tries: Vec::new(), ..turn.clone() });
        let request = written("request", &Asked { turn: said, model: model.clone(), reserved })?;
        let effect = Effect { key, request };
        fail::point("intent.before", &effect.key);
        match self.store.intend(&self.claim, &effect).await.map_err(refused)? {
            Intent::New => {}
            Intent::Open | Intent::Ended(_) => {
                return Err(JobError::Terminal(
                    Code::Internal.problem(format!("the call {} was made before", effect.key)),
                ));
            }
        }
        fail::point("intent.after", &effect.key);
        let asked = async {
            let tried = became(act.await);
            span::thought(&tried);
            tried
        };
        let tried = asked.instrument(span::model_call(&model)).await;
        measure(self.store.agent(), &tried);
        fail::point("effect.after", &effect.key);
        let outcome = Outcome::Done(written("outcome", &tried)?);
        self.write(&Write::Outcome { key: effect.key.clone(), outcome }).await?;
        fail::point("outcome.after", &effect.key);
        Ok(tried)
    }
}

/// Turns as the ledger tells them.
pub(super) fn turns(recorded: Vec<Recorded>) -> Result<Vec<Turn>, JobError> {
    let mut turns: Vec<Turn> = Vec::new();
    for Recorded { request, outcome } in recorded {
        let Asked { turn, model, reserved } = read("request", request)?;
        turns.extend(turn);
        let became = match outcome {
            Some(Outcome::Done(tried)) => read("outcome", tried)?,
            Some(Outcome::Failed(_)) | None => Try::Lost { model, tokens: reserved },
        };
        let Some(turn) = turns.last_mut() else {
            return Err(JobError::Terminal(Code::Internal.problem("a call without a turn is in the ledger")));
        };
        turn.tries.push(became);
    }
    Ok(turns)
}
