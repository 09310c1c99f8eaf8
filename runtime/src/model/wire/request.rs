//! A question in the words of the library that knows the providers' formats.

use crate::model::{ModelSpec, Question, spec::Provider};
use genai::chat::{
    ChatMessage, ChatOptions, ChatRequest, ChatResponseFormat, ContentPart, JsonSpec, MessageContent, Tool, ToolCall,
    ToolResponse,
};
use protocol::chat::{Message, Reply, ToolResult};
use serde_json::json;
use std::collections::HashSet;

/// What is said.
pub(super) fn chat(question: &Question<'_>, provider: Provider) -> ChatRequest {
    let chat = ChatRequest::new(messages(&question.messages, provider)).with_system(question.instructions);
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
        .with_extra_body(json!({"model": spec.model}));
    match question.form {
        Some(_) if spec.provider == Provider::Ollama => options.with_response_format(ChatResponseFormat::JsonMode),
        Some(form) if !formless => options.with_response_format(JsonSpec::new(form.name, form.schema.clone())),
        _ => options,
    }
}

fn messages(messages: &[Message], provider: Provider) -> Vec<ChatMessage> {
    let answered: HashSet<_> = messages.iter().flat_map(results).map(|result| result.call.as_str()).collect();
    let (mut sent, mut said): (Vec<ChatMessage>, Vec<&str>) = (Vec::new(), Vec::new());
    for message in messages {
        // Some models insist on taking turns.
        if let Message::User { text } = message {
            said.push(text);
            continue;
        }
        let next = match message {
            Message::Model(reply) => model(reply, &answered),
            _ => results_message(results(message), provider),
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

/// An answer goes back without calls that nobody answered, and not at all when nothing is left of it: providers refuse both.
fn model(reply: &Reply, answered: &HashSet<&str>) -> Vec<ChatMessage> {
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
    let parts: Vec<_> = text.into_iter().chain(calls).collect();
    if parts.is_empty() { Vec::new() } else { vec![ChatMessage::assistant(MessageContent::from_parts(parts))] }
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
