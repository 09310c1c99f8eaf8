//! A Coder is stopped (SIGSTOP) past its lease, another takes over, and the first wakes up with what it had in mind.

use crate::target::Target;
use protocol::{
    Code, TaskId,
    task::{Approval, Status},
    tools::{
        Epoch,
        host::{CLOSE_PREVIEWS, ClosePreviewsInput, Done},
    },
};
use serde_json::Value;
use std::{
    fs,
    time::{Duration, Instant},
};
use tests::{
    Cluster,
    cluster::{Role, Setup, Stores},
};

/// Two Coders, of which the first alone is at work.
async fn scene() -> (Cluster, Target) {
    let mut cluster = Setup::new().stores(Stores::mariadb()).replicas(Role::Coder, 2).start().await;
    cluster.replica(Role::Coder, 1).kill();
    let target = Target::watch(&cluster);
    (cluster, target)
}

/// The first Coder stops itself at this point of a task; it wakes up when the second has taken the task to its end.
async fn stopped_at(point: &str) {
    let (mut cluster, target) = scene().await;
    let first = cluster.replica(Role::Coder, 0);
    first.kill();
    first.restart(&[("YONIN_FAIL_POINT", point), ("YONIN_FAIL_SIGNAL", "STOP")]).await;
    let app = cluster.fresh_app();
    let task = cluster.goal(&app, "notes(text:string!)").submit().await.expect("accepted").id;
    cluster.replica(Role::Coder, 0).stopped().await;
    // Whoever looks for what is left of a preview must be able to see one.
    let seen = target.left_over();
    for kind in ["account ", "pools ", "previews ", "run ", "schema ", "user "] {
        assert!(seen.iter().any(|line| line.starts_with(kind)), "no {kind}in {seen:?}");
    }
    second_takes_over(&mut cluster).await;
    let release = cluster.finished(task).await.result.expect("it succeeds").release;

    first_wakes_up(&mut cluster).await;
    old_epoch_is_refused(&cluster, app.as_str(), task).await;
    assert_eq!(target.live(app.as_str()), [None, Some(release.hex())]);
    assert_eq!((target.previews_made(), target.releases(app.as_str())), (1, 1));
    assert!(target.statements(app.as_str()).values().all(|count| *count == 1));
    assert_eq!(target.left_over(), Vec::<String>::new());
    first_works(&mut cluster).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_coder_that_stopped_before_it_made_a_change_live_does_nothing_when_it_wakes_up() {
    stopped_at("intent.after/activate").await;
}

#[tokio::test]
async fn a_coder_that_stopped_after_it_staged_a_change_does_nothing_when_it_wakes_up() {
    stopped_at("effect.after/stage").await;
}

#[tokio::test]
async fn a_migration_that_a_stopped_coder_left_running_is_ended_before_the_next_acts() {
    let (mut cluster, target) = scene().await;
    let app = cluster.fresh_app();
    let before = cluster.goal(&app, "notes(text:string!)").succeed().await.result.expect("a result").release;
    let goal = cluster.goal(&app, "notes(text:string!, pinned:bool=false)").approval(Approval::Always);
    let task = goal.submit().await.expect("accepted").id;
    cluster.when(task, |task| task.status == Status::Waiting).await;
    let lock = target.lock(app.as_str(), "notes");
    cluster.client.approve(task).await.expect("approved");
    let left_running = until(|| target.waiting_for_a_lock(), |waiting| !waiting.is_empty()).await;

    cluster.replica(Role::Coder, 0).pause();
    second_takes_over(&mut cluster).await;
    let migrating = until(|| target.migrating(), |now| now.iter().any(|id| !left_running.contains(id))).await;
    assert!(!migrating.contains(&left_running[0]), "{left_running:?} still runs beside {migrating:?}");
    drop(lock);
    let after = cluster.finished(task).await.result.expect("it succeeds").release;

    first_wakes_up(&mut cluster).await;
    old_epoch_is_refused(&cluster, app.as_str(), task).await;
    assert_eq!(target.live(app.as_str()), [None, Some(before.hex()), Some(after.hex())]);
    let ledger = format!("select count(*), min(state), max(state) from `app_{app}`._yonin_migrations");
    assert_eq!(target.rows(&ledger), ["2\tdone\tdone"]);
    assert_eq!(target.left_over(), Vec::<String>::new());
    first_works(&mut cluster).await;
    cluster.stop().await;
}

async fn second_takes_over(cluster: &mut Cluster) {
    // As when a probe finds that it is not ready.
    cluster.proxy(Role::Coder).take(0);
    cluster.replica(Role::Coder, 1).restart(&[]).await;
}

async fn first_wakes_up(cluster: &mut Cluster) {
    let first = cluster.replica(Role::Coder, 0);
    // On a busy machine it may have lost one before.
    let lost = || first.log().matches("A worker lost a job").count();
    let before = lost();
    first.resume();
    until(lost, |now| *now > before).await;
}

/// Nothing is wrong with it otherwise.
async fn first_works(cluster: &mut Cluster) {
    cluster.replica(Role::Coder, 1).kill();
    let address = cluster.replica(Role::Coder, 0).address();
    cluster.proxy(Role::Coder).put(0, address);
    cluster.goal(&cluster.fresh_app(), "notes(text:string!)").succeed().await;
}

/// The host takes nothing from before the last that it has seen.
async fn old_epoch_is_refused(cluster: &Cluster, app: &str, task: TaskId) {
    let file = cluster.environment_dir().join("apps").join(app).join("state.json");
    let state: Value = serde_json::from_slice(&fs::read(file).expect("the host's state")).expect("JSON");
    let number = |name: &str| state["epoch"][name].as_u64().expect("a number");
    let (turn, fence) = (number("turn"), number("fence"));
    let app = app.parse().expect("a name");
    let late = ClosePreviewsInput { app, task, epoch: Epoch { turn, fence: fence - 1 } };
    let refused = cluster.host_as(Role::Coder).call::<_, Done>(CLOSE_PREVIEWS, &late).await.expect_err("it is late");
    assert_eq!(refused.code, Code::StaleEpoch, "{refused}");
}

async fn until<T>(look: impl Fn() -> T, holds: impl Fn(&T) -> bool) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let seen = look();
        if holds(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "it never comes");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
