//! The environment fails in the middle of a task.

use nix::sys::signal::Signal;
use protocol::{AppName, Code, task::Status};
use serde_json::json;
use std::time::Duration;
use tests::World;
use tokio::time::{sleep, timeout};

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
    let down = format!("yonin_environment_up{{server=\"{}\"}} 0", if server == "mariadbd" { "mysql" } else { "redis" });
    let told = async {
        let metrics = async || reqwest::get(format!("{}/metrics", world.at.api)).await.expect("an answer").text().await;
        while !metrics().await.expect("text").contains(&down) {
            sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(Duration::from_secs(30), told).await.expect("those who watch are told");
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

#[tokio::test]
async fn a_server_that_dies_comes_back_and_the_task_goes_on() {
    let world = World::start();
    let app = world.fresh_app();
    world.goal(&app, "posts(title:string!)").succeed().await;
    world.post(&app, "/api/posts", &json!({"title": "kept"})).await;
    for (server, goal) in [("redis-server", "a(x:int)"), ("mariadbd", "b(x:int)"), ("nginx", "c(x:int)")] {
        world.signal(server, Signal::SIGKILL);
        world.goal(&app, goal).succeed().await;
        assert_eq!(world.get(&app, "/api/posts").await["items"][0]["title"], "kept", "after {server}");
    }
}

#[tokio::test]
async fn a_change_with_a_fatal_error_never_reaches_the_live_app() {
    let world = World::start();
    let app: AppName = "mend-fatal".parse().expect("an app's name");
    let good = world.goal(&app, "notes(title:string!)").attempts(2).succeed().await.result.expect("a result");
    let problem = world.goal(&app, "notes(pinned:bool=false)").attempts(1).fail().await;
    assert_eq!(problem.code, Code::ChecksFailed);
    assert_eq!(world.client.app(&app).await.expect("the app").live.expect("live").digest, good.release);
    assert_eq!(world.get(&app, "/api/notes").await["total"], 0);
}
