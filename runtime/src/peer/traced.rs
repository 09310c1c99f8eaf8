//! Where in a trace a request is, in both places where a peer may look: in the `_meta` of its message, and in its HTTP headers.

use crate::telemetry::{TRACEPARENT, TRACESTATE, TraceContext};
use futures::stream::BoxStream;
use http::{HeaderName, HeaderValue};
use rmcp::{
    model::{ClientJsonRpcMessage, GetMeta as _, JsonRpcMessage, RequestMetaObject},
    transport::streamable_http_client::{
        StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse, StreamableHttpResponseLimits,
    },
};
use sse_stream::{Error as SseError, Sse};
use std::{collections::HashMap, sync::Arc};

/// Puts the span that goes on into the `_meta` of a request.
pub(super) fn into_meta(meta: &mut RequestMetaObject) {
    let Some(here) = TraceContext::current() else { return };
    meta.insert(TRACEPARENT.to_owned(), here.parent().into());
    if let Some(state) = here.state() {
        meta.insert(TRACESTATE.to_owned(), state.into());
    }
}

/// An HTTP client that says in the headers of a request what its message says, too. It is called on a task of its own, where nothing
/// else tells it which request is whose.
#[derive(Clone)]
pub(super) struct Traced(pub(super) reqwest::Client);

type Error = StreamableHttpError<reqwest::Error>;
type Headers = HashMap<HeaderName, HeaderValue>;

impl StreamableHttpClient for Traced {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        key: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Error> {
        let headers = with_trace(&message, headers);
        self.0.post_message(uri, message, session, key, headers).await
    }

    async fn post_message_with_response_limits(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        key: Option<String>,
        headers: Headers,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, Error> {
        let headers = with_trace(&message, headers);
        self.0.post_message_with_response_limits(uri, message, session, key, headers, limits).await
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        key: Option<String>,
        headers: Headers,
    ) -> Result<(), Error> {
        self.0.delete_session(uri, session, key, headers).await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last: Option<String>,
        key: Option<String>,
        headers: Headers,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Error> {
        self.0.get_stream(uri, session, last, key, headers).await
    }
}

fn with_trace(message: &ClientJsonRpcMessage, mut headers: Headers) -> Headers {
    let JsonRpcMessage::Request(request) = message else { return headers };
    let meta = request.request.get_meta();
    for name in [TRACEPARENT, TRACESTATE] {
        let value = meta.get(name).and_then(|value| HeaderValue::from_str(value.as_str()?).ok());
        headers.extend(value.map(|value| (HeaderName::from_static(name), value)));
    }
    headers
}
