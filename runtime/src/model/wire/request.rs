//! A question in the words of the library that knows the providers' formats.

use crate::model::{ModelSpec, Question, spec::Provider};
use genai::chat::{
    CacheControl, ChatMessage, ChatOptions, ChatRequest, ChatResponseFormat, ContentPart, CustomPart, JsonSpec,
    MessageContent, Tool, ToolCall, ToolResponse,
};
use protocol::chat::{Message, Reply, Thought, ToolResult};
use serde_json::json;
use std::collections::HashSet;

/// What is said to this model.
///
/// Anthropic keeps what it has read up to a mark, and reads it again for a tenth: one stands after tools and instructions, which never
/// change, and one at the end, which the next turn goes on from. Others keep what they have read unasked.
pub(super) fn chat(question: &Question<'_>, spec: &ModelSpec) -> ChatRequest {
    let mut said = messages(&question.messages, spec);
    let chat = if spec.provider == Provider::Anthropic {
        if let Some(last) = said.pop() {
            said.push(last.with_options(CacheControl::Ephemeral));
        }
        said.insert(0, ChatMessage::system(question.instructions).with_options(CacheControl::Ephemeral));
        ChatRequest::new(said)
    } else {
        ChatRequest::new(said).with_system(question.instructions)
    };
    if question.tools.is_empty() {
        return chat;
    }
    let tools = question
        .tools
        .iter()
        .map(|tool| Tool::new(tool.name).with_description(tool.description).with_schema(tool.parameters.clone()));
    chat.with_tools(tools)
}

/// How it is to be answered. Of Ollama the library asks for JSON, and no form: the instructions say which.
pub(super) fn options(question: &Question<'_>, spec: &ModelSpec, formless: bool) -> ChatOptions {
    let options = ChatOptions::default()
        .with_max_tokens(u32::try_from(question.longest).unwrap_or(u32::MAX))
        .with_capture_usage(true)
        .with_capture_tool_calls(true)
        // Of responses the library would ask for summaries, too, which not every model and not every customer may have.
        .with_capture_reasoning_content(spec.provider != Provider::Responses)
        .with_extra_body(json!({"model": spec.model}));
    // A server of one's own that is held to a form calls no tool any more. The instructions say the form, too.
    let formless = formless || !question.tools.is_empty() && spec.url.is_some() && spec.provider != Provider::Anthropic;
    match question.form {
        Some(_) if spec.provider == Provider::Ollama && question.tools.is_empty() => {
            options.with_response_format(ChatResponseFormat::JsonMode)
        }
        Some(form) if !formless && spec.provider != Provider::Ollama => {
            options.with_response_format(JsonSpec::new(form.name, form.schema.clone()))
        }
        _ => options,
    }
}

fn messages(messages: &[Message], spec: &ModelSpec) -> Vec<ChatMessage> {
    let name = spec.to_string();
    let answered: HashSet<_> = messages.iter().flat_map(results).map(|result| result.call.as_str()).collect();
    let (mut sent, mut said): (Vec<ChatMessage>, Vec<&str>) = (Vec::new(), Vec::new());
    for message in messages {
        // Some models insist on taking turns.
        if let Message::User { text } = message {
            said.push(text);
            continue;
        }
        let next = match message {
            Message::Model(reply) => model(reply, &answered, &name),
            _ => results_message(results(message), spec.provider),
        };
        if !next.is_empty() {
            sent.extend(user(&mut said));
            sent.extend(next);
        }
    }
    sent.extend(user(&mut said));
    sent
}

fn user(said: &mut Vec<&str>) -> Option<ChatMessage> {
    let text = std::mem::take(said).join("\n\n");
    (!text.is_empty()).then(|| ChatMessage::user(text))
}

/// An answer goes back without calls that nobody answered, and not at all when nothing is left of it: providers refuse both. What was
/// thought before calls goes back to the model that thought it.
fn model(reply: &Reply, answered: &HashSet<&str>, name: &str) -> Vec<ChatMessage> {
    let called = reply.calls.iter().any(|call| answered.contains(call.id.as_str()));
    let thoughts = reply.thoughts.iter().filter(|_| called && reply.model == name).map(thought);
    let text = (!reply.text.trim().is_empty()).then(|| ContentPart::Text(reply.text.clone()));
    let calls = reply.calls.iter().filter(|call| answered.contains(call.id.as_str())).map(|call| {
        // Providers take nothing but objects here.
        let arguments =
            if call.arguments.is_object() { call.arguments.clone() } else { json!({"text": call.arguments}) };
        ContentPart::ToolCall(ToolCall {
            call_id: call.id.clone(),
            fn_name: call.name.clone(),
            fn_arguments: arguments,
            thought_signatures: None,
        })
    });
    let parts: Vec<_> = thoughts.chain(text).chain(calls).collect();
    if parts.is_empty() { Vec::new() } else { vec![ChatMessage::assistant(MessageContent::from_parts(parts))] }
}

fn thought(thought: &Thought) -> ContentPart {
    match thought.clone() {
        Thought::Words { text } => ContentPart::ReasoningContent(text),
        Thought::Signature { signature } => ContentPart::ThoughtSignature(signature),
        Thought::Block { block } => ContentPart::Custom(CustomPart { model_iden: None, data: block }),
    }
}

fn results(message: &Message) -> &[ToolResult] {
    match message {
        Message::Tools { results } => results,
        _ => &[],
    }
}

/// Results of calls that were made at once go back at once. Ollama wants each by itself.
fn results_message(results: &[ToolResult], provider: Provider) -> Vec<ChatMessage> {
    let parts: Vec<_> = results
        .iter()
        .map(|result| {
            let response = ToolResponse::new(&result.call, &result.content).with_fn_name(&result.name);
            ContentPart::ToolResponse(response)
        })
        .collect();
    let size = if provider == Provider::Ollama { 1 } else { parts.len().max(1) };
    parts.chunks(size).map(|parts| ChatMessage::tool(MessageContent::from_parts(parts.to_vec()))).collect()
}
