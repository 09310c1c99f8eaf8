//! A call in whose middle a client is asked. Towards the server it is one of today's, which asks by answering, and is made again
//! with the answers. Towards the client it is one call, on whose stream requests come before the answer does.

use super::{Endpoint, client::Client, version, wire};
use crate::{Principal, http::Caller, mcp::answer};
use axum::{
    Json,
    body::Body,
    extract::Request,
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::{
    FutureExt as _, StreamExt as _,
    future::{join_all, ready},
    stream::{self, BoxStream},
};
use http::{HeaderValue, header, request::Parts};
use protocol::{Code, Digest, JobId, Problem};
use rmcp::{ErrorData, ServerHandler, model::ProtocolVersion};
use serde_json::{Map, Value, json};
use std::{convert::Infallible, time::Duration};
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;

/// A call is answered after this time at the latest, unless somebody is just being asked ...
const LONGEST: Duration = Duration::from_secs(45);
/// ... who then has until here: many clients give a call up after 60 seconds.
const LONGEST_ASKING: Duration = Duration::from_secs(55);

/// Times that a call asks. What asks more often has lost its way.
const MOST_ROUNDS: usize = 32;

const METHOD: &str = "tools/call";

/// When a call has to be answered, whatever it was told: it is a part of one that began before. An extension of its request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnswerBy(pub(crate) Instant);

/// The client went away. There is nobody to tell.
struct Gone;

impl<T> From<mpsc::error::SendError<T>> for Gone {
    fn from(_: mpsc::error::SendError<T>) -> Self {
        Self
    }
}

pub(super) struct Midway<S> {
    endpoint: Endpoint<S>,
    parts: Parts,
    caller: Principal,
    client: Client,
    id: Value,
    params: Map<String, Value>,
    began: Instant,
}

/// What the server wants to know before it goes on.
struct Asked {
    requests: Map<String, Value>,
    state: Option<Value>,
}

impl Asked {
    fn by(message: &Value) -> Option<Self> {
        let result = &message["result"];
        let asks = result["resultType"] == "input_required";
        let requests = result["inputRequests"].as_object().cloned().unwrap_or_default();
        asks.then(|| Self { requests, state: result.get("requestState").cloned() })
    }
}

impl<S: ServerHandler> Midway<S> {
    /// The call that this request is. `None` when nobody can be asked in its middle, or when it is not whole: then it is answered like
    /// any other.
    pub(super) fn of(endpoint: &Endpoint<S>, parts: &Parts, message: &Value) -> Option<Self> {
        // Forms came with this revision, and what is asked comes on streams since then.
        let knows_forms = version(&parts.headers) >= ProtocolVersion::V_2025_06_18.as_str();
        let id = message.get("id").filter(|id| id.is_string() || id.is_number())?.clone();
        let params = message["params"].as_object().filter(|params| params.get("name").is_some_and(Value::is_string))?;
        let meta = params.get("_meta");
        let is_whole = message["jsonrpc"] == "2.0" && meta.is_none_or(Value::is_object);
        let caller = Caller::of(&parts.extensions).ok()?;
        (knows_forms && is_whole).then_some(Self {
            endpoint: endpoint.clone(),
            parts: parts.clone(),
            caller,
            client: Client::of(&parts.headers)?,
            id,
            params: params.clone(),
            began: Instant::now(),
        })
    }

    /// Plain JSON where nothing comes before the answer.
    pub(super) async fn answer(self) -> Response {
        let mut messages = match self.call(None).await {
            Ok(messages) => messages,
            Err(response) => return response,
        };
        let first = match messages.next().await {
            Some(message) if ends(&message) && Asked::by(&message).is_none() => {
                return Json(wire::answer(message)).into_response();
            }
            first => first,
        };
        let messages = stream::iter(first).chain(messages).boxed();
        let (to, told) = mpsc::channel(1);
        // Who goes away is sent nothing more, and nothing more is done.
        let work = self.run(messages, to).map(drop).into_stream().filter_map(|()| ready(None));
        let events = ReceiverStream::new(told).map(|message: Value| Event::default().json_data(message));
        let events = stream::select(events, work).map(|event| event.or_else(|_| Ok::<_, Infallible>(Event::default())));
        Sse::new(events).keep_alive(KeepAlive::new()).into_response()
    }

    async fn run(self, mut messages: BoxStream<'static, Value>, to: mpsc::Sender<Value>) -> Result<(), Gone> {
        for _ in 0..MOST_ROUNDS {
            let end = loop {
                match messages.next().await {
                    Some(message) if ends(&message) => break message,
                    Some(on_the_way) => to.send(on_the_way).await?,
                    None => return self.fail(&to, &broken_off()).await,
                }
            };
            let Some(asked) = Asked::by(&end) else {
                return Ok(to.send(wire::answer(end)).await?);
            };
            let answers = asked.requests.iter().map(|(key, request)| self.ask(key, request, &to));
            let answers: Result<Map<_, _>, _> = join_all(answers).await.into_iter().collect();
            match answers {
                Ok(answers) => match self.call(Some((answers, asked.state))).await {
                    Ok(next) => messages = next,
                    Err(_) => return self.fail(&to, &broken_off()).await,
                },
                Err(Unanswered::Gone) => return Err(Gone),
                Err(Unanswered::Problem(problem)) => return self.fail(&to, &problem).await,
            }
        }
        self.fail(&to, &Code::Internal.problem("the tool asks again and again")).await
    }

    async fn fail(&self, to: &mpsc::Sender<Value>, problem: &Problem) -> Result<(), Gone> {
        let error: ErrorData = answer::protocol_error(problem);
        Ok(to.send(json!({"jsonrpc": "2.0", "id": self.id, "error": error})).await?)
    }

    /// The call as one of today's, with what was answered. The response itself when no message is in it.
    async fn call(
        &self,
        answered: Option<(Map<String, Value>, Option<Value>)>,
    ) -> Result<BoxStream<'static, Value>, Response> {
        let today = ProtocolVersion::V_2026_07_28;
        let mut params = self.params.clone();
        let meta = params.entry("_meta").or_insert_with(|| json!({}));
        meta["io.modelcontextprotocol/protocolVersion"] = json!(today);
        meta["io.modelcontextprotocol/clientCapabilities"] = self.client.capabilities();
        let mut parts = self.parts.clone();
        let name = BASE64_STANDARD.encode(params["name"].as_str().unwrap_or_default());
        let name = HeaderValue::try_from(format!("=?base64?{name}?=")).expect("it is ASCII");
        parts.headers.insert(super::VERSION, HeaderValue::try_from(today.as_str()).expect("it is ASCII"));
        parts.headers.insert("mcp-method", HeaderValue::from_static(METHOD));
        parts.headers.insert("mcp-name", name);
        parts.headers.remove(super::SESSION);
        parts.headers.remove(header::CONTENT_LENGTH);
        if let Some((answers, state)) = answered {
            params.insert("inputResponses".to_owned(), answers.into());
            params.extend(state.map(|state| ("requestState".to_owned(), state)));
            parts.extensions.insert(AnswerBy(self.began + LONGEST));
        }
        let body = Body::from(wire::request(&self.id, METHOD, params.into()).to_string());
        wire::messages(self.endpoint.pass(Request::from_parts(parts, body)).await).await
    }

    /// Asks the client one thing. What it replied, or would have if the person had closed the form.
    async fn ask(&self, key: &str, request: &Value, to: &mpsc::Sender<Value>) -> Result<(String, Value), Unanswered> {
        let method = request["method"].as_str().unwrap_or_default();
        let reply = self.reply(key, request, method, to).await?;
        let result = reply.as_ref().and_then(|reply| reply.get("result")).filter(|result| result.is_object());
        match result {
            Some(result) => Ok((key.to_owned(), result.clone())),
            None if method == "elicitation/create" => Ok((key.to_owned(), json!({"action": "cancel"}))),
            None => {
                let why =
                    reply.as_ref().and_then(|reply| reply["error"]["message"].as_str()).unwrap_or("it said nothing");
                Err(Code::BadRequest.problem(format!("your client was asked for {method}: {why}")).into())
            }
        }
    }

    /// `None` when no reply came in time.
    async fn reply(
        &self,
        key: &str,
        request: &Value,
        method: &str,
        to: &mpsc::Sender<Value>,
    ) -> Result<Option<Value>, Unanswered> {
        let jobs = &self.endpoint.jobs;
        let subject = Digest::of(&(&self.params["name"], self.params.get("arguments"), key, request));
        if let Some(reply) = jobs.reply_about(&self.caller, &subject).await? {
            return Ok(Some(reply));
        }
        let id: JobId = jobs.ask(&self.caller, &subject).await?;
        let params = request.get("params").cloned().unwrap_or_else(|| json!({}));
        to.send(wire::request(&json!(id), method, wire::form(params, version(&self.parts.headers)))).await?;
        // Well before what the server sealed is too old.
        let until = self.began + LONGEST_ASKING.min(self.endpoint.question_expiry / 2);
        let reply = tokio::select! {
            reply = jobs.reply_until(until, &self.caller, id, &subject) => reply?,
            () = self.endpoint.stopping.cancelled() => None,
        };
        if reply.is_none() {
            let over = json!({"requestId": id, "reason": "the call has to be answered; call again to be asked again"});
            to.send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": over})).await?;
        }
        Ok(reply)
    }
}

/// Why there is no answer from a client.
enum Unanswered {
    Gone,
    Problem(Problem),
}

impl From<Problem> for Unanswered {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl<T> From<mpsc::error::SendError<T>> for Unanswered {
    fn from(_: mpsc::error::SendError<T>) -> Self {
        Self::Gone
    }
}

/// It is the answer, and not something on the way to it.
fn ends(message: &Value) -> bool {
    message.get("method").is_none()
}

fn broken_off() -> Problem {
    Code::Internal.problem("the call broke off; the log says more")
}
