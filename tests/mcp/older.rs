//! Clients of the older protocol are asked in the middle of a call, and their replies come to another replica than the call did.

use crate::{conformance::fixture::jobs, hostile::ground::Ground};
use futures::{Stream, StreamExt as _};
use protocol::Role;
use reqwest::{RequestBuilder, StatusCode, header};
use runtime::{Callers, Credential, Principal, Running, Service, Store, job::Timing};
use serde_json::{Value, json};
use sse_stream::SseStream;
use std::{net::SocketAddr, path::Path, pin::Pin, time::Duration};
use tempfile::TempDir;

/// Two replicas on one store, which tell each other nothing: the store is all they share.
struct Pair {
    replicas: [Running; 2],
    mine: Credential,
    theirs: Credential,
    viewer: Credential,
    _dir: TempDir,
}

impl Pair {
    async fn start(question_expiry: Duration) -> Self {
        let dir = TempDir::new().expect("a directory");
        let [mine, theirs, viewer] = [(); 3].map(|()| Credential::random());
        let callers = Callers::nobody()
            .and(&mine, Principal::person("mei", Role::Operator))
            .and(&theirs, Principal::person("ken", Role::Operator))
            .and(&viewer, Principal::person("mei", Role::Viewer));
        let replicas = [
            replica(dir.path(), callers.clone(), question_expiry).await,
            replica(dir.path(), callers, question_expiry).await,
        ];
        Self { replicas, mine, theirs, viewer, _dir: dir }
    }

    /// And somebody at the first who shows forms.
    async fn with_client() -> (Self, Client) {
        let pair = Self::start(Duration::from_secs(600)).await;
        let client = pair.client(0, &pair.mine).initialized(json!({"elicitation": {}})).await;
        (pair, client)
    }

    fn client(&self, replica: usize, key: &Credential) -> Client {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let url = format!("{}/mcp", self.replicas[replica].origin());
        Client { http, url, key: key.reveal().to_owned(), version: "2025-11-25", session: None }
    }

    async fn stop(self) {
        for replica in self.replicas {
            replica.stop(Duration::from_secs(5)).await;
        }
    }
}

async fn replica(dir: &Path, callers: Callers, question_expiry: Duration) -> Running {
    let service = Service::new("older", jobs::toolbox())
        .callers(callers)
        .store(Store::sqlite(&dir.join("jobs.db")).await.expect("a store"))
        .question_expiry(question_expiry)
        .worker(4, Timing::short());
    service.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port").start()
}

#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    url: String,
    key: String,
    version: &'static str,
    session: Option<String>,
}

type Messages = Pin<Box<dyn Stream<Item = Value> + Send>>;

impl Client {
    /// The same, once it has said what it can do.
    async fn initialized(mut self, capabilities: Value) -> Self {
        let info = json!({"name": "older", "version": "1"});
        let params = json!({"protocolVersion": self.version, "capabilities": capabilities, "clientInfo": info});
        let said =
            self.post(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})).send().await;
        let said = said.expect("an answer");
        assert_eq!(said.status(), StatusCode::OK);
        self.session = said.headers().get("mcp-session-id").map(|id| id.to_str().expect("text").to_owned());
        self
    }

    fn post(&self, message: &Value) -> RequestBuilder {
        let post = self.http.post(&self.url).bearer_auth(&self.key).json(message);
        let post = post.header(header::ACCEPT, "application/json, text/event-stream");
        let post = post.header("MCP-Protocol-Version", self.version);
        match &self.session {
            Some(session) => post.header("Mcp-Session-Id", session),
            None => post,
        }
    }

    async fn call(&self, tool: &str, arguments: Value) -> Messages {
        let params = json!({"name": tool, "arguments": arguments});
        let call = self.post(&json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}));
        let answer = call.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        if answer.headers()[header::CONTENT_TYPE] == "application/json" {
            let message = answer.json().await.expect("JSON");
            return Box::pin(futures::stream::iter([message]));
        }
        let events = SseStream::from_bytes_stream(answer.bytes_stream());
        Box::pin(events.filter_map(async |event| serde_json::from_str(&event.expect("an event").data?).expect("JSON")))
    }

    /// Starts a job that asks, and waits for it: it asks.
    async fn asked(&self) -> (String, Messages, Value) {
        let job = self.call("confirm_delete", json!({"filename": "写真"})).await.next().await.expect("a job");
        let job = job["result"]["structuredContent"]["job_id"].as_str().unwrap_or_else(|| panic!("{job}")).to_owned();
        let mut messages = self.call("wait_job", json!({"job_id": job})).await;
        let request = messages.next().await.expect("a request");
        assert_eq!(request["method"], "elicitation/create", "{request}");
        (job, messages, request)
    }

    async fn reply(&self, id: &Value, result: Value) -> StatusCode {
        let reply = self.post(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
        reply.send().await.expect("an answer").status()
    }
}

fn accepted() -> Value {
    json!({"action": "accept", "content": {"remark": "はい"}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_to_one_replica_answers_the_call_at_another() {
    let (pair, one) = Pair::with_client().await;
    let two = Client { url: pair.client(1, &pair.mine).url, ..one.clone() };
    let (_, mut messages, request) = one.asked().await;
    assert_eq!(request["params"]["message"], "Delete it?");
    assert_eq!(two.reply(&request["id"], accepted()).await, StatusCode::ACCEPTED);
    let answer = messages.next().await.expect("the answer");
    assert_eq!(answer["id"], 7);
    assert_eq!(answer["result"]["structuredContent"]["status"], "done", "{answer}");
    assert_eq!(answer["result"].get("resultType"), None, "a word of today's protocol");
    assert_eq!(messages.next().await, None, "something after the answer");
    assert_eq!(two.reply(&request["id"], accepted()).await, StatusCode::UNPROCESSABLE_ENTITY, "it was taken twice");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_was_asked_may_reply() {
    let pair = Pair::start(Duration::from_secs(600)).await;
    let viewer = pair.client(0, &pair.viewer);
    let mine = pair.client(0, &pair.mine).initialized(json!({"elicitation": {"form": {}}})).await;
    let theirs = pair.client(1, &pair.theirs).initialized(json!({"elicitation": {}})).await;
    let (_, mut messages, request) = mine.asked().await;
    assert_eq!(theirs.reply(&request["id"], accepted()).await, StatusCode::UNPROCESSABLE_ENTITY);
    // The same person, by a key that only looks.
    assert_eq!(viewer.reply(&request["id"], accepted()).await, StatusCode::FORBIDDEN);
    let long = json!({"action": "accept", "content": {"remark": "は".repeat(30_000)}});
    assert_eq!(mine.reply(&request["id"], long).await, StatusCode::PAYLOAD_TOO_LARGE);
    for id in [json!(0), json!(null), json!("7"), json!("0d3c7c5e-6d8b-4e0e-9a59-0d9ad0d1ae70")] {
        assert_eq!(mine.reply(&id, accepted()).await, StatusCode::UNPROCESSABLE_ENTITY, "{id}");
    }
    assert_eq!(mine.reply(&request["id"], json!({"action": "decline"})).await, StatusCode::ACCEPTED);
    let answer = messages.next().await.expect("the answer");
    assert!(answer["result"]["structuredContent"]["result"].to_string().contains("is kept"), "{answer}");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_is_closed_decides_nothing() {
    let (pair, client) = Pair::with_client().await;
    let (_, mut messages, request) = client.asked().await;
    assert_eq!(client.reply(&request["id"], json!({"action": "cancel"})).await, StatusCode::ACCEPTED);
    let answer = messages.next().await.expect("the answer");
    assert_eq!(answer["result"]["structuredContent"]["status"], "asking", "{answer}");
    assert!(answer["result"]["content"].to_string().contains("Nothing was decided"), "{answer}");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_shows_no_form_after_all_is_told_where_to_answer() {
    let (pair, client) = Pair::with_client().await;
    let (_, mut messages, request) = client.asked().await;
    let error = json!({"code": -32601, "message": "no forms here"});
    let reply = client.post(&json!({"jsonrpc": "2.0", "id": request["id"], "error": error})).send().await;
    assert_eq!(reply.expect("an answer").status(), StatusCode::ACCEPTED);
    let answer = messages.next().await.expect("the answer");
    assert!(answer["result"]["content"].to_string().contains("It asks a person"), "{answer}");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_elsewhere_is_not_asked_any_more() {
    let (pair, here) = Pair::with_client().await;
    let (job, mut messages, request) = here.asked().await;
    // By another call of the same job: each form belongs to its call.
    let there = Client { url: pair.client(1, &pair.mine).url, ..here.clone() };
    let mut others = there.call("wait_job", json!({"job_id": job})).await;
    let other = others.next().await.expect("a request");
    assert_ne!(other["id"], request["id"]);
    assert_eq!(here.reply(&other["id"], accepted()).await, StatusCode::ACCEPTED);
    let answer = others.next().await.expect("the answer");
    assert_eq!(answer["result"]["structuredContent"]["status"], "done", "{answer}");
    let withdrawn = messages.next().await.expect("a notification");
    let told = (&withdrawn["method"], &withdrawn["params"]["requestId"]);
    assert_eq!(told, (&json!("notifications/cancelled"), &request["id"]));
    let answer = messages.next().await.expect("the answer");
    assert_eq!(answer["result"]["structuredContent"]["status"], "done", "{answer}");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_to_a_call_that_was_given_up_is_there_for_the_next() {
    let (pair, client) = Pair::with_client().await;
    let (job, messages, request) = client.asked().await;
    let (closed, _) =
        (client.call("wait_job", json!({"job_id": job})).await.next().await.expect("a request"), messages);
    assert_eq!(client.reply(&closed["id"], json!({"action": "cancel"})).await, StatusCode::ACCEPTED);
    assert_eq!(client.reply(&request["id"], accepted()).await, StatusCode::ACCEPTED);
    let answer = client.call("wait_job", json!({"job_id": job})).await.next().await.expect("an answer");
    assert_eq!(answer["result"]["structuredContent"]["status"], "done", "{answer}");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_was_closed_too_late_is_shown_again() {
    let (pair, client) = Pair::with_client().await;
    let (job, messages, request) = client.asked().await;
    drop(messages);
    assert_eq!(client.reply(&request["id"], json!({"action": "cancel"})).await, StatusCode::ACCEPTED);
    let again = client.call("wait_job", json!({"job_id": job})).await.next().await.expect("a request");
    assert_eq!(again["method"], "elicitation/create", "{again}");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_ends_in_order_when_its_replica_stops() {
    let (pair, client) = Pair::with_client().await;
    let (_, messages, _) = client.asked().await;
    let (rest, ()) = tokio::join!(messages.collect::<Vec<_>>(), pair.stop());
    assert_eq!(rest[0]["method"], "notifications/cancelled", "{rest:?}");
    assert_eq!(rest[1]["result"]["structuredContent"]["status"], "asking", "{rest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_2025_06_18_are_asked_in_their_words() {
    let pair = Pair::start(Duration::from_secs(600)).await;
    let client = Client { version: "2025-06-18", ..pair.client(0, &pair.mine) };
    let client = client.initialized(json!({"elicitation": {}})).await;
    let (_, mut messages, request) = client.asked().await;
    assert_eq!(request["params"].get("mode"), None, "{request}");
    assert_eq!(client.reply(&request["id"], accepted()).await, StatusCode::ACCEPTED);
    let answer = messages.next().await.expect("the answer");
    assert_eq!(answer["result"]["structuredContent"]["status"], "done", "{answer}");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revisions_that_there_never_were_are_refused_whatever_the_session_says() {
    let pair = Pair::start(Duration::from_secs(600)).await;
    for version in ["2025-09-09", "2025-06-18x", "2025-12-01"] {
        let client = Client { version, session: Some("x.forms".to_owned()), ..pair.client(0, &pair.mine) };
        for message in [
            json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "wait_job", "arguments": {}}}),
            json!({"jsonrpc": "2.0", "id": "0d3c7c5e-6d8b-4e0e-9a59-0d9ad0d1ae70", "result": {}}),
        ] {
            let answer = client.post(&message).send().await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{version} {message}");
        }
    }
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_comes_too_late_for_its_call_is_there_for_the_next() {
    let pair = Pair::start(Duration::from_secs(3)).await;
    let client = pair.client(0, &pair.mine).initialized(json!({"elicitation": {}})).await;
    let (job, mut messages, request) = client.asked().await;
    let over = messages.next().await.expect("a notification");
    assert_eq!((&over["method"], &over["params"]["requestId"]), (&json!("notifications/cancelled"), &request["id"]));
    let answer = messages.next().await.expect("the answer");
    assert_eq!(answer["result"]["structuredContent"]["status"], "asking", "{answer}");
    assert_eq!(client.reply(&request["id"], accepted()).await, StatusCode::ACCEPTED);
    // The person is not asked what they have said already.
    let client = Client { url: pair.client(1, &pair.mine).url, ..client };
    let answer = client.call("wait_job", json!({"job_id": job})).await.next().await.expect("an answer");
    assert_eq!(answer["result"]["structuredContent"]["status"], "done", "{answer}");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_are_asked_only_what_they_said_they_can_be_asked() {
    let pair = Pair::start(Duration::from_secs(600)).await;
    let knows_nothing = pair.client(0, &pair.mine).initialized(json!({"roots": {}})).await;
    let says_nothing = pair.client(0, &pair.mine).initialized(json!({})).await;
    assert_eq!(says_nothing.session, None, "a session for nothing");
    // Before there were forms.
    let too_old = Client { version: "2025-03-26", ..pair.client(0, &pair.mine) };
    let too_old = too_old.initialized(json!({"elicitation": {}})).await;
    for client in [knows_nothing, says_nothing, too_old] {
        let job = client.call("confirm_delete", json!({"filename": "a"})).await.next().await.expect("a job");
        let job = job["result"]["structuredContent"]["job_id"].clone();
        let answer = client.call("wait_job", json!({"job_id": job})).await.next().await.expect("an answer");
        assert!(answer["result"]["content"].to_string().contains("It asks a person"), "{answer}");
    }
    // And whoever makes a session up is a client that said so.
    let made_up = Client { session: Some("x.forms".to_owned()), ..pair.client(0, &pair.mine) };
    let (_, _, request) = made_up.asked().await;
    assert_eq!(request["params"]["mode"], "form");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_is_looked_at_like_any_request() {
    let ground = Ground::start().await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let reply = json!({"jsonrpc": "2.0", "id": "0d3c7c5e-6d8b-4e0e-9a59-0d9ad0d1ae70", "result": {}}).to_string();
    let post = || {
        http.post(format!("{}/mcp", ground.origin())).header("MCP-Protocol-Version", "2025-11-25").body(reply.clone())
    };
    let status = async |request: RequestBuilder| request.send().await.expect("an answer").status();
    assert_eq!(status(post().header("Content-Type", "application/json")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(post().bearer_auth(&ground.mine)).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(
        status(post().bearer_auth(&ground.mine).header("Content-Type", "application/json")).await,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}
