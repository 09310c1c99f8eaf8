//! One task per app at a time.

use protocol::{
    Code,
    artifact::ChangeSet,
    rest::RollbackApp,
    task::{Approval, Status},
};
use tests::World;

#[tokio::test]
async fn a_second_task_waits_for_the_first_and_starts_from_what_it_left() {
    let world = World::start();
    let app = world.fresh_app();
    let first = world.goal(&app, "a(x:int)").approval(Approval::Always).submit().await.expect("accepted");
    world.when(first.id, |task| task.status == Status::Waiting).await;
    let second = world.goal(&app, "b(y:int)").submit().await.expect("accepted");
    let other = world.fresh_app();
    world.goal(&other, "c(z:int)").succeed().await;
    assert_eq!(world.client.task(second.id).await.expect("the task").status, Status::Queued, "another app overtakes");

    world.client.approve(first.id).await.expect("approved");
    let first = world.finished(first.id).await.result.expect("a result");
    assert_eq!(world.finished(second.id).await.status, Status::Succeeded);
    let changes: ChangeSet = world.client.artifact(second.id, "changes", None).await.expect("a change-set");
    assert_eq!(changes.base, Some(first.release));
    for path in ["/api/a", "/api/b"] {
        assert_eq!(world.get(&app, path).await["total"], 0);
    }
}

#[tokio::test]
async fn a_rollback_that_races_a_release_comes_after_it() {
    let world = World::start();
    let app = world.fresh_app();
    let first = world.goal(&app, "a(x:int)").succeed().await.result.expect("a result");
    let release = world.goal(&app, "b(y:int)").submit().await.expect("accepted");
    let rollback = world.client.rollback(&app, &RollbackApp::default(), "race").await.expect("accepted");
    assert_eq!(world.finished(release.id).await.status, Status::Succeeded);
    let back = world.finished(rollback.id).await;
    assert_eq!((back.status, back.result.map(|result| result.release)), (Status::Succeeded, Some(first.release)));
}

#[tokio::test]
async fn a_cancelled_task_leaves_nothing_and_lets_the_next_one_go() {
    let world = World::start();
    let app = world.fresh_app();
    let task = world.goal(&app, "a(x:int)").approval(Approval::Always).submit().await.expect("accepted");
    let queued = world.goal(&app, "b(y:int)").submit().await.expect("accepted");
    world.when(task.id, |task| task.status == Status::Waiting).await;
    world.client.cancel(task.id).await.expect("it can be cancelled");
    assert_eq!(world.finished(task.id).await.status, Status::Cancelled);
    assert_eq!(world.finished(queued.id).await.status, Status::Succeeded);
    assert_eq!(world.status(&app, reqwest::Method::GET, "/api/a").await, 404);
    let again = world.client.cancel(task.id).await.expect_err("it has ended");
    assert!(matches!(again, yonin::Failure::Problem(problem) if problem.code == Code::AlreadyFinished));
}
