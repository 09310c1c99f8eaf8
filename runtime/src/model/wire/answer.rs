//! What a provider streams, put together.

use crate::model::Question;
use genai::chat::{ChatStreamEvent, ContentPart, MessageContent, StopReason, StreamEnd, Usage};
use protocol::chat::{Message, Reply, Thought, Tokens, ToolCall};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

/// No answer is longer, in bytes.
const LONGEST_ANSWER: usize = 4 << 20;

/// What was heard of an answer so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    text: String,
    /// Bytes of what it thought aloud.
    thought: usize,
    /// Bytes of each call's arguments.
    calls: HashMap<String, usize>,
}

impl Heard {
    pub(super) fn take(&mut self, event: ChatStreamEvent) {
        match event {
            ChatStreamEvent::Chunk(chunk) => self.text.push_str(&chunk.content),
            ChatStreamEvent::ReasoningChunk(chunk) | ChatStreamEvent::ThoughtSignatureChunk(chunk) => {
                self.thought += chunk.content.len();
            }
            // Each says all that has come of the call.
            ChatStreamEvent::ToolCallChunk(chunk) => {
                let call = chunk.tool_call;
                let length = call.fn_arguments.as_str().map_or_else(|| call.fn_arguments.to_string().len(), str::len);
                self.calls.insert(call.call_id, length + call.fn_name.len());
            }
            ChatStreamEvent::Start | ChatStreamEvent::Heartbeat | ChatStreamEvent::End(_) => {}
        }
    }

    pub(super) fn is_too_much(&self) -> bool {
        self.bytes() > LONGEST_ANSWER
    }

    /// About as many tokens as have come, and no more than were asked for.
    pub(super) fn tokens(&self, longest: u64) -> u64 {
        (self.bytes() as u64).div_ceil(3).min(longest)
    }

    fn bytes(&self) -> usize {
        self.text.len() + self.thought + self.calls.values().sum::<usize>()
    }
}

/// The answer, when it has ended. Whose it is and what it cost are said by those who know.
pub(super) fn reply(heard: Heard, mut end: StreamEnd, question: &Question<'_>, sent: u64) -> Reply {
    let usage = end.captured_usage.take().unwrap_or_default();
    let tokens = tokens(&usage, sent, heard.tokens(question.longest));
    let cut = matches!(end.captured_stop_reason, Some(StopReason::MaxTokens(_)));
    let thoughts = thoughts(&mut end);
    Reply { text: heard.text, thoughts, calls: calls(end, &question.messages), cut, model: String::new(), tokens }
}

/// As the provider counts, and an estimate where it does not.
fn tokens(usage: &Usage, sent: u64, heard: u64) -> Tokens {
    let counted = |count: Option<i32>| count.and_then(|count| u64::try_from(count).ok());
    Tokens {
        input: counted(usage.prompt_tokens).unwrap_or(sent),
        output: counted(usage.completion_tokens).unwrap_or(heard),
        micro_usd: None,
    }
}

/// What the model thought, as far as its provider tells.
fn thoughts(end: &mut StreamEnd) -> Vec<Thought> {
    let parts = end.captured_content.iter().flat_map(MessageContent::parts);
    let thought = |part: &ContentPart| match part {
        ContentPart::ReasoningContent(text) => Some(Thought::Words { text: text.clone() }),
        ContentPart::ThoughtSignature(signature) => Some(Thought::Signature { signature: signature.clone() }),
        ContentPart::Custom(custom) => Some(Thought::Block { block: custom.data.clone() }),
        _ => None,
    };
    let mut thoughts: Vec<_> = parts.filter_map(thought).collect();
    let told = thoughts.iter().any(|thought| matches!(thought, Thought::Words { .. }));
    // Words that nobody signed are told apart from the rest.
    let loose = end.captured_reasoning_content.take().filter(|text| !told && !text.is_empty());
    thoughts.extend(loose.map(|text| Thought::Words { text }));
    thoughts
}

/// The calls, each under an id of its own: some servers count from 0 in every answer.
fn calls(end: StreamEnd, before: &[Message]) -> Vec<ToolCall> {
    let mut calls: Vec<genai::chat::ToolCall> = Vec::new();
    for call in end.captured_into_tool_calls().unwrap_or_default() {
        // Where a server's first call has not the number 0, the library fills the gap with copies of it as it began.
        match calls.iter_mut().find(|known| known.call_id == call.call_id) {
            Some(known) => *known = call,
            None => calls.push(call),
        }
    }
    let replies = before.iter().filter_map(|message| match message {
        Message::Model(reply) => Some(&reply.calls),
        _ => None,
    });
    let used: HashSet<_> = replies.flatten().map(|call| call.id.as_str()).collect();
    let told = |call: genai::chat::ToolCall| ToolCall {
        id: if call.call_id.is_empty() || used.contains(call.call_id.as_str()) {
            format!("{}_{}", call.call_id, before.len())
        } else {
            call.call_id
        },
        name: call.fn_name,
        arguments: arguments(call.fn_arguments),
    };
    calls.into_iter().map(told).collect()
}

/// A call without arguments has none, however a provider says so.
fn arguments(arguments: Value) -> Value {
    match arguments {
        Value::Null => json!({}),
        Value::String(text) if text.trim().is_empty() => json!({}),
        arguments => arguments,
    }
}
