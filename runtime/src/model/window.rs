//! What is sent to a model fits what it can read.

use super::{Form, ToolSpec};
use protocol::{
    Code, Problem,
    chat::{Message, ToolResult},
};
use serde::Serialize;

/// The last so many messages are never shortened.
const RECENT: usize = 6;
/// A tool's result that is longer than this is shortened when there is no room, in bytes.
const LONG: usize = 600;

/// About as many tokens as this has, never fewer: three bytes each. English has some four, code three and a half, Japanese three.
pub(super) fn estimate(value: &impl Serialize) -> u64 {
    // What is not JSON is not sent.
    let bytes = serde_json::to_vec(value).map_or(0, |json| json.len());
    (bytes as u64).div_ceil(3)
}

/// The parts of a call that stay the same.
pub(super) fn fixed(instructions: &str, tools: &[ToolSpec], form: Option<&Form>) -> u64 {
    estimate(&instructions) + estimate(&tools) + estimate(&form)
}

/// The messages as they are sent: where they would not fit, results of tools lose their text, those told longest ago first. The
/// model is told so, and may call the tool again.
///
/// # Errors
/// [`Code::ContextTooLarge`] when they do not fit even so.
pub(super) fn fit(messages: &[Message], room: u64) -> Result<Vec<Message>, Problem> {
    let mut sent = messages.to_vec();
    let mut size: u64 = sent.iter().map(estimate).sum();
    let old = sent.len().saturating_sub(RECENT);
    for message in &mut sent[..old] {
        if size <= room {
            break;
        }
        let before = estimate(message);
        if let Message::Tools { results } = message {
            results.iter_mut().for_each(shorten);
        }
        size = size - before + estimate(message);
    }
    if size > room {
        let detail = format!("about {size} tokens are to be sent, and there is room for {room}");
        return Err(Code::ContextTooLarge.problem(detail));
    }
    Ok(sent)
}

fn shorten(result: &mut ToolResult) {
    if result.content.len() > LONG {
        let lines = result.content.lines().count();
        result.content =
            format!("({lines} lines were left out here to make room; call {} again to see them)", result.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(length: usize) -> Message {
        let content = "x\n".repeat(length / 2);
        Message::Tools { results: vec![ToolResult { call: "1".into(), name: "read_file".into(), content }] }
    }

    #[test]
    fn what_was_told_longest_ago_is_left_out_first() {
        let messages: Vec<_> = (0..10).map(|_| results(3_000)).collect();
        let all: u64 = messages.iter().map(estimate).sum();
        assert_eq!(fit(&messages, all).expect("it fits"), messages);
        let sent = fit(&messages, all - 1).expect("it fits");
        assert_ne!(sent[0], messages[0]);
        assert_eq!(sent[1..], messages[1..]);
        let least = fit(&messages, all * 7 / 10).expect("it fits");
        assert_eq!(least[4..], messages[4..]);
        assert_eq!(fit(&messages, all / 2).expect_err("too much").code, Code::ContextTooLarge);
    }

    #[test]
    fn no_text_has_more_tokens_than_estimated() {
        assert!(estimate(&"日本語").ge(&3), "a token for each character");
    }
}
