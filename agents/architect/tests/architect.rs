//! The Architect between a Planner and a Coder.

mod coder;
mod thinking;

use architect::ArchitectConfig;
use coder::{FakeCoder, Then};
use protocol::{
    AppName, Code, Digest, JobId, TaskId,
    artifact::{Content, Design, FieldType, Plan},
    tools::{
        architect::{DESIGN, DesignInput},
        coder::{AppSnapshot, FileText},
        thinking::Allowance,
    },
};
use runtime::{Callers, Credential, Owner, Peer, PeerState, Principal, Running, Store, job::Timing};
use std::{net::SocketAddr, time::Duration};
use tempfile::TempDir;

struct Team {
    coder: FakeCoder,
    architect: Running,
    planner: Credential,
    _directory: TempDir,
}

impl Team {
    async fn start() -> Self {
        let (coder, directory) = (FakeCoder::start().await, TempDir::new().expect("a directory"));
        let planner = Credential::random();
        let config = ArchitectConfig {
            coder: coder.running.origin().to_owned(),
            credential: coder.key.clone().into(),
            models: None,
        };
        let store = Store::sqlite(&directory.path().join("architect.db")).await.expect("a store");
        let callers = Callers::nobody().and(&planner, Principal::service("planner"));
        let architect = architect::service(&config, store)
            .callers(callers)
            .worker(2, Timing::short())
            .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .expect("a port")
            .start();
        Self { coder, architect, planner, _directory: directory }
    }

    fn peer(&self) -> Peer {
        Peer::new(self.architect.origin(), self.planner.clone(), Code::PeerUnavailable)
    }

    async fn order(&self, plan: Plan) -> JobId {
        self.peer().start(DESIGN, "design-1", &ann(), &order(plan)).await.expect("a job")
    }

    async fn end(&self, job: JobId) -> PeerState<Design> {
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

    async fn design(&self, plan: Plan) -> Design {
        match self.end(self.order(plan).await).await {
            PeerState::Done(design) => design,
            other => panic!("no design: {other:?}"),
        }
    }

    async fn refusal(&self, plan: Plan) -> Code {
        match self.end(self.order(plan).await).await {
            PeerState::Failed(problem) => problem.code,
            other => panic!("expected a failure, got {other:?}"),
        }
    }
}

fn order(plan: Plan) -> DesignInput {
    DesignInput { plan, allowance: Allowance::default() }
}

fn shop() -> AppName {
    "shop".parse().expect("a name")
}

fn plan(goal: &str) -> Plan {
    blueprint::plan(TaskId::from_bytes([7; 16]), &shop(), goal, None).expect("a plan for a new app")
}

/// A live app that the engine built for this goal.
fn built(goal: &str) -> AppSnapshot {
    let design = blueprint::design(&plan(goal), None).expect("a design");
    let change_set = blueprint::build(&shop(), &design, None, &[]).expect("a change-set");
    let files = change_set.files.into_iter().filter_map(|file| match file.content {
        Some(Content::Text(text)) if file.path.as_str() == blueprint::MODEL_FILE => {
            Some(FileText { path: file.path, text })
        }
        _ => None,
    });
    AppSnapshot { files: files.collect(), ..coder::live(&shop(), &design.resources) }
}

#[tokio::test]
async fn a_new_app_is_designed_from_nothing() {
    let team = Team::start().await;
    let plan = plan("posts(title:string!, author:ref(users)); users(name:string! unique)");
    let design = team.design(plan.clone()).await;
    assert_eq!((design.plan, design.base), (Digest::of(&plan), None));
    let names: Vec<_> = design.resources.iter().map(|one| one.name.as_str()).collect();
    assert_eq!((names, design.migrations.len()), (vec!["posts", "users"], 2));
    assert!(design.migrations[0].id.ends_with("create_users"), "targets come first: {:?}", design.migrations);
    for criterion in &plan.criteria {
        assert!(design.tests.iter().any(|test| test.criterion == criterion.id), "nothing tests {}", criterion.text);
    }
}

#[tokio::test]
async fn the_same_plan_gives_the_same_design() {
    let team = Team::start().await;
    let design = team.design(plan("posts(title:string!)")).await;
    let again = Team::start().await.design(plan("posts(title:string!)")).await;
    assert_eq!(design, again);
}

#[tokio::test]
async fn it_starts_from_what_is_live_now_and_only_adds() {
    let team = Team::start().await;
    let app = built("posts(title:string!)");
    let live = app.live.as_ref().map(|live| live.digest);
    team.coder.script.next(Then::Show(Box::new(app)));
    let design = team.design(plan("posts(views:int=0); tags(name:string!)")).await;
    assert_eq!(design.base, live);
    let fields: Vec<_> = design.resources[0].fields.iter().map(|field| (field.name.as_str(), &field.kind)).collect();
    assert_eq!(fields, [("title", &FieldType::String), ("views", &FieldType::Int)]);
    let sql: Vec<_> = design.migrations.iter().map(|one| one.sql.as_str()).collect();
    assert!(
        sql.iter().all(|sql| sql.starts_with("create table") || sql.starts_with("alter table `posts` add ")),
        "{sql:?}"
    );
}

#[tokio::test]
async fn a_release_that_went_live_after_the_design_is_found_by_the_build() {
    let team = Team::start().await;
    team.coder.script.next(Then::Show(Box::new(built("posts(title:string!)"))));
    let design = team.design(plan("posts(views:int=0)")).await;
    let mut moved = built("posts(title:string!)");
    moved.live.as_mut().expect("a live release").digest = Digest::of("another");
    let refused = blueprint::build(&shop(), &design, Some(&moved), &[]).expect_err("another base");
    assert_eq!(refused.code, Code::BaseMoved);
}

#[tokio::test]
async fn what_the_live_app_does_not_allow_ends_the_job_with_its_code() {
    for (goal, code) in [
        ("posts(title:string!)", Code::NothingToDo),
        ("posts(title:int!)", Code::UnsupportedChange),
        ("posts(title:string)", Code::UnsupportedChange),
    ] {
        let team = Team::start().await;
        team.coder.script.next(Then::Show(Box::new(built("posts(title:string!)"))));
        assert_eq!(team.refusal(plan(goal)).await, code, "{goal}");
        assert_eq!(team.coder.script.calls(), 1, "{goal} is not asked again");
    }
}

#[tokio::test]
async fn a_goal_that_is_no_specification_is_refused() {
    let team = Team::start().await;
    let plan = Plan { goal: "Make me rich.".to_owned(), ..plan("posts(title:string!)") };
    assert_eq!(team.refusal(plan).await, Code::GoalNotUnderstood);
}

#[tokio::test]
async fn an_app_that_somebody_else_built_is_left_alone() {
    let team = Team::start().await;
    let foreign = AppSnapshot { files: vec![], ..built("posts(title:string!)") };
    team.coder.script.next(Then::Show(Box::new(foreign)));
    assert_eq!(team.refusal(plan("posts(views:int)")).await, Code::NotBuiltHere);
}

#[tokio::test]
async fn a_coder_that_is_away_for_a_moment_is_asked_again() {
    let team = Team::start().await;
    team.coder.script.next(Then::Refuse(Code::HostUnavailable));
    team.design(plan("posts(title:string!)")).await;
    assert_eq!(team.coder.script.calls(), 2);
}

#[tokio::test]
async fn a_coder_that_stays_away_fails_the_job() {
    let mut team = Team::start().await;
    let gone = FakeCoder::start().await;
    std::mem::replace(&mut team.coder.running, gone.running).stop(Duration::from_secs(5)).await;
    assert_eq!(team.refusal(plan("posts(title:string!)")).await, Code::PeerUnavailable);
}

#[tokio::test]
async fn a_design_that_waits_for_the_coder_can_be_cancelled() {
    let team = Team::start().await;
    team.coder.script.next(Then::Hang);
    let job = team.order(plan("posts(title:string!)")).await;
    team.coder.script.called(1).await;
    team.peer().cancel(job).await.expect("a cancel");
    assert!(matches!(team.end(job).await, PeerState::Cancelled));
}

#[tokio::test]
async fn nobody_without_a_key_is_answered() {
    let team = Team::start().await;
    let stranger = Peer::new(team.architect.origin(), Credential::random(), Code::PeerUnavailable);
    let refused = stranger.start(DESIGN, "design-1", &ann(), &order(plan("posts(title:string!)"))).await;
    assert_eq!(refused.expect_err("a stranger").code, Code::Unauthorized);
    assert_eq!(team.coder.script.calls(), 0);
}

fn ann() -> Owner {
    Owner::Person("ann".to_owned())
}
