//! Calls, one after the other on each of a few connections, for a fixed time.

use crate::server::Server;
use anyhow::ensure;
use benches::Connection;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// One round lasts so long.
pub(crate) const TIME: Duration = Duration::from_secs(2);
/// As many callers.
pub(crate) const CONNECTIONS: usize = 16;

/// What one round came to.
pub(crate) struct Seen {
    /// How long each call took, the quickest first.
    calls: Vec<Duration>,
    time: Duration,
    processor: Duration,
}

impl Seen {
    /// Calls per second.
    pub(crate) fn rate(&self) -> f64 {
        self.calls.len() as f64 / self.time.as_secs_f64()
    }

    /// The server's processor time for each call, in microseconds.
    pub(crate) fn cost(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / self.calls.len() as f64
    }

    /// What 99 of 100 calls took at most, in milliseconds.
    pub(crate) fn p99(&self) -> f64 {
        self.calls[(self.calls.len() - 1) * 99 / 100].as_secs_f64() * 1e3
    }
}

/// One round against this server.
pub(crate) async fn run(server: &Server) -> anyhow::Result<Seen> {
    let (began, used) = (Instant::now(), server.processor()?);
    let mut callers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let connection = Connection::open(&server.origin).await?;
        let host = server.origin.trim_start_matches("http://").to_owned();
        callers.spawn(call(connection, host, server.key.clone(), began + TIME));
    }
    let mut calls = Vec::new();
    while let Some(called) = callers.join_next().await {
        calls.append(&mut called??);
    }
    ensure!(!calls.is_empty(), "no call was answered");
    let time = began.elapsed();
    calls.sort_unstable();
    Ok(Seen { calls, time, processor: server.processor()? - used })
}

async fn call(mut connection: Connection, host: String, key: String, until: Instant) -> anyhow::Result<Vec<Duration>> {
    let body = Bytes::from(body().to_string());
    let mut calls = Vec::new();
    while Instant::now() < until {
        let sent = Instant::now();
        let answer = connection.send(request(&host, &key, body.clone())?).await?;
        ensure!(answer.status() == StatusCode::OK, "{}: {:?}", answer.status(), answer.body());
        let took = sent.elapsed();
        if calls.is_empty() {
            let answer: Value = serde_json::from_slice(answer.body())?;
            ensure!(answer["result"]["structuredContent"] == arguments(), "{answer}");
        }
        calls.push(took);
    }
    Ok(calls)
}

fn request(host: &str, key: &str, body: Bytes) -> anyhow::Result<Request<Full<Bytes>>> {
    let request = Request::post("/mcp")
        .header("host", host)
        .header("authorization", format!("Bearer {key}"))
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", "echo");
    Ok(request.body(Full::new(body))?)
}

/// A call as clients of 2026-07-28 send it.
fn body() -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
           "params": {"name": "echo", "arguments": arguments(), "_meta": meta}})
}

fn arguments() -> Value {
    json!({"text": "what a caller says", "number": 7})
}
