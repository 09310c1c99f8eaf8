//! A run that was recorded: what each agent heard from its model, turn by turn. Played again it costs no token.

use super::{Position, Refusal};
use protocol::{
    AppName, Code, Digest, Problem,
    chat::{Reply, Tokens, Try, Turn},
    task::Approval,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs, path::Path};

/// What a tape is called where a model's name stands.
pub(super) const NAME: &str = "tape";
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
    /// The task had not ended when this was taken down: there is nothing to play it to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
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
    /// How often it did the same part of the same round before: once, where an approval came late and it was done again.
    #[serde(default, skip_serializing_if = "is_first")]
    pub again: u32,
    /// Turn by turn.
    pub turns: Vec<Turn>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's `skip_serializing_if` passes a reference")]
fn is_first(again: &u32) -> bool {
    *again == 0
}

impl Tape {
    /// Reads a tape that can be played.
    ///
    /// # Errors
    /// [`Code::BadConfiguration`]: no such file, no tape of this form, or one of a task that had not ended.
    pub fn read(file: &Path) -> Result<Self, Problem> {
        let bad = |why: String| Code::BadConfiguration.problem(format!("the tape {}: {why}", file.display()));
        let text = fs::read(file).map_err(|error| bad(error.to_string()))?;
        let tape: Self = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        if tape.yonin_tape != FORM {
            return Err(bad(format!("it has form {}, and this version reads form {FORM}", tape.yonin_tape)));
        }
        if tape.partial {
            return Err(bad("it was exported before its task had ended; export it again".to_owned()));
        }
        Ok(tape)
    }

    /// A tape of this version's form with nothing on it yet.
    #[must_use]
    pub fn of(goal: String, app: AppName, approval: Approval) -> Self {
        Self {
            yonin_tape: FORM,
            goal,
            app,
            approval,
            answer: None,
            partial: false,
            parts: Vec::new(),
            artifacts: BTreeMap::new(),
        }
    }

    /// What was heard at this position.
    fn heard(&self, at: Position<'_>) -> Option<&Reply> {
        let parts =
            self.parts.iter().filter(|part| part.agent == at.agent && part.round == at.round && part.again == at.again);
        let turns = parts.flat_map(|part| &part.turns).filter(|turn| turn.turn == at.turn);
        turns.flat_map(|turn| &turn.tries).find_map(|one| match one {
            Try::Answered(reply) => Some(reply),
            _ => None,
        })
    }
}

/// Tapes at hand: each is played for its own goal.
#[derive(Debug)]
pub(crate) struct Tapes(Vec<Tape>);

impl Tapes {
    /// The tape in a file, or those in a directory's `.json` files.
    pub(super) fn read(path: &Path) -> Result<Self, Problem> {
        let Ok(entries) = fs::read_dir(path) else { return Ok(Self(vec![Tape::read(path)?])) };
        let files = entries.flatten().map(|entry| entry.path());
        let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.map(|file| Tape::read(&file)).collect::<Result<_, _>>().map(Self)
    }

    /// What was heard at this position, for nothing.
    pub(super) fn ask(&self, at: Position<'_>) -> Result<Reply, Refusal> {
        let free = Tokens { micro_usd: Some(0), ..Tokens::default() };
        let tape = self.0.iter().find(|tape| tape.goal == at.goal);
        if let Some(reply) = tape.and_then(|tape| tape.heard(at)) {
            return Ok(Reply { tokens: free, ..reply.clone() });
        }
        let Position { agent, round, again, turn, .. } = at;
        let detail = match tape {
            Some(_) if again > 0 => {
                format!("the tape ends before turn {turn} of the {agent} in round {round}, which was done again")
            }
            Some(_) => format!("the tape ends before turn {turn} of the {agent} in round {round}"),
            None => "no tape is about this goal".to_owned(),
        };
        let problem = Box::new(Code::ModelUnusable.problem(detail));
        Err(Refusal { model: NAME.to_owned(), problem, again: None, tokens: free })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tape(goal: &str, text: &str) -> Tape {
        let reply = Reply { text: text.to_owned(), ..Reply::default() };
        let turn = Turn {
            turn: 1,
            prompt: Digest::of("prompt"),
            instructions: None,
            said: vec![],
            tries: vec![Try::Answered(reply)],
        };
        let parts = vec![TapePart { agent: "coder".to_owned(), round: 1, again: 0, turns: vec![turn] }];
        Tape { parts, ..Tape::of(goal.to_owned(), "shop".parse().expect("a name"), Approval::Auto) }
    }

    #[test]
    fn each_tape_is_played_for_its_goal_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        for goal in ["one", "two"] {
            let text = serde_json::to_string(&tape(goal, &format!("heard of {goal}"))).expect("JSON");
            fs::write(dir.path().join(format!("{goal}.json")), text).expect("written");
        }
        let tapes = Tapes::read(dir.path()).expect("tapes");
        let at = |goal| Position { goal, agent: "coder", round: 1, again: 0, turn: 1 };
        assert_eq!(tapes.ask(at("two")).expect("a reply").text, "heard of two");
        assert_eq!(tapes.ask(at("three")).expect_err("no tape").problem.detail, "no tape is about this goal");
        let end = tapes.ask(Position { turn: 2, ..at("one") }).expect_err("the end");
        assert!(end.problem.detail.contains("turn 2 of the coder in round 1"));
        let alone = Tapes::read(&dir.path().join("one.json")).expect("a tape");
        assert_eq!(alone.ask(at("one")).expect("a reply").text, "heard of one");
        assert!(Tapes::read(&dir.path().join("none.json")).is_err());
    }

    #[test]
    fn a_part_that_was_done_again_hears_what_it_heard_then() {
        let mut twice = tape("one", "heard first");
        let again = tape("one", "heard again").parts.into_iter().map(|part| TapePart { again: 1, ..part });
        twice.parts.extend(again);
        let tapes = Tapes(vec![twice]);
        let at = |again| Position { goal: "one", agent: "coder", round: 1, again, turn: 1 };
        assert_eq!(tapes.ask(at(0)).expect("a reply").text, "heard first");
        assert_eq!(tapes.ask(at(1)).expect("a reply").text, "heard again");
        assert!(tapes.ask(at(2)).is_err());
    }

    #[test]
    fn a_tape_of_a_task_under_way_is_not_played() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("one.json");
        let partial = Tape { partial: true, ..tape("one", "heard") };
        fs::write(&file, serde_json::to_string(&partial).expect("JSON")).expect("written");
        let refused = Tape::read(&file).expect_err("it is partial");
        assert!(refused.detail.contains("before its task had ended"), "{refused:?}");
    }
}
