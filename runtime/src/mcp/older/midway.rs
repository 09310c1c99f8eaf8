//! A call in whose middle a client is asked. Towards the server it is one of today's, which asks by answering, and is made again
//! with the answers. Towards the client it is one call, on whose stream requests come before the answer does.

use super::{Endpoint, client::Client, knows_forms, version, wire};
use crate::{
    Principal,
    http::Caller,
    mcp::{JOB_META, answer},
};
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
    future::{ready, select_all},
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

/// Without a hint, a reply is looked for this often ...
const LOOK: Duration = Duration::from_millis(500);
/// ... and whether somebody else has answered meanwhile, this often.
const LOOK_ELSEWHERE: Duration = Duration::from_secs(2);

/// Times that a call asks. What asks more often has lost its way.
const MOST_ROUNDS: usize = 32;

const ELICITATION: &str = "elicitation/create";
const METHOD: &str = "tools/call";
const VERSION_META: &str = "io.modelcontextprotocol/protocolVersion";

/// When a call has to be answered, whatever it was told: it is a part of one that began before. An extension of its request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnswerBy(pub(crate) Instant);

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
    /// It waits for a job: such a call may be made again to see whether the job still asks.
    waits: bool,
}

impl Asked {
    fn by(message: &Value) -> Option<Self> {
        let result = &message["result"];
        let asks = result["resultType"] == "input_required";
        let requests = result["inputRequests"].as_object().cloned().unwrap_or_default();
        let waits = result["_meta"][JOB_META].is_string();
        asks.then(|| Self { requests, state: result.get("requestState").cloned(), waits })
    }
}

/// A request to the client, and what became of it.
struct Open {
    key: String,
    id: JobId,
    reply: Option<Value>,
}

/// One call of today's, of those that ours consists of.
enum Round {
    First,
    /// To see how things stand.
    Look,
    /// Without an answer, to wait on: it came from elsewhere.
    On,
    Answered(Map<String, Value>, Option<Value>),
    /// The client does not answer after all.
    Unasked,
}

impl<S: ServerHandler> Midway<S> {
    /// The call that this request is. `None` when nobody can be asked in its middle, or when it is not whole: then it is answered like
    /// any other.
    pub(super) fn of(endpoint: &Endpoint<S>, parts: &Parts, message: &Value) -> Option<Self> {
        let id = message.get("id").filter(|id| id.is_string() || id.is_number())?.clone();
        let params = message["params"].as_object().filter(|params| params.get("name").is_some_and(Value::is_string))?;
        let meta = params.get("_meta");
        let says_its_version = meta.is_some_and(|meta| meta.get(VERSION_META).is_some());
        let is_whole = message["jsonrpc"] == "2.0" && meta.is_none_or(Value::is_object) && !says_its_version;
        let caller = Caller::of(&parts.extensions).ok()?;
        (knows_forms(&parts.headers) && is_whole).then_some(Self {
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
        let mut messages = match self.call(Round::First).await {
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
        let work = self.work(messages, to).into_stream().filter_map(|()| ready(None));
        let events = ReceiverStream::new(told).map(|message: Value| Event::default().json_data(message));
        let events = stream::select(events, work).map(|event| event.or_else(|_| Ok::<_, Infallible>(Event::default())));
        // Proxies that collect what they pass on would keep the form.
        ([("x-accel-buffering", "no")], Sse::new(events).keep_alive(KeepAlive::new())).into_response()
    }

    async fn work(self, messages: BoxStream<'static, Value>, to: mpsc::Sender<Value>) {
        if let Err(Stopped::Problem(problem)) = self.run(messages, &to).await {
            let error: ErrorData = answer::protocol_error(&problem);
            // Who went away meanwhile does not miss it.
            let _ = to.send(json!({"jsonrpc": "2.0", "id": self.id, "error": error})).await;
        }
    }

    async fn run(&self, mut messages: BoxStream<'static, Value>, to: &mpsc::Sender<Value>) -> Result<(), Stopped> {
        let mut progress = wire::Rising::default();
        for _ in 0..MOST_ROUNDS {
            let end = loop {
                match messages.next().await {
                    Some(message) if ends(&message) => break message,
                    Some(on_the_way) => to.send(progress.of(on_the_way)).await?,
                    None => return Err(broken_off("its answer ended early").into()),
                }
            };
            let Some(asked) = Asked::by(&end) else {
                return Ok(to.send(wire::answer(end)).await?);
            };
            messages = self.next(asked, to).await?;
        }
        Err(broken_off("the tool asks again and again").into())
    }

    /// Asks, and goes on with what was answered.
    async fn next(&self, asked: Asked, to: &mpsc::Sender<Value>) -> Result<BoxStream<'static, Value>, Stopped> {
        let jobs = &self.endpoint.jobs;
        let mut open = Vec::new();
        for (key, request) in &asked.requests {
            open.push(self.ask(key, request, to).await?);
        }
        let is_settled = !self.are_answered(&asked, &mut open).await?;
        for one in open.iter().filter(|one| one.reply.is_none()) {
            let over = json!({"requestId": one.id, "reason": "it is not asked any more by this call"});
            to.send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": over})).await?;
        }
        let results = open.iter().map(|one| Some((one.key.clone(), one.reply.as_ref()?.get("result")?.clone())));
        let round = match results.collect::<Option<Map<_, _>>>() {
            Some(answers) => Round::Answered(answers, asked.state),
            None if is_settled => Round::On,
            None => Round::Unasked,
        };
        let mut messages = self.messages(round).await?;
        let first = messages.next().await;
        // Now that it is made use of.
        for one in open.iter().filter(|one| one.reply.is_some()) {
            jobs.forget_ask(one.id).await?;
        }
        Ok(stream::iter(first).chain(messages).boxed())
    }

    async fn messages(&self, round: Round) -> Result<BoxStream<'static, Value>, Problem> {
        let called = self.call(round).await;
        called.map_err(|response| broken_off(&format!("a round of it was answered with {}", response.status())))
    }

    /// The call as one of today's. The response itself when no message is in it.
    async fn call(&self, round: Round) -> Result<BoxStream<'static, Value>, Response> {
        let today = ProtocolVersion::V_2026_07_28;
        let mut params = self.params.clone();
        let meta = params.entry("_meta").or_insert_with(|| json!({}));
        meta[VERSION_META] = json!(today);
        meta["io.modelcontextprotocol/clientCapabilities"] = match round {
            Round::Unasked => json!({}),
            _ => self.client.capabilities(),
        };
        let mut parts = self.parts.clone();
        let name = BASE64_STANDARD.encode(params["name"].as_str().unwrap_or_default());
        let name = HeaderValue::try_from(format!("=?base64?{name}?=")).expect("it is ASCII");
        parts.headers.insert(super::VERSION, HeaderValue::try_from(today.as_str()).expect("it is ASCII"));
        parts.headers.insert("mcp-method", HeaderValue::from_static(METHOD));
        parts.headers.insert("mcp-name", name);
        parts.headers.remove(super::SESSION);
        parts.headers.remove(header::CONTENT_LENGTH);
        match round {
            Round::First => None,
            Round::Look | Round::Unasked => parts.extensions.insert(AnswerBy(Instant::now())),
            Round::On | Round::Answered(..) => parts.extensions.insert(AnswerBy(self.began + LONGEST)),
        };
        if let Round::Answered(answers, state) = round {
            params.insert("inputResponses".to_owned(), answers.into());
            params.extend(state.map(|state| ("requestState".to_owned(), state)));
        }
        let body = Body::from(wire::request(&self.id, METHOD, params.into()).to_string());
        wire::messages(self.endpoint.pass(Request::from_parts(parts, body)).await).await
    }

    /// Asks the client one thing, unless it is answered already: too late for the call that asked it before.
    async fn ask(&self, key: &str, request: &Value, to: &mpsc::Sender<Value>) -> Result<Open, Stopped> {
        let jobs = &self.endpoint.jobs;
        let (key, method) = (key.to_owned(), request["method"].as_str().unwrap_or_default().to_owned());
        let subject = Digest::of(&(&self.params["name"], self.params.get("arguments"), &key, request));
        for (id, reply) in jobs.replies_about(&self.caller, &subject).await? {
            if method == ELICITATION && decides(&reply) {
                return Ok(Open { key, id, reply: Some(reply) });
            }
            // A form that was closed, or gave itself up, is shown again.
            jobs.forget_ask(id).await?;
        }
        let id = jobs.ask(&self.caller, &subject).await?;
        let params = request.get("params").cloned().unwrap_or_else(|| json!({}));
        to.send(wire::request(&json!(id), &method, wire::form(params, version(&self.parts.headers)))).await?;
        Ok(Open { key, id, reply: None })
    }

    /// Waits until all of them are answered, or time is up. False when the question was settled elsewhere, and nobody is asked
    /// any more.
    async fn are_answered(&self, asked: &Asked, open: &mut [Open]) -> Result<bool, Stopped> {
        let (jobs, stopping) = (&self.endpoint.jobs, &self.endpoint.stopping);
        // Well before what the server sealed is too old.
        let until = self.began + LONGEST_ASKING.min(self.endpoint.question_expiry / 2);
        let mut looked = Instant::now();
        loop {
            let missing: Vec<_> = open.iter().filter(|one| one.reply.is_none()).map(|one| one.id).collect();
            if missing.is_empty() {
                return Ok(true);
            }
            let wait = LOOK.min(until.saturating_duration_since(Instant::now()));
            let changed = select_all(missing.into_iter().map(|id| jobs.changed_within(id, wait).boxed()));
            for one in open.iter_mut().filter(|one| one.reply.is_none()) {
                one.reply = jobs.reply_under(one.id).await?;
            }
            if open.iter().all(|one| one.reply.is_some()) || Instant::now() >= until || stopping.is_cancelled() {
                return Ok(true);
            }
            if asked.waits && looked.elapsed() >= LOOK_ELSEWHERE {
                let now = self.messages(Round::Look).await?.next().await;
                if now.as_ref().and_then(Asked::by).is_none_or(|now| now.requests != asked.requests) {
                    return Ok(false);
                }
                looked = Instant::now();
            }
            tokio::select! {
                _ = changed => {}
                () = stopping.cancelled() => {}
            }
        }
    }
}

/// Why a call does not go on.
enum Stopped {
    /// The client went away. There is nobody to tell.
    Gone,
    Problem(Problem),
}

impl From<Problem> for Stopped {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl<T> From<mpsc::error::SendError<T>> for Stopped {
    fn from(_: mpsc::error::SendError<T>) -> Self {
        Self::Gone
    }
}

/// It is the answer, and not something on the way to it.
fn ends(message: &Value) -> bool {
    message.get("method").is_none()
}

/// A person has said something, and not closed the form.
fn decides(reply: &Value) -> bool {
    matches!(reply["result"]["action"].as_str(), Some("accept" | "decline"))
}

fn broken_off(why: &str) -> Problem {
    tracing::error!(why, "A call of an older client broke off");
    Code::Internal.problem("the call broke off; the log says more")
}
