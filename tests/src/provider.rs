//! A provider of language models that does as it is told: it speaks the wire formats of OpenAI (chat and responses), Anthropic and
//! Ollama, and misbehaves by script.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// Tokens that every question counts as.
pub const IN: u64 = 100;
/// Tokens that every answer counts as.
pub const OUT: u64 = 10;

/// The provider. Dropped, it is gone.
pub struct Provider {
    address: SocketAddr,
    script: Script,
    asked: watch::Sender<Vec<Asked>>,
    server: JoinHandle<()>,
}

/// What it does with one question.
#[derive(Debug, Clone)]
pub enum Says {
    /// Answers with this text.
    Text(String),
    /// The same, and does not say how many tokens that took.
    Uncounted(String),
    /// Answers with this text, which broke off at the longest length.
    TooLong(String),
    /// Calls tools: their names, and the text of their arguments, whatever that is.
    Calls(Vec<(String, String)>),
    /// Thinks these words, under this signature where the format has one, before it does something else.
    Thinking(String, String, Box<Says>),
    /// Answers with this status, these headers, this body.
    Status(u16, Vec<(&'static str, String)>, String),
    /// Begins with this text, and breaks the connection.
    Cut(String),
    /// Begins with this text, and ends as if that were all, without the end that the format has.
    Ends(String),
    /// Begins with this text, and goes on with what is no JSON.
    Garbage(String),
    /// Begins with this text, and tells of trouble instead of going on.
    Trouble(String),
    /// Begins with this text, and falls silent.
    Silence(String),
    /// Never begins.
    Nothing,
    /// Answers with so many bytes.
    Huge(usize),
}

impl Says {
    /// Answers with this text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Calls one tool.
    pub fn call(name: &str, arguments: &Value) -> Self {
        Self::Calls(vec![(name.to_owned(), arguments.to_string())])
    }

    /// Answers with this status and nothing else.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Status(status, Vec::new(), String::new())
    }
}

/// A question that came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The path.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Value,
}

impl Asked {
    /// What was said so far, in the format of `OpenAI`'s chat: who, and the text of it.
    #[must_use]
    pub fn said(&self) -> Vec<(&str, String)> {
        let text = |content: &Value| match content {
            Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
            one => one.as_str().unwrap_or_default().to_owned(),
        };
        let messages = self.body["messages"].as_array().map_or(&[][..], Vec::as_slice);
        messages.iter().map(|one| (one["role"].as_str().unwrap_or_default(), text(&one["content"]))).collect()
    }

    /// How often the model has answered in this conversation.
    #[must_use]
    pub fn turn(&self) -> usize {
        self.said().iter().filter(|(who, _)| *who == "assistant").count()
    }

    /// Which agent asks, by its instructions.
    #[must_use]
    pub fn agent(&self) -> String {
        let said = self.said();
        let instructions = said.first().map_or("", |(_, text)| text.as_str());
        let name = instructions.strip_prefix("You are the ").and_then(|rest| rest.split(' ').next());
        name.unwrap_or_default().to_lowercase()
    }
}

impl Provider {
    /// Starts one on a free port of this machine, which does these things one after the other, and the last one ever after.
    pub async fn saying(script: impl IntoIterator<Item = Says>) -> Self {
        Self::answering(one_after_the_other(script)).await
    }

    /// Starts one that does with each question what this says.
    pub async fn answering(says: impl FnMut(&Asked) -> Says + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (script, asked): (Script, _) = (Arc::new(Mutex::new(Box::new(says))), watch::Sender::new(Vec::new()));
        let router = Router::new().fallback(answer).with_state((Arc::clone(&script), asked.clone()));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { address, script, asked, server }
    }

    /// From now on it does these.
    pub fn says(&self, script: impl IntoIterator<Item = Says>) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(one_after_the_other(script));
    }

    /// The address as a setting has it after `@`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every question that came.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.borrow().clone()
    }

    /// When one of these has come.
    pub async fn was_asked_one(&self, is_one: impl Fn(&Asked) -> bool) {
        let mut asked = self.asked.subscribe();
        let came = asked.wait_for(|asked| asked.iter().any(&is_one));
        tokio::time::timeout(Duration::from_secs(60), came).await.expect("in time").expect("counts on");
    }

    /// When so many questions have come.
    pub async fn was_asked(&self, times: usize) {
        let mut asked = self.asked.subscribe();
        let enough = asked.wait_for(|asked| asked.len() >= times);
        tokio::time::timeout(Duration::from_secs(20), enough).await.expect("in time").expect("counts on");
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What it does with each question.
type Script = Arc<Mutex<Box<dyn FnMut(&Asked) -> Says + Send>>>;
type Shared = (Script, watch::Sender<Vec<Asked>>);

/// These, and the last one ever after.
fn one_after_the_other(script: impl IntoIterator<Item = Says>) -> impl FnMut(&Asked) -> Says + Send + 'static {
    let mut script: VecDeque<_> = script.into_iter().collect();
    move |_| {
        let next = if script.len() > 1 { script.pop_front() } else { script.front().cloned() };
        next.unwrap_or_else(|| Says::status(404))
    }
}

async fn answer(State((script, asked)): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let question = Asked { path: uri.path().to_owned(), headers, body };
    let says = script.lock().unwrap_or_else(PoisonError::into_inner)(&question);
    asked.send_modify(|asked| asked.push(question));
    match says {
        Says::Nothing => std::future::pending().await,
        Says::Status(status, headers, body) => {
            let headers = headers
                .into_iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(&value).expect("a header")));
            let status = StatusCode::from_u16(status).expect("a status");
            (status, HeaderMap::from_iter(headers), body).into_response()
        }
        says => stream_of(Format::of(uri.path()), says),
    }
}

/// A wire format.
#[derive(Clone, Copy)]
enum Format {
    Chat,
    Responses,
    Anthropic,
    Ollama,
}

/// How a stream ends.
enum End {
    /// As the format has it, for this reason, with or without figures.
    Whole { reason: &'static str, counted: bool },
    /// The connection goes on, and nothing comes.
    Silence,
    /// The connection breaks.
    Break,
    /// The stream is over and was not said to be.
    Over,
}

fn stream_of(format: Format, says: Says) -> Response {
    let whole = |reason| End::Whole { reason, counted: true };
    let (thoughts, says) = match says {
        Says::Thinking(words, signature, then) => (format.thoughts(&words, &signature), *then),
        says => (Vec::new(), says),
    };
    let (frames, end) = match says {
        Says::Text(text) => (format.text(&text), whole("stop")),
        Says::Uncounted(text) => (format.text(&text), End::Whole { reason: "stop", counted: false }),
        Says::TooLong(text) => (format.text(&text), whole("length")),
        Says::Calls(calls) => (format.calls(&calls), whole("tool_calls")),
        Says::Cut(text) => (format.text(&text), End::Break),
        Says::Ends(text) => (format.text(&text), End::Over),
        Says::Silence(text) => (format.text(&text), End::Silence),
        Says::Garbage(text) => {
            let mut frames = format.text(&text);
            frames.push(format.frame("content_block_delta", "{\"choices\": [{\"del"));
            (frames, whole("stop"))
        }
        Says::Trouble(text) => {
            let mut frames = format.text(&text);
            let trouble = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
            frames.push(format.frame("error", &trouble.to_string()));
            (frames, End::Over)
        }
        Says::Huge(bytes) => {
            let piece = "All work and no play makes Jack a dull boy. ".repeat(200);
            (vec![format.piece(&piece); bytes / piece.len() + 1], whole("stop"))
        }
        Says::Status(..) | Says::Nothing | Says::Thinking(..) => (Vec::new(), End::Over),
    };
    let mut frames = [vec![format.begin()], thoughts, frames].concat();
    if let End::Whole { reason, counted } = end {
        frames.extend(format.end(reason, counted));
    }
    let frames = stream::iter(frames.into_iter().map(|frame| Ok::<_, io::Error>(Bytes::from(frame))));
    let body = match end {
        End::Whole { .. } | End::Over => Body::from_stream(frames),
        // What came before is on its way when the connection breaks.
        End::Break => Body::from_stream(frames.chain(stream::once(async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Err(io::Error::other("as the script has it"))
        }))),
        End::Silence => Body::from_stream(frames.chain(stream::pending())),
    };
    ([(CONTENT_TYPE, format.content_type())], body).into_response()
}

impl Format {
    fn of(path: &str) -> Self {
        match path.rsplit('/').next() {
            Some("messages") => Self::Anthropic,
            Some("responses") => Self::Responses,
            Some("chat") => Self::Ollama,
            _ => Self::Chat,
        }
    }

    fn content_type(self) -> &'static str {
        if matches!(self, Self::Ollama) { "application/x-ndjson" } else { "text/event-stream" }
    }

    fn frame(self, event: &str, data: &str) -> String {
        match self {
            Self::Chat => format!("data: {data}\n\n"),
            Self::Responses | Self::Anthropic => format!("event: {event}\ndata: {data}\n\n"),
            Self::Ollama => format!("{data}\n"),
        }
    }

    fn begin(self) -> String {
        match self {
            Self::Chat => self.delta(json!({"role": "assistant", "content": ""}), None),
            Self::Responses => self.event("response.created", json!({})),
            Self::Anthropic => {
                let usage = json!({"input_tokens": IN, "output_tokens": 1});
                self.event("message_start", json!({"message": {"role": "assistant", "content": [], "usage": usage}}))
            }
            Self::Ollama => self.frame("", &json!({"message": {"content": ""}, "done": false}).to_string()),
        }
    }

    /// A text in small pieces.
    fn text(self, text: &str) -> Vec<String> {
        let letters: Vec<_> = text.chars().collect();
        letters.chunks(7).map(|piece| self.piece(&piece.iter().collect::<String>())).collect()
    }

    fn piece(self, text: &str) -> String {
        match self {
            Self::Chat => self.delta(json!({"content": text}), None),
            Self::Responses => self.event("response.output_text.delta", json!({"output_index": 0, "delta": text})),
            Self::Anthropic => {
                self.event("content_block_delta", json!({"index": 0, "delta": {"type": "text_delta", "text": text}}))
            }
            Self::Ollama => self.frame("", &json!({"message": {"content": text}, "done": false}).to_string()),
        }
    }

    /// Words that are thought, in two pieces.
    fn thoughts(self, words: &str, signature: &str) -> Vec<String> {
        let half = words.floor_char_boundary(words.len() / 2);
        let halves = [&words[..half], &words[half..]];
        match self {
            Self::Chat => halves.map(|half| self.delta(json!({"reasoning_content": half}), None)).to_vec(),
            Self::Anthropic => {
                // Far from the numbers of what follows.
                let event = |kind: &str, mut data: Value| {
                    data["index"] = 90.into();
                    self.event(kind, data)
                };
                let delta = |delta: Value| event("content_block_delta", json!({"delta": delta}));
                let block = json!({"type": "thinking", "thinking": "", "signature": ""});
                let mut frames = vec![event("content_block_start", json!({"content_block": block}))];
                frames.extend(halves.map(|half| delta(json!({"type": "thinking_delta", "thinking": half}))));
                frames.push(delta(json!({"type": "signature_delta", "signature": signature})));
                frames.push(event("content_block_stop", json!({})));
                frames
            }
            Self::Responses | Self::Ollama => Vec::new(),
        }
    }

    /// Calls, numbered from 0 in every answer, as some servers do.
    fn calls(self, calls: &[(String, String)]) -> Vec<String> {
        let frames = calls.iter().enumerate().flat_map(|(index, (name, arguments))| {
            let (id, half) = (format!("call_{index}"), arguments.floor_char_boundary(arguments.len() / 2));
            let halves = [&arguments[..half], &arguments[half..]];
            match self {
                Self::Chat => {
                    let call = |function: Value, id: Option<&str>| {
                        let mut call = json!({"index": index, "function": function});
                        if let Some(id) = id {
                            call["id"] = id.into();
                            call["type"] = "function".into();
                        }
                        self.delta(json!({"tool_calls": [call]}), None)
                    };
                    let mut frames = vec![call(json!({"name": name, "arguments": ""}), Some(&id))];
                    frames.extend(halves.map(|half| call(json!({"arguments": half}), None)));
                    frames
                }
                Self::Responses => {
                    let item = |arguments: &str| {
                        json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments})
                    };
                    let mut frames = vec![
                        self.event("response.output_item.added", json!({"output_index": index, "item": item("")})),
                    ];
                    frames.extend(halves.map(|half| {
                        let delta = json!({"output_index": index, "delta": half});
                        self.event("response.function_call_arguments.delta", delta)
                    }));
                    let done = json!({"output_index": index, "item": item(arguments)});
                    frames.push(self.event("response.output_item.done", done));
                    frames
                }
                Self::Anthropic => {
                    let block = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
                    let mut frames =
                        vec![self.event("content_block_start", json!({"index": index, "content_block": block}))];
                    frames.extend(halves.map(|half| {
                        let delta = json!({"type": "input_json_delta", "partial_json": half});
                        self.event("content_block_delta", json!({"index": index, "delta": delta}))
                    }));
                    frames.push(self.event("content_block_stop", json!({"index": index})));
                    frames
                }
                Self::Ollama => {
                    let arguments: Value = serde_json::from_str(arguments).unwrap_or_else(|_| arguments.clone().into());
                    let call = json!({"function": {"name": name, "arguments": arguments}});
                    let message = json!({"message": {"content": "", "tool_calls": [call]}, "done": false});
                    vec![self.frame("", &message.to_string())]
                }
            }
        });
        frames.collect()
    }

    fn end(self, reason: &str, counted: bool) -> Vec<String> {
        match self {
            Self::Chat => {
                let mut frames = vec![self.delta(json!({}), Some(reason))];
                if counted {
                    let usage = json!({"prompt_tokens": IN, "completion_tokens": OUT, "total_tokens": IN + OUT});
                    frames.push(self.frame("", &json!({"choices": [], "usage": usage}).to_string()));
                }
                frames.push(self.frame("", "[DONE]"));
                frames
            }
            Self::Responses => {
                let (event, status) = match reason {
                    "length" => ("response.incomplete", "incomplete"),
                    _ => ("response.completed", "completed"),
                };
                let mut response = json!({"id": "resp_1", "status": status, "model": "test", "output": []});
                if counted {
                    response["usage"] = json!({"input_tokens": IN, "output_tokens": OUT, "total_tokens": IN + OUT});
                }
                vec![self.event(event, json!({"response": response}))]
            }
            Self::Anthropic => {
                let reason = match reason {
                    "length" => "max_tokens",
                    "tool_calls" => "tool_use",
                    _ => "end_turn",
                };
                let mut delta = json!({"delta": {"stop_reason": reason}});
                if counted {
                    delta["usage"] = json!({"output_tokens": OUT});
                }
                vec![self.event("message_delta", delta), self.event("message_stop", json!({}))]
            }
            Self::Ollama => {
                let reason = if reason == "length" { "length" } else { "stop" };
                let mut last = json!({"message": {"content": ""}, "done": true, "done_reason": reason});
                if counted {
                    last["prompt_eval_count"] = IN.into();
                    last["eval_count"] = OUT.into();
                }
                vec![self.frame("", &last.to_string())]
            }
        }
    }

    fn delta(self, delta: Value, reason: Option<&str>) -> String {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
        self.frame("", &json!({"object": "chat.completion.chunk", "choices": [choice]}).to_string())
    }

    fn event(self, event: &str, mut data: Value) -> String {
        data["type"] = event.into();
        self.frame(event, &data.to_string())
    }
}
