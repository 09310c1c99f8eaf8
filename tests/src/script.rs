//! Parts of a tape, written by hand: what an agent's model would have said.

use protocol::{
    Digest,
    chat::{Reply, ToolCall, Try, Turn},
};
use runtime::model::TapePart;
use serde_json::Value;

/// What an agent heard in a round, turn by turn.
#[must_use]
pub fn part(agent: &str, round: u32, replies: Vec<Reply>) -> TapePart {
    let turns = (1..).zip(replies).map(|(turn, reply)| heard(turn, reply)).collect();
    TapePart { agent: agent.to_owned(), round, again: 0, turns }
}

/// An answer in words.
#[must_use]
pub fn saying(text: String) -> Reply {
    Reply { text, ..Reply::default() }
}

/// An answer that calls tools.
pub fn calling<'a>(calls: impl IntoIterator<Item = (&'a str, Value)>) -> Reply {
    let call = |(number, (name, arguments)): (usize, (&str, Value))| ToolCall {
        id: format!("{name}-{number}"),
        name: name.to_owned(),
        arguments,
    };
    Reply { calls: calls.into_iter().enumerate().map(call).collect(), ..Reply::default() }
}

fn heard(turn: u32, reply: Reply) -> Turn {
    Turn { turn, prompt: Digest::of(""), instructions: None, said: vec![], tries: vec![Try::Answered(reply)] }
}
