//! A Coder, a host, a preview's web server, and a model that says what a test wants.

use crate::{ann, host::FakeHost, order};
use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use coder::{Blueprint, CoderConfig};
use protocol::{
    Code, Digest, JobId, TaskId,
    artifact::{ChangeSet, Content, Path, Release, ReleaseState},
    chat::{Message, Reply, ToolCall, Try, Turn},
    task::Approval,
    tools::{
        coder::{AppSnapshot, BUILD, BuildInput, BuildOutput, FileEntry, FileText},
        thinking::{GET_TRANSCRIPT, Transcript, WhichJob},
    },
};
use runtime::{
    Callers, Credential, Peer, PeerState, Principal, Running, Store,
    config::Reader,
    job::Timing,
    model::{Models, Tape, TapePart},
};
use serde_json::Value;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

/// Every request that came: method and target, the host it was for, its cookies.
pub(super) type Requests = Arc<Mutex<Vec<(String, String, String)>>>;

pub(super) struct Scene {
    pub(super) host: FakeHost,
    pub(super) requests: Requests,
    directory: TempDir,
    planner: Credential,
    coder: Running,
    web: JoinHandle<()>,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.web.abort();
    }
}

/// What a model does in one turn: the tools that it calls.
pub(super) type Calls = Vec<(&'static str, Value)>;

impl Scene {
    /// A model that makes these calls, turn by turn, in the round of this number.
    pub(super) async fn start(round: u32, turns: &[Calls]) -> Self {
        let (host, directory, planner) =
            (FakeHost::start().await, TempDir::new().expect("a directory"), Credential::random());
        let requests = Requests::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        *host.script.web.lock().expect("an address") = format!("http://{}", listener.local_addr().expect("an address"));
        let app = Router::new().fallback(answer).with_state(Arc::clone(&requests));
        let web = tokio::spawn(async move { axum::serve(listener, app).await.expect("a server") });
        record(&directory, round, turns);
        let coder = replica(host.running.origin(), &host.key, &directory, &planner).await;
        Self { host, requests, directory, planner, coder, web }
    }

    /// There is a live app with these files.
    pub(super) fn live(&self, files: &[(&str, &str)]) -> Digest {
        let digest = Digest::of("live");
        let release = Release {
            app: "shop".parse().expect("a name"),
            digest,
            change_set: Digest::of("change"),
            base: None,
            task: TaskId::from_bytes([1; 16]),
            state: ReleaseState::Live,
            activated_at: "2026-01-01T00:00:00Z".parse().expect("a moment"),
        };
        let path = |path: &str| path.parse::<Path>().expect("a path");
        let app = AppSnapshot {
            app: release.app.clone(),
            url: "http://shop.localhost/".to_owned(),
            live: Some(release.clone()),
            releases: vec![release],
            tree: files.iter().map(|(name, text)| FileEntry { path: path(name), size: text.len() as u64 }).collect(),
            files: files.iter().map(|(name, text)| FileText { path: path(name), text: (*text).to_owned() }).collect(),
            schema: vec![],
            migrations: vec!["0001_create_posts".to_owned()],
        };
        *self.host.script.app.lock().expect("an app") = Some(app);
        digest
    }

    /// The process dies without a word; another one takes its place.
    pub(super) async fn crash(&mut self) {
        let next = replica(self.host.running.origin(), &self.host.key, &self.directory, &self.planner).await;
        drop(std::mem::replace(&mut self.coder, next));
    }

    fn peer(&self) -> Peer {
        Peer::new(self.coder.origin(), self.planner.clone(), Code::PeerUnavailable)
    }

    pub(super) async fn begin(&self, order: &BuildInput) -> JobId {
        self.peer().start(BUILD, "build-1", &ann(), order).await.expect("a job")
    }

    pub(super) async fn end(&self, job: JobId) -> PeerState<BuildOutput> {
        end(&self.peer(), job).await
    }

    /// What is built.
    pub(super) async fn build(&self, order: &BuildInput) -> (ChangeSet, Vec<Turn>) {
        build(&self.peer(), order).await
    }

    pub(super) async fn turns(&self, job: JobId) -> Vec<Turn> {
        turns(&self.peer(), job).await
    }
}

/// What this Coder builds.
pub(super) async fn build(coder: &Peer, order: &BuildInput) -> (ChangeSet, Vec<Turn>) {
    let job = coder.start(BUILD, "build-1", &ann(), order).await.expect("a job");
    match end(coder, job).await {
        PeerState::Done(output) => (output.change_set, turns(coder, job).await),
        other => panic!("nothing was built: {other:?}"),
    }
}

async fn end(coder: &Peer, job: JobId) -> PeerState<BuildOutput> {
    let end = async {
        loop {
            match coder.poll(job).await.expect("a state") {
                PeerState::Working { .. } => tokio::time::sleep(Duration::from_millis(20)).await,
                end => return end,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), end).await.expect("an end within 30 s")
}

async fn turns(coder: &Peer, job: JobId) -> Vec<Turn> {
    let transcript: Transcript = coder.call(GET_TRANSCRIPT, &WhichJob { job_id: job }).await.expect("a transcript");
    transcript.turns
}

/// An order that starts from this release.
pub(super) fn order_from(base: Option<Digest>) -> BuildInput {
    let mut order = order();
    order.design.base = base;
    order
}

/// What the model was told of the calls of the turn before.
pub(super) fn told(turn: &Turn) -> Vec<&str> {
    let results = turn.said.iter().filter_map(|message| match message {
        Message::Tools { results } => Some(results),
        _ => None,
    });
    results.flatten().map(|result| result.content.as_str()).collect()
}

pub(super) fn text<'a>(change_set: &'a ChangeSet, path: &str) -> Option<&'a str> {
    change_set.files.iter().find(|file| file.path.as_str() == path).and_then(|file| match &file.content {
        Some(Content::Text(text)) => Some(text.as_str()),
        _ => None,
    })
}

/// A Coder whose store and tape are in this directory.
pub(super) async fn replica(host: &str, key: &Credential, directory: &TempDir, planner: &Credential) -> Running {
    let tape = directory.path().join("tape.json");
    let mut reader = Reader::of([("YONIN_MODEL".to_owned(), format!("tape:{}", tape.display()))]);
    let models = Models::read(&mut reader, "coder");
    reader.finish().expect("no mistakes");
    let config = CoderConfig { host: host.to_owned(), credential: key.clone().into(), models };
    let store = Store::sqlite(&directory.path().join("coder.db")).await.expect("a store");
    let callers = Callers::nobody().and(planner, Principal::service("planner"));
    coder::service(&config, Arc::new(Blueprint), store)
        .callers(callers)
        .worker(2, Timing::short())
        .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .expect("a port")
        .start()
}

/// Writes the tape of a model that makes these calls.
pub(super) fn record(directory: &TempDir, round: u32, turns: &[Calls]) {
    let tape = serde_json::to_vec(&tape(round, turns)).expect("a tape");
    std::fs::write(directory.path().join("tape.json"), tape).expect("written");
}

fn tape(round: u32, turns: &[Calls]) -> Tape {
    let turns = turns.iter().zip(1..).map(|(calls, turn)| {
        let calls = calls.iter().enumerate().map(|(index, (name, arguments))| ToolCall {
            id: format!("call-{turn}-{index}"),
            name: (*name).to_owned(),
            arguments: arguments.clone(),
        });
        let reply = Reply { calls: calls.collect(), model: "tape:test".to_owned(), ..Reply::default() };
        Turn { turn, prompt: Digest::of("prompt"), instructions: None, said: vec![], tries: vec![Try::Answered(reply)] }
    });
    let part = TapePart { agent: "coder".to_owned(), round, again: 0, turns: turns.collect() };
    let mut tape = Tape::of(order().plan.goal, "shop".parse().expect("a name"), Approval::default());
    tape.parts.push(part);
    tape
}

async fn answer(State(requests): State<Requests>, request: Request) -> Response {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
    let seen = (format!("{} {}", request.method(), request.uri()), header("host"), header("cookie"));
    requests.lock().expect("requests").push(seen);
    ([("set-cookie", "sid=42"), ("content-type", "text/html")], "<h1>Notes</h1>".repeat(1_000)).into_response()
}
