//! What older clients read, where that is not what today's do.

use axum::{
    body::{Body, Bytes, HttpBody as _},
    response::{IntoResponse as _, Response},
};
use futures::{StreamExt as _, future::ready, stream, stream::BoxStream};
use http::{HeaderValue, header};
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
    let body = whole(body).await;
    match serde_json::from_slice(&body) {
        Ok(message) => Ok(stream::iter([message]).boxed()),
        Err(_) => Err((parts, Body::from(body)).into_response()),
    }
}

/// The answer to `initialize`, with the session's id if a session began.
pub(super) async fn initialized(response: Response, session: HeaderValue) -> Response {
    let (mut parts, body) = response.into_parts();
    let body = whole(body).await;
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    if said.get("result").is_some() {
        parts.headers.insert(super::SESSION, session);
    }
    Response::from_parts(parts, Body::from(body))
}

/// A body of ours, which is there.
async fn whole(body: Body) -> Bytes {
    let length = usize::try_from(body.size_hint().upper().unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    axum::body::to_bytes(body, length).await.unwrap_or_default()
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

/// What progress notifications of one call say, which consists of several of today's: it only rises.
#[derive(Default)]
pub(super) struct Rising(f64);

impl Rising {
    /// The message, later than all before it.
    pub(super) fn of(&mut self, mut message: Value) -> Value {
        if message["method"] == "notifications/progress"
            && let Some(progress) = message["params"]["progress"].as_f64()
        {
            self.0 = if progress > self.0 { progress } else { self.0 + 1.0 };
            message["params"]["progress"] = json!(self.0);
        }
        message
    }
}

pub(super) fn request(id: &Value, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_rises_whatever_a_part_of_the_call_counts_from() {
        let mut rising = Rising::default();
        let mut shown = |progress: Value| {
            let message = json!({"method": "notifications/progress", "params": {"progress": progress}});
            rising.of(message)["params"]["progress"].as_f64().expect("a number")
        };
        assert_eq!([5.0, 3.0, 3.0, 9.0].map(|progress| shown(json!(progress))), [5.0, 6.0, 7.0, 9.0]);
    }

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
