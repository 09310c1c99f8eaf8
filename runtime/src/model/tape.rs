//! A run that was recorded: what each agent heard from its model, turn by turn. Played again it costs no token.

use super::{Position, Refusal};
use protocol::{
    AppName, Code, Digest, Problem,
    chat::{Reply, Tokens, Try, Turn},
    task::Approval,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs, path::Path};

/// The form that this version writes and reads.
const FORM: u32 = 1;

/// A recorded run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tape {
    /// The form of this file: 1.
    pub yonin_tape: u32,
    /// The goal that it was about.
    pub goal: String,
    /// The app that it was for.
    pub app: AppName,
    /// When a person was asked.
    #[serde(default)]
    pub approval: Approval,
    /// What was answered to the Planner's questions, if it had any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// What each agent said and heard.
    pub parts: Vec<TapePart>,
    /// The artifacts that came of it, by kind: a run of this tape comes to the same.
    #[serde(default)]
    pub artifacts: BTreeMap<String, Digest>,
}

/// What one agent said and heard in one round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TapePart {
    /// The agent.
    pub agent: String,
    /// The round of build and verify; 0 before the first.
    pub round: u32,
    /// Turn by turn.
    pub turns: Vec<Turn>,
}

impl Tape {
    /// Reads a tape.
    ///
    /// # Errors
    /// [`Code::BadConfiguration`]: no such file, or no tape of this form.
    pub fn read(file: &Path) -> Result<Self, Problem> {
        let bad = |why: String| Code::BadConfiguration.problem(format!("the tape {}: {why}", file.display()));
        let text = fs::read(file).map_err(|error| bad(error.to_string()))?;
        let tape: Self = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        if tape.yonin_tape != FORM {
            return Err(bad(format!("it has form {}, and this version reads form {FORM}", tape.yonin_tape)));
        }
        Ok(tape)
    }

    /// A tape of this version's form with nothing on it yet.
    #[must_use]
    pub fn of(goal: String, app: AppName, approval: Approval) -> Self {
        Self { yonin_tape: FORM, goal, app, approval, answer: None, parts: Vec::new(), artifacts: BTreeMap::new() }
    }

    /// What was heard at this position, for nothing.
    pub(super) fn ask(&self, at: Position) -> Result<Reply, Refusal> {
        let parts = self.parts.iter().filter(|part| part.agent == at.agent && part.round == at.round);
        let turns = parts.flat_map(|part| &part.turns).filter(|turn| turn.turn == at.turn);
        let heard = turns.flat_map(|turn| &turn.tries).find_map(|one| match one {
            Try::Answered(reply) => Some(reply.clone()),
            _ => None,
        });
        heard.map(|reply| Reply { tokens: Tokens { micro_usd: Some(0), ..Tokens::default() }, ..reply }).ok_or_else(
            || {
                let Position { agent, round, turn } = at;
                let detail = format!("the tape ends before turn {turn} of the {agent} in round {round}");
                Refusal {
                    model: "tape".to_owned(),
                    problem: Box::new(Code::ModelUnusable.problem(detail)),
                    again: None,
                    tokens: Tokens { micro_usd: Some(0), ..Tokens::default() },
                }
            },
        )
    }
}
