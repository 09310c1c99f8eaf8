//! What older clients read, where that is not what today's do.

use axum::{
    body::{Body, HttpBody as _},
    response::{IntoResponse as _, Response},
};
use futures::{StreamExt as _, future::ready, stream, stream::BoxStream};
use http::header;
use rmcp::model::ProtocolVersion;
use serde_json::{Map, Value, json};
use sse_stream::SseStream;

/// The messages of an answer, one after the other, however it came. The response itself when it has none.
pub(super) async fn messages(response: Response) -> Result<BoxStream<'static, Value>, Response> {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("text/event-stream") {
        let events = SseStream::new(response.into_body());
        // What ends too early is missed where it is waited for.
        let messages =
            events.filter_map(|event| ready(event.ok().and_then(|event| serde_json::from_str(&event.data?).ok())));
        return Ok(messages.boxed());
    }
    if !kind.starts_with("application/json") {
        return Err(response);
    }
    let (parts, body) = response.into_parts();
    // It is ours, and whole.
    let length = usize::try_from(body.size_hint().upper().unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    let body = axum::body::to_bytes(body, length).await.unwrap_or_default();
    match serde_json::from_slice(&body) {
        Ok(message) => Ok(stream::iter([message]).boxed()),
        Err(_) => Err((parts, Body::from(body)).into_response()),
    }
}

/// An answer without the word that tells today's clients whether they are asked.
pub(super) fn answer(mut message: Value) -> Value {
    if let Some(result) = message.get_mut("result").and_then(Value::as_object_mut) {
        result.shift_remove("resultType");
    }
    message
}

/// What a form is in this revision.
pub(super) fn form(mut params: Value, version: &str) -> Value {
    if version >= ProtocolVersion::V_2025_11_25.as_str() {
        return params;
    }
    let Some(fields) = params.as_object_mut() else { return params };
    // There was but one kind, and choices had their titles elsewhere.
    fields.shift_remove("mode");
    let properties = params.pointer_mut("/requestedSchema/properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        if let Some(Value::Array(choices)) = property.shift_remove("oneOf") {
            let of = |name: &str| choices.iter().map(|choice| choice[name].clone()).collect::<Value>();
            property.extend([("enum".to_owned(), of("const")), ("enumNames".to_owned(), of("title"))]);
        }
    }
    params
}

pub(super) fn request(id: &Value, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_have_their_titles_where_the_revision_looks_for_them() {
        let choice = json!({"type": "string", "oneOf": [{"const": "yes", "title": "承認する"}, {"const": "no", "title": "やめる"}]});
        let asked = json!({"mode": "form", "message": "OK?", "requestedSchema": {"properties": {"say": choice, "why": {"type": "string"}}}});
        assert_eq!(form(asked.clone(), "2025-11-25"), asked);
        let older = json!({"message": "OK?", "requestedSchema": {"properties": {
            "say": {"type": "string", "enum": ["yes", "no"], "enumNames": ["承認する", "やめる"]},
            "why": {"type": "string"},
        }}});
        assert_eq!(form(asked, "2025-06-18"), older);
    }
}
