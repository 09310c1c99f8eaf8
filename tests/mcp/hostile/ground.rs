//! A service for the worst: a person and a service may call it, its tools are jobs in a store.

use crate::conformance::fixture::jobs;
use protocol::keys::CreateKey;
use runtime::{
    Callers, Credential, Hints, Keys, Principal, Running, Service, Store,
    job::Timing,
    service::{Limits, Rate},
};
use serde_json::{Value, json};
use std::{net::SocketAddr, path::Path};
use tempfile::TempDir;
use tests::cluster::{Role, Stores, look};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

pub(crate) struct Ground {
    running: Running,
    /// Of the caller who does everything here.
    pub(crate) mine: String,
    /// Of somebody else.
    pub(crate) theirs: String,
    /// Keys that opened once, each with how it ended.
    pub(crate) ended: [(&'static str, String); 2],
    _dir: TempDir,
}

impl Ground {
    pub(crate) async fn start() -> Self {
        let dir = TempDir::new().expect("a directory");
        let (mine, theirs) = (Credential::random(), Credential::random());
        let callers = Callers::nobody()
            .and(&mine, Principal::person("mei", protocol::Role::Operator))
            .and(&theirs, Principal::Service("theirs".to_owned()));
        let (keys, ended) = ended(dir.path()).await;
        let service = Service::new("hostile", jobs::toolbox())
            .callers(callers)
            .keys(keys)
            .store(Store::sqlite(&dir.path().join("jobs.db")).await.expect("a store"))
            .body_limit(1024 * 1024)
            // Thousands come from one caller, as fast as the machine goes: none of them is to be turned away for that.
            .limits(Limits { people: Rate { per_second: 1_000_000, burst: 1_000_000 }, ..Limits::default() })
            .worker(8, Timing::short());
        let running = service.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port").start();
        Self { running, mine: mine.reveal().to_owned(), theirs: theirs.reveal().to_owned(), ended, _dir: dir }
    }

    pub(crate) fn origin(&self) -> &str {
        self.running.origin()
    }

    pub(crate) fn address(&self) -> &str {
        self.origin().trim_start_matches("http://")
    }

    /// Sends a request on a connection of its own.
    pub(crate) async fn send(&self, request: &Request) -> Answer {
        let mut connection = TcpStream::connect(self.address()).await.expect("it listens");
        let sent = connection.write_all(&request.bytes()).await;
        let mut answer = Vec::new();
        let read = connection.read_to_end(&mut answer).await;
        Answer::parse(&answer).unwrap_or_else(|| panic!("no answer: sent {sent:?}, read {read:?}, {answer:?}"))
    }

    /// What it answers to a call as it should be.
    pub(crate) async fn call(&self, key: &str, method: &str, params: Value) -> Value {
        self.send(&Request::new(key, method, params)).await.body
    }
}

/// Keys on a server of which its client can be asked, and of them a revoked one and one whose time is over.
async fn ended(dir: &Path) -> (Keys, [(&'static str, String); 2]) {
    let place = Stores::mariadb().prepare(dir).remove(&Role::Planner).expect("a place");
    let store = Store::open(&place).await.expect("a store");
    let keys = Keys::new("hostile", &store, Hints::in_process(), Callers::nobody());
    let admin = Principal::person("owner", protocol::Role::Admin);
    let made = async |name: &str| {
        let (name, role) = (name.parse().expect("a name"), protocol::Role::Operator);
        let wanted = CreateKey { name, role, expires_in_seconds: Some(60), another: false };
        keys.create(&admin, wanted).await.expect("a key").key
    };
    let ended = [("a revoked key", made("revoked").await), ("an expired key", made("expired").await)];
    keys.revoke(&admin, "revoked").await.expect("revoked");
    // No key may be made for less than a minute, and nobody waits that long.
    let over = "update api_keys set expires_at = created_at where name = 'expired'; select row_count()";
    assert_eq!(look(&place, over).expect("the server answers"), ["1"]);
    (keys, ended)
}

/// A request as it goes over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// A good one of the newest revision, from a client that knows tasks and shows forms.
    pub(crate) fn new(key: &str, method: &str, mut params: Value) -> Self {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "hostile", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities":
                {"elicitation": {"form": {}}, "extensions": {"io.modelcontextprotocol/tasks": {}}},
        });
        let name = params.get("name").or_else(|| params.get("taskId")).and_then(Value::as_str).map(str::to_owned);
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let request = Self { line: "POST /mcp HTTP/1.1".to_owned(), headers: vec![], body: body.to_string().into() };
        let request = request
            .with("Host", "localhost")
            .with("Connection", "close")
            .with("Authorization", &format!("Bearer {key}"))
            .with("Content-Type", "application/json")
            .with("Accept", "application/json, text/event-stream")
            .with("MCP-Protocol-Version", "2026-07-28")
            .with("Mcp-Method", method);
        match name {
            Some(name) => request.with("Mcp-Name", &name),
            None => request,
        }
    }

    /// With this header in place of all others of its name.
    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        self.without(name).and(name, value)
    }

    /// And this one too.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn line(mut self, line: &str) -> Self {
        line.clone_into(&mut self.line);
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// With this in place of that in its body.
    pub(crate) fn but(self, that: &str, this: &str) -> Self {
        let body = String::from_utf8(self.body.clone()).expect("text");
        assert!(body.contains(that), "{that} is not in {body}");
        self.body(body.replace(that, this))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{}\r\n", self.line).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            bytes.extend(format!("Content-Length: {}\r\n", self.body.len()).into_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(&self.body);
        bytes
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    /// `null` when it is no JSON.
    pub(crate) body: Value,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Self { status, head: head.to_owned(), body: serde_json::from_str(body).unwrap_or_default() })
    }

    /// The code of an error of JSON-RPC, or of a problem; `ok` for a result.
    pub(crate) fn code(&self) -> String {
        match (&self.body["error"]["code"], &self.body["code"], &self.body["result"]) {
            (Value::Number(code), ..) => code.to_string(),
            (_, Value::String(code), _) => code.clone(),
            (_, _, Value::Object(_)) => "ok".to_owned(),
            _ => "nothing".to_owned(),
        }
    }
}
