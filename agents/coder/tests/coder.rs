//! The Coder between a Planner and a host, through crashes and refusals.

mod host;
mod thinking;

use coder::{CoderConfig, Engine, Order};
use host::{FakeHost, Then};
use protocol::tools::thinking::Allowance;
use protocol::{
    Code, Digest, JobId, Problem, TaskId,
    artifact::{ChangeSet, Content, FileChange, Path, Plan, Risk},
    tools::{
        coder::{
            BUILD, BuildInput, BuildOutput, DISCARD_PREVIEW, DiscardPreviewInput, ROLLBACK, RollbackInput, RollbackTo,
        },
        host::{CLOSE_PREVIEWS, Done, OPEN_PREVIEW, ROLLBACK_RELEASE, STAGE_RELEASE},
    },
};
use runtime::{Callers, Credential, Owner, Peer, PeerState, Principal, Running, Store, job::Timing};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;

/// Writes one file, and counts how often it was asked.
#[derive(Default)]
struct OneFile(AtomicU32);

impl Engine for OneFile {
    fn wanted_files(&self) -> Vec<Path> {
        Vec::new()
    }

    fn build(&self, order: &Order<'_>) -> Result<ChangeSet, Problem> {
        let times = self.0.fetch_add(1, Ordering::Relaxed);
        let content = Some(Content::Text(format!("<?php // {times}")));
        Ok(ChangeSet {
            app: order.app.clone(),
            base: order.design.base,
            files: vec![FileChange { path: "public/index.php".parse().expect("a path"), content }],
            migrations: vec![],
            invalidations: vec![],
        })
    }
}

struct Team {
    host: FakeHost,
    engine: Arc<OneFile>,
    directory: TempDir,
    planner: Credential,
    architect: Credential,
    coder: Running,
}

impl Team {
    async fn start() -> Self {
        let host = FakeHost::start().await;
        let (engine, directory) = (Arc::new(OneFile::default()), TempDir::new().expect("a directory"));
        let (planner, architect) = (Credential::random(), Credential::random());
        let coder = replica(&host, &engine, &directory, &planner, &architect).await;
        Self { host, engine, directory, planner, architect, coder }
    }

    /// The process dies without a word; another one takes its place.
    async fn crash(self) -> Self {
        let Self { host, engine, directory, planner, architect, coder } = self;
        drop(coder);
        let coder = replica(&host, &engine, &directory, &planner, &architect).await;
        Self { host, engine, directory, planner, architect, coder }
    }

    fn peer(&self, key: &Credential) -> Peer {
        Peer::new(self.coder.origin(), key.clone(), Code::PeerUnavailable)
    }

    async fn start_build(&self) -> JobId {
        self.peer(&self.planner).start(BUILD, "build-1", &ann(), &order()).await.expect("a job")
    }

    async fn end<O: serde::de::DeserializeOwned>(&self, job: JobId) -> PeerState<O> {
        let peer = self.peer(&self.planner);
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
}

async fn replica(
    host: &FakeHost,
    engine: &Arc<OneFile>,
    directory: &TempDir,
    planner: &Credential,
    architect: &Credential,
) -> Running {
    let config =
        CoderConfig { host: host.running.origin().to_owned(), credential: host.key.clone().into(), models: None };
    let store = Store::sqlite(&directory.path().join("coder.db")).await.expect("a store");
    let callers =
        Callers::nobody().and(planner, Principal::service("planner")).and(architect, Principal::service("architect"));
    let engine: Arc<dyn Engine> = Arc::clone(engine) as _;
    coder::service(&config, engine, store)
        .callers(callers)
        .worker(2, Timing::short())
        .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .expect("a port")
        .start()
}

fn order() -> BuildInput {
    let app: protocol::AppName = "shop".parse().expect("a name");
    let task = TaskId::from_bytes([7; 16]);
    let plan = Plan {
        made_by: None,
        task,
        app: app.clone(),
        goal: "notes(title:string!)".to_owned(),
        summary: String::new(),
        steps: vec![],
        criteria: vec![],
        assumptions: vec![],
        risk: Risk::Low,
        supplied: false,
    };
    let design = serde_json::from_value(json!({
        "plan": Digest::of(&plan), "base": null, "summary": "", "resources": [], "migrations": [],
        "endpoints": [], "cache": [], "files": [], "tests": [],
    }));
    BuildInput {
        task,
        app,
        plan,
        design: design.expect("a design"),
        attempt: 1,
        again: 0,
        findings: vec![],
        before: None,
        supplied: None,
        allowance: Allowance::default(),
        turn: 3,
    }
}

fn failure<O: std::fmt::Debug>(state: PeerState<O>) -> Code {
    match state {
        PeerState::Failed(problem) => problem.code,
        other => panic!("expected a failure, got {other:?}"),
    }
}

#[tokio::test]
async fn a_build_opens_a_preview_and_stages_what_the_engine_wrote() {
    let team = Team::start().await;
    let job = team.start_build().await;
    let PeerState::Done(output) = team.end::<BuildOutput>(job).await else { panic!("not done") };
    assert_eq!(output.change_set.files.len(), 1);
    assert_eq!(output.release, Digest::of(&output.change_set.files));
    let opened = team.host.script.epochs(OPEN_PREVIEW);
    assert_eq!((opened.len(), opened[0].turn), (1, 3));
    assert_eq!(team.host.script.epochs(STAGE_RELEASE), opened);
}

#[tokio::test]
async fn after_a_crash_while_staging_the_same_change_is_staged_again_under_a_higher_fence() {
    let team = Team::start().await;
    team.host.script.next(STAGE_RELEASE, Then::Hang);
    let job = team.start_build().await;
    team.host.script.called(STAGE_RELEASE, 1).await;
    let team = team.crash().await;
    let PeerState::Done(_) = team.end::<BuildOutput>(job).await else { panic!("not done") };
    let staged = team.host.script.epochs(STAGE_RELEASE);
    assert_eq!(staged.len(), 2);
    assert!(staged[1] > staged[0] && staged[1].turn == staged[0].turn, "{staged:?}");
    assert_eq!(team.host.script.epochs(OPEN_PREVIEW).len(), 1, "what was done is not done again");
    assert_eq!(team.engine.0.load(Ordering::Relaxed), 1, "what was written is not written again");
}

#[tokio::test]
async fn a_host_that_is_away_for_a_moment_is_asked_again() {
    let team = Team::start().await;
    team.host.script.next(OPEN_PREVIEW, Then::Refuse(Code::MysqlUnavailable));
    let job = team.start_build().await;
    assert!(matches!(team.end::<BuildOutput>(job).await, PeerState::Done(_)));
    assert_eq!(team.host.script.epochs(OPEN_PREVIEW).len(), 2);
}

#[tokio::test]
async fn a_host_that_stays_away_fails_the_job_with_its_code() {
    let mut team = Team::start().await;
    let gone = FakeHost::start().await;
    std::mem::replace(&mut team.host.running, gone.running).stop(Duration::from_secs(5)).await;
    let job = team.start_build().await;
    assert_eq!(failure(team.end::<BuildOutput>(job).await), Code::HostUnavailable);
}

#[tokio::test]
async fn an_order_of_yesterday_ends_for_good() {
    let team = Team::start().await;
    team.host.script.next(STAGE_RELEASE, Then::Refuse(Code::StaleEpoch));
    let job = team.start_build().await;
    assert_eq!(failure(team.end::<BuildOutput>(job).await), Code::StaleEpoch);
    assert_eq!(team.host.script.epochs(STAGE_RELEASE).len(), 1);
}

#[tokio::test]
async fn a_cancelled_build_closes_its_previews() {
    let team = Team::start().await;
    team.host.script.next(STAGE_RELEASE, Then::Hang);
    let job = team.start_build().await;
    team.host.script.called(STAGE_RELEASE, 1).await;
    team.peer(&team.planner).cancel(job).await.expect("a cancel");
    assert!(matches!(team.end::<BuildOutput>(job).await, PeerState::Cancelled));
    assert_eq!(team.host.script.epochs(CLOSE_PREVIEWS).len(), 1);
}

#[tokio::test]
async fn a_rollback_under_way_cannot_be_cancelled() {
    let team = Team::start().await;
    team.host.script.next(ROLLBACK_RELEASE, Then::Hang);
    let planner = team.peer(&team.planner);
    let app = "shop".parse().expect("a name");
    let back = RollbackInput { task: TaskId::fresh(), app, from: Digest::of("a"), to: RollbackTo::Base, turn: 4 };
    let job = planner.start(ROLLBACK, "rollback-1", &ann(), &back).await.expect("a job");
    team.host.script.called(ROLLBACK_RELEASE, 1).await;
    planner.cancel(job).await.expect("acknowledged");
    let state: PeerState<Value> = planner.poll(job).await.expect("an answer");
    assert!(matches!(state, PeerState::Working { .. }), "it came too late: {state:?}");
}

#[tokio::test]
async fn only_the_planner_orders_changes() {
    let team = Team::start().await;
    let (planner, architect) = (team.peer(&team.planner), team.peer(&team.architect));
    let app = "shop".parse().expect("a name");
    let discard = DiscardPreviewInput { app, task: TaskId::fresh(), turn: 9 };
    let refused = architect.call::<_, Done>(DISCARD_PREVIEW, &discard).await.expect_err("not the Planner");
    assert_eq!(refused.code, Code::Forbidden);
    let refused = architect.start(BUILD, "build-1", &ann(), &order()).await.expect_err("not the Planner");
    assert_eq!(refused.code, Code::Forbidden);
    assert_eq!(team.host.script.epochs(CLOSE_PREVIEWS).len(), 0);
    planner.call::<_, Done>(DISCARD_PREVIEW, &discard).await.expect("done");
    assert_eq!(team.host.script.epochs(CLOSE_PREVIEWS)[0].turn, 9);
}

#[tokio::test]
async fn a_design_for_another_plan_is_refused_before_anything_happens() {
    let team = Team::start().await;
    let mut order = order();
    order.plan.goal.push('!');
    let refused = team.peer(&team.planner).start(BUILD, "build-1", &ann(), &order).await.expect_err("another plan");
    assert_eq!(refused.code, Code::BadRequest);
}

fn ann() -> Owner {
    Owner::Person("ann".to_owned())
}
