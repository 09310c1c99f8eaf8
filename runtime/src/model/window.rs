//! What is sent to a model fits what it can read.

use super::{Form, ToolSpec, data::clip_marked};
use protocol::{Code, Problem, chat::Message};
use serde::Serialize;
use serde_json::Value;

/// What is longer than this is left out when there is no room, in bytes.
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

/// The messages as they are sent. Where they would not fit, what tools said and were given to hold loses its text, what was said longest
/// ago first, and what was said last is cut short at the end. The model is told so, and may call the tool again.
///
/// # Errors
/// [`Code::ContextTooLarge`] when they do not fit even so.
pub(super) fn fit(messages: &[Message], room: u64) -> Result<Vec<Message>, Problem> {
    let mut sent = messages.to_vec();
    let mut size: u64 = sent.iter().map(estimate).sum();
    if let Some((last, before)) = sent.split_last_mut() {
        let calls = before.len().saturating_sub(1);
        for (place, message) in before.iter_mut().enumerate() {
            if size <= room {
                break;
            }
            let was = estimate(message);
            shorten(message, place == calls);
            size = size - was + estimate(message);
        }
        if size > room {
            let was = estimate(last);
            cut(last, room.saturating_sub(size - was));
            size = size - was + estimate(last);
        }
    }
    if size > room {
        let detail = format!("about {size} tokens are to be sent, and there is room for {room}");
        return Err(Code::ContextTooLarge.problem(detail));
    }
    Ok(sent)
}

/// Leaves out what tools said, the long texts that they were given, and what was thought, where no provider asks for it any more:
/// they do for the answer that `is_latest`.
fn shorten(message: &mut Message, is_latest: bool) {
    match message {
        Message::Tools { results } => {
            for result in results.iter_mut().filter(|result| result.content.len() > LONG) {
                let (lines, name) = (result.content.lines().count(), &result.name);
                result.content =
                    format!("({lines} lines were left out here to make room; call {name} again to see them)");
            }
        }
        Message::Model(reply) => {
            if !is_latest {
                reply.thoughts.clear();
            }
            let arguments = reply.calls.iter_mut().filter_map(|call| call.arguments.as_object_mut());
            for value in arguments.flat_map(|arguments| arguments.values_mut()) {
                if let Value::String(text) = value
                    && text.len() > LONG
                {
                    *text = format!("({} lines were left out here to make room)", text.lines().count());
                }
            }
        }
        Message::User { .. } => {}
    }
}

/// Leaves of each result no more than its share of so many tokens. Data keeps the mark that ends it.
fn cut(message: &mut Message, room: u64) {
    let Message::Tools { results } = message else { return };
    // Half of it is for names, and for signs that JSON writes with two.
    let share = usize::try_from(room * 3 / 2).unwrap_or(usize::MAX) / results.len().max(1);
    for result in results.iter_mut().filter(|result| result.content.len() > share.max(LONG)) {
        let (shown, _) = clip_marked(&result.content, share.max(LONG));
        let lines = result.content.lines().count().saturating_sub(shown.lines().count()).max(1);
        result.content = shown;
        result.content.push_str(&format!("\n({lines} more lines were left out; there is no room for them)"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::chat::{Reply, Thought, ToolCall, ToolResult};
    use serde_json::json;

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
        let less = fit(&messages, all * 7 / 10).expect("it fits");
        assert_eq!(less[4..], messages[4..]);
    }

    #[test]
    fn what_was_told_last_is_cut_and_not_left_out() {
        let messages: Vec<_> = (0..3).map(|_| results(30_000)).collect();
        let sent = fit(&messages, 5_000).expect("it fits");
        let Message::Tools { results } = &sent[2] else { panic!("{sent:?}") };
        assert!(results[0].content.starts_with("x\nx\n"), "{}", results[0].content);
        assert!(results[0].content.ends_with("more lines were left out; there is no room for them)"));
        assert!(sent.iter().map(estimate).sum::<u64>() <= 5_000);
        assert_eq!(fit(&messages, 100).expect_err("too much").code, Code::ContextTooLarge);
    }

    #[test]
    fn what_is_cut_short_keeps_the_mark_that_ends_it() {
        let job = protocol::JobId::fresh();
        let content = format!("a.php:\n{}", crate::model::data(job, "file a.php", &"x\n".repeat(9_000)));
        let close = content.lines().last().expect("a mark").to_owned();
        let result = ToolResult { call: "1".into(), name: "read_file".into(), content };
        for room in [400, 401, 1_000, 3_000] {
            let sent = fit(&[Message::Tools { results: vec![result.clone()] }], room).expect("it fits");
            let Message::Tools { results } = &sent[0] else { panic!("{sent:?}") };
            assert!(results[0].content.contains(&format!("{close}\n(")), "{room}: {}", results[0].content);
        }
    }

    #[test]
    fn what_was_thought_long_ago_is_left_out_and_not_what_is_being_answered() {
        let thoughts = vec![Thought::Words { text: "hm ".repeat(1_000) }];
        let call = ToolCall { id: "1".into(), name: "read_file".into(), arguments: json!({}) };
        let model = Message::Model(Reply { thoughts: thoughts.clone(), calls: vec![call], ..Reply::default() });
        let sent = fit(&[model.clone(), results(600), model, results(600)], 1_800).expect("it fits");
        let thought = |message: &Message| matches!(message, Message::Model(reply) if reply.thoughts == thoughts);
        assert_eq!(sent.iter().map(thought).collect::<Vec<_>>(), [false, false, true, false]);
    }

    #[test]
    fn what_a_tool_was_given_long_ago_is_left_out() {
        let call = ToolCall {
            id: "1".into(),
            name: "write_file".into(),
            arguments: json!({"path": "a.php", "content": "<?php\n".repeat(1_000)}),
        };
        let messages = [Message::Model(Reply { calls: vec![call], ..Reply::default() }), Message::user("Go on.")];
        let Message::Model(sent) = &fit(&messages, 500).expect("it fits")[0] else { panic!("it is the model's") };
        let told = json!({"path": "a.php", "content": "(1000 lines were left out here to make room)"});
        assert_eq!(sent.calls[0].arguments, told);
    }

    #[test]
    fn no_text_has_more_tokens_than_estimated() {
        assert!(estimate(&"日本語").ge(&3), "a token for each character");
    }
}
