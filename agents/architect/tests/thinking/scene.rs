//! An Architect, a Coder that shows an app, and a model that says what a test wants.

use crate::{
    ann,
    coder::{self, FakeCoder},
    shop as name,
};
use architect::ArchitectConfig;
use protocol::{
    Code, Digest, JobId, TaskId,
    artifact::{Criterion, Design, Plan, Risk},
    chat::{Message, Reply, ToolCall, Try, Turn},
    task::Approval,
    tools::{
        architect::{DESIGN, DesignInput},
        coder::{AppSnapshot, FileEntry, FileText},
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
use std::{net::SocketAddr, time::Duration};
use tempfile::TempDir;

pub(super) struct Scene {
    pub(super) coder: FakeCoder,
    directory: TempDir,
    planner: Credential,
    architect: Running,
}

impl Scene {
    /// A model that makes these calls, turn by turn.
    pub(super) async fn start(turns: &[Vec<(&'static str, Value)>]) -> Self {
        let (coder, directory, planner) =
            (FakeCoder::start().await, TempDir::new().expect("a directory"), Credential::random());
        let tape = serde_json::to_vec(&tape(turns)).expect("a tape");
        std::fs::write(directory.path().join("tape.json"), tape).expect("written");
        let architect = replica(&coder, &directory, &planner).await;
        Self { coder, directory, planner, architect }
    }

    /// The process dies without a word; another one takes its place.
    pub(super) async fn crash(&mut self) {
        let next = replica(&self.coder, &self.directory, &self.planner).await;
        drop(std::mem::replace(&mut self.architect, next));
    }

    fn peer(&self) -> Peer {
        Peer::new(self.architect.origin(), self.planner.clone(), Code::PeerUnavailable)
    }

    pub(super) async fn begin(&self, order: &DesignInput) -> JobId {
        self.peer().start(DESIGN, "design-1", &ann(), order).await.expect("a job")
    }

    pub(super) async fn end(&self, job: JobId) -> PeerState<Design> {
        let peer = self.peer();
        let end = async {
            loop {
                match peer.poll(job).await.expect("a state") {
                    PeerState::Working { .. } => tokio::time::sleep(Duration::from_millis(20)).await,
                    end => return end,
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), end).await.expect("an end within 30 s")
    }

    pub(super) async fn design(&self, order: &DesignInput) -> (Design, Vec<Turn>) {
        let job = self.begin(order).await;
        match self.end(job).await {
            PeerState::Done(design) => (design, self.turns(job).await),
            other => panic!("no design: {other:?}"),
        }
    }

    pub(super) async fn turns(&self, job: JobId) -> Vec<Turn> {
        let transcript: Transcript =
            self.peer().call(GET_TRANSCRIPT, &WhichJob { job_id: job }).await.expect("a transcript");
        transcript.turns
    }
}

pub(super) fn plan() -> Plan {
    Plan {
        task: TaskId::from_bytes([7; 16]),
        app: name(),
        goal: "Let readers comment.".to_owned(),
        summary: String::new(),
        steps: vec![],
        criteria: vec![Criterion { id: "c1".into(), text: "A comment is shown".into(), new: true }],
        assumptions: vec![],
        risk: Risk::Low,
        made_by: None,
        supplied: false,
    }
}

/// A live app with three files and a table.
pub(super) fn shop() -> AppSnapshot {
    let files = [
        ("docs/notes.txt", "Ask Mary."),
        ("public/index.php", "<?php\nif ($path === '/posts') { (new Posts())->show(); }\n"),
        ("src/Posts.php", "<?php\nfinal class Posts {\n    public function show() {}\n}\n"),
    ];
    let text = |(path, text): (&str, &str)| FileText { path: path.parse().expect("a path"), text: text.to_owned() };
    let files: Vec<_> = files.into_iter().map(text).collect();
    let posts = protocol::artifact::Resource { name: "posts".into(), fields: vec![] };
    AppSnapshot {
        tree: files.iter().map(|file| FileEntry { path: file.path.clone(), size: file.text.len() as u64 }).collect(),
        files,
        ..coder::live(&name(), &[posts])
    }
}

/// What the model was told of the calls of the turn before.
pub(super) fn told(turn: &Turn) -> Vec<&str> {
    let results = turn.said.iter().filter_map(|message| match message {
        Message::Tools { results } => Some(results),
        _ => None,
    });
    results.flatten().map(|result| result.content.as_str()).collect()
}

async fn replica(coder: &FakeCoder, directory: &TempDir, planner: &Credential) -> Running {
    let tape = directory.path().join("tape.json");
    let mut reader = Reader::of([("YONIN_MODEL".to_owned(), format!("tape:{}", tape.display()))]);
    let models = Models::read(&mut reader, "architect");
    reader.finish().expect("no mistakes");
    let config =
        ArchitectConfig { coder: coder.running.origin().to_owned(), credential: coder.key.clone().into(), models };
    let store = Store::sqlite(&directory.path().join("architect.db")).await.expect("a store");
    architect::service(&config, store)
        .callers(Callers::nobody().and(planner, Principal::service("planner")))
        .worker(2, Timing::short())
        .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .expect("a port")
        .start()
}

fn tape(turns: &[Vec<(&'static str, Value)>]) -> Tape {
    let turns = turns.iter().zip(1..).map(|(calls, turn)| {
        let calls = calls.iter().enumerate().map(|(index, (name, arguments))| ToolCall {
            id: format!("call-{turn}-{index}"),
            name: (*name).to_owned(),
            arguments: arguments.clone(),
        });
        let reply = Reply { calls: calls.collect(), model: "tape:test".to_owned(), ..Reply::default() };
        Turn { turn, prompt: Digest::of("prompt"), instructions: None, said: vec![], tries: vec![Try::Answered(reply)] }
    });
    let part = TapePart { agent: "architect".to_owned(), round: 0, again: 0, turns: turns.collect() };
    let mut tape = Tape::of(plan().goal, name(), Approval::default());
    tape.parts.push(part);
    tape
}
