//! Clients of the protocol before 2026-07-28: they say once what they can do, and are asked by requests of ours in the middle of a
//! call. Their replies come in requests of their own, which any replica may get.
//!
//! Nothing of a session is kept in a process. What a client said goes with it in its session id ([`client`]); a reply goes through
//! the store to the call that waits for it; and the call itself is one of today's, made again with the answers ([`midway`]).

mod client;
mod midway;
mod wire;

pub(super) use midway::AnswerBy;

use crate::{
    Jobs,
    http::{BodyLimit, Caller, Failure, is_json, read},
};
use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use client::Client;
use http::{Method, StatusCode, request::Parts};
use midway::Midway;
use protocol::{Code, JobId, Problem};
use rmcp::{
    ServerHandler,
    model::ProtocolVersion,
    transport::streamable_http_server::{StreamableHttpService, session::never::NeverSessionManager},
};
use serde_json::Value;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const VERSION: &str = "mcp-protocol-version";
const SESSION: &str = "mcp-session-id";

/// An endpoint for clients of all revisions, over one for today's.
pub(super) struct Endpoint<S> {
    today: StreamableHttpService<S, NeverSessionManager>,
    jobs: Jobs,
    /// How long a person may take.
    question_expiry: Duration,
    stopping: CancellationToken,
}

// Not derived: that would want the server to be `Clone` for what is shared anyhow.
impl<S> Clone for Endpoint<S> {
    fn clone(&self) -> Self {
        let (today, jobs, stopping) = (self.today.clone(), self.jobs.clone(), self.stopping.clone());
        Self { today, jobs, question_expiry: self.question_expiry, stopping }
    }
}

impl<S: ServerHandler> Endpoint<S> {
    pub(super) fn new(
        today: StreamableHttpService<S, NeverSessionManager>,
        jobs: Jobs,
        question_expiry: Duration,
        stopping: CancellationToken,
    ) -> Self {
        Self { today, jobs, question_expiry, stopping }
    }

    pub(super) async fn answer(self, request: Request) -> Response {
        if request.method() != Method::POST || version(request.headers()) >= ProtocolVersion::V_2026_07_28.as_str() {
            return self.pass(request).await;
        }
        let (parts, body) = request.into_parts();
        let body = match read(body, BodyLimit::of(&parts.extensions)).await {
            Ok(body) => body,
            Err(problem) => return Failure(problem).into_response(),
        };
        // What is no JSON, or no message, `rmcp` refuses.
        let message: Value = serde_json::from_slice(&body).unwrap_or_default();
        let method = message["method"].as_str();
        if method.is_none()
            && knows_forms(&parts.headers)
            && (message.get("result").is_some() || message.get("error").is_some())
        {
            return match self.replied(&parts, message).await {
                Ok(()) => StatusCode::ACCEPTED.into_response(),
                Err(problem) => Failure(problem).into_response(),
            };
        }
        if method == Some("tools/call")
            && let Some(midway) = Midway::of(&self, &parts, &message)
        {
            return midway.answer().await;
        }
        let said = (method == Some("initialize")).then(|| Client::that_said(&message["params"]["capabilities"]));
        let response = self.pass(Request::from_parts(parts, Body::from(body))).await;
        match said.filter(Client::can_be_asked) {
            Some(client) => wire::initialized(response, client.session_id()).await,
            None => response,
        }
    }

    async fn pass(&self, request: Request) -> Response {
        // On the heap: what a service does with a request is deep.
        Box::pin(self.today.handle(request)).await.map(Body::new)
    }

    /// A client replies to a request of ours. Never 404, which would tell it that its session is over.
    async fn replied(&self, parts: &Parts, mut message: Value) -> Result<(), Problem> {
        let caller = Caller::of(&parts.extensions)?;
        if !is_json(&parts.headers) {
            return Err(Code::UnsupportedMediaType.problem("send the reply as `Content-Type: application/json`"));
        }
        let id = message["id"].take();
        let id: Option<JobId> = id.as_str().and_then(|id| id.parse().ok());
        let id = id.ok_or_else(|| Code::BadRequest.problem("you were asked nothing under that id"))?;
        self.jobs.take_down(&caller, id, &message).await
    }
}

/// A request of one of the revisions in which clients are asked by requests of ours.
fn knows_forms(headers: &http::HeaderMap) -> bool {
    [ProtocolVersion::V_2025_06_18, ProtocolVersion::V_2025_11_25].iter().any(|one| one.as_str() == version(headers))
}

/// The revision that a request says it speaks; before there was a header for it, there was none.
fn version(headers: &http::HeaderMap) -> &str {
    headers.get(VERSION).and_then(|version| version.to_str().ok()).unwrap_or(ProtocolVersion::V_2025_03_26.as_str())
}
