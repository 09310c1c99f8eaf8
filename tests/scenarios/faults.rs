//! The environment fails in the middle of a task.

use nix::sys::signal::Signal;
use protocol::{Code, task::Status};
use serde_json::json;
use tests::World;

#[tokio::test]
async fn a_database_that_hangs_fails_the_task_clearly_and_leaves_the_live_app_alone() {
    fails_clearly("mariadbd", Code::MysqlUnavailable).await;
}

#[tokio::test]
async fn a_cache_that_hangs_fails_the_task_clearly_and_leaves_the_live_app_alone() {
    fails_clearly("redis-server", Code::RedisUnavailable).await;
}

async fn fails_clearly(server: &str, code: Code) {
    let world = World::start();
    let app = world.fresh_app();
    let before = world.goal(&app, "posts(title:string!)").succeed().await.result.expect("a result");
    world.post(&app, "/api/posts", &json!({"title": "kept"})).await;

    world.signal(server, Signal::SIGSTOP);
    let task = world.goal(&app, "tags(name:string!)").submit().await.expect("accepted: the API needs no environment");
    let ended = world.finished(task.id).await;
    world.signal(server, Signal::SIGCONT);
    assert_eq!(ended.status, Status::Failed, "{ended:#?}");
    assert_eq!(ended.error.expect("a failed task says why").code, code);

    assert_eq!(world.client.app(&app).await.expect("the app").live.expect("live").digest, before.release);
    assert_eq!(world.get(&app, "/api/posts").await["items"][0]["title"], "kept");
    world.goal(&app, "tags(name:string!)").succeed().await;
}

#[tokio::test]
async fn a_pause_of_the_database_is_waited_out() {
    let world = World::start();
    let app = world.fresh_app();
    world.signal("mariadbd", Signal::SIGSTOP);
    let task = world.goal(&app, "posts(title:string!)").submit().await.expect("accepted");
    world.when(task.id, |task| task.status == Status::Running).await;
    world.signal("mariadbd", Signal::SIGCONT);
    assert_eq!(world.finished(task.id).await.status, Status::Succeeded);
}
