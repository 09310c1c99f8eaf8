//! Starting, stopping, dying.

use nix::sys::signal::Signal;
use protocol::task::{Stage, Status};
use tests::{Process, World};

#[tokio::test]
async fn the_demo_ends_with_a_live_url_and_its_evidence() {
    let mut demo = Process::yonin(&["demo", "掲示板を作って。posts(title:string!, mood:enum(happy|sad)=happy)"]);
    let (output, status) = demo.output();
    assert!(status.success(), "{status}\n{}", demo.log());
    assert!(output.contains("http://demo.localhost:"), "{output}");
    assert!(output.lines().filter(|line| line.contains('✓')).count() > 20, "{output}");
    assert!(!output.contains('✗'), "{output}");
    demo.stop(Signal::SIGTERM);
}

#[tokio::test]
async fn a_goal_that_fails_makes_the_demo_fail() {
    let mut demo = Process::yonin(&["demo", "Make me rich."]);
    let (_, status) = demo.output();
    assert_eq!(status.code(), Some(1), "{}", demo.log());
    assert!(demo.log().contains("goal-not-understood"), "{}", demo.log());
}

#[tokio::test]
async fn control_c_in_the_demo_leaves_nothing_running() {
    for moment in ["starting", "submitted", "design"] {
        let mut demo = Process::yonin(&["demo"]);
        demo.logged(moment);
        assert_eq!(demo.stop(Signal::SIGINT).code(), Some(130), "at {moment}: {}", demo.log());
    }
}

#[tokio::test]
async fn a_task_survives_a_power_cut() {
    let mut world = World::start();
    let app = world.fresh_app();
    let task = world.goal(&app, "posts(title:string!); tags(name:string!)").submit().await.expect("accepted");
    for stage in [Stage::Plan, Stage::Build, Stage::Verify] {
        world.when(task.id, |task| task.stage >= stage).await;
        world = world.crash_and_restart();
    }
    assert_eq!(world.finished(task.id).await.status, Status::Succeeded);
    assert_eq!(world.client.releases(&app).await.expect("releases").releases.len(), 1, "released once");
    assert_eq!(world.get(&app, "/api/posts").await["total"], 0);
}

#[tokio::test]
async fn what_was_live_is_live_again_after_a_stop() {
    let world = World::start();
    let app = world.fresh_app();
    world.goal(&app, "posts(title:string!)").succeed().await;
    world.post(&app, "/api/posts", &serde_json::json!({"title": "kept"})).await;
    let key = world.at.key.clone();
    let world = world.stop_and_restart();
    assert_eq!(world.at.key, key, "the key is made once");
    assert_eq!(world.get(&app, "/api/posts").await["items"][0]["title"], "kept");
}

#[tokio::test]
async fn a_taken_port_and_a_taken_directory_are_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    for option in ["--api-port", "--web-port"] {
        let mut up = Process::yonin(&["up", option, &port]);
        let (output, status) = up.output();
        assert_eq!((status.code(), output.as_str()), (Some(1), ""));
        assert!(up.log().contains("port-taken") && up.log().contains(&port), "{option}: {}", up.log());
    }
    let world = World::start();
    let taken = world.data_dir();
    for data_dir in [taken.to_str().expect("UTF-8"), "/proc/no-such-directory", "/dev/null"] {
        let mut second = Process::yonin(&["up", "--json", "--data-dir", data_dir]);
        let (output, status) = second.output();
        assert_eq!((status.code(), output.as_str()), (Some(2), ""), "its line is for those that are ready");
        assert!(second.log().contains("bad-configuration") && second.log().contains(data_dir), "{}", second.log());
    }
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_error() {
    let world = World::start();
    let connection = ["--url", &world.at.api, "--key", &world.at.key];
    for command in [vec!["tasks"], vec!["apps", "--json"], vec!["completions", "bash"]] {
        let mut process = Process::yonin(&[&connection[..], &command[..]].concat());
        assert_eq!(process.unread().code(), Some(0), "{command:?}: {}", process.log());
    }
}

#[tokio::test]
async fn the_command_line_follows_a_task_and_keeps_its_streams_apart() {
    let world = World::start();
    let app = world.fresh_app();
    let yonin = |arguments: &[&str]| {
        let mut all = vec!["--url", &world.at.api, "--key", &world.at.key];
        all.extend(arguments);
        let mut process = Process::yonin(&all);
        let (output, status) = process.output();
        (output, status.code(), process.log())
    };
    let (output, code, log) = yonin(&["submit", "notes(text:string!)", "--app", app.as_str(), "--wait", "--json"]);
    let task: protocol::task::Task = serde_json::from_str(&output).expect("the finished task, and nothing else");
    assert_eq!((task.status, code), (Status::Succeeded, Some(0)), "{log}");
    assert!(log.contains("verify") && log.contains("succeeded"), "{log}");

    let id = task.id.to_string();
    for (arguments, needle) in [
        (vec!["show", &id], "✓"),
        (vec!["diff", &id], "+++ b/"),
        (vec!["tasks"], id.as_str()),
        (vec!["apps"], app.as_str()),
        (vec!["releases", app.as_str()], "live"),
        (vec!["completions", "bash"], "complete"),
    ] {
        let (output, code, log) = yonin(&arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {log}");
        assert!(output.contains(needle), "{arguments:?}: {output}");
    }
    let (output, code, _) = yonin(&["submit", "Make me rich.", "--app", app.as_str(), "--wait", "--json"]);
    let failed: protocol::task::Task = serde_json::from_str(&output).expect("the finished task");
    assert_eq!((failed.status, code), (Status::Failed, Some(1)));
    let (_, code, log) = yonin(&["show", "not-an-id"]);
    assert_eq!(code, Some(2), "{log}");
}
