use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
};
use prost::Message as _;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, task::AbortHandle};

/// Something that takes traces as a collector does, and keeps them.
pub(super) struct Receiver {
    origin: String,
    spans: Spans,
    server: AbortHandle,
}

type Spans = Arc<Mutex<Vec<Seen>>>;

/// A span that was sent.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) service: String,
    pub(super) name: String,
    pub(super) trace: String,
    pub(super) id: String,
    /// Empty when it is the first of its trace.
    pub(super) parent: String,
    pub(super) attributes: BTreeMap<String, String>,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let spans = Spans::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&spans));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Self { origin, spans, server: server.abort_handle() }
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Everything that was sent so far.
    pub(super) fn spans(&self) -> Vec<Seen> {
        self.spans.lock().expect("nothing panics while it is held").clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Seen {
    /// What it says under this name; empty when nothing.
    pub(super) fn says(&self, attribute: &str) -> &str {
        self.attributes.get(attribute).map_or("", String::as_str)
    }
}

async fn take(State(spans): State<Spans>, body: Bytes) -> StatusCode {
    let Ok(sent) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
    let mut spans = spans.lock().expect("nothing panics while it is held");
    for of_service in sent.resource_spans {
        let resource = attributes(of_service.resource.map(|it| it.attributes).unwrap_or_default());
        let service = resource.get("service.name").cloned().unwrap_or_default();
        spans.extend(of_service.scope_spans.into_iter().flat_map(|scope| scope.spans).map(|span| Seen {
            service: service.clone(),
            name: span.name,
            trace: hex::encode(span.trace_id),
            id: hex::encode(span.span_id),
            parent: hex::encode(span.parent_span_id),
            attributes: attributes(span.attributes),
        }));
    }
    StatusCode::OK
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value| match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    pairs.into_iter().map(|pair| (pair.key, text(pair.value.and_then(|value| value.value)))).collect()
}
