//! A second release, and the way back.

use protocol::{
    artifact::{ChangeSet, ReleaseState},
    task::{Approval, Question, Stage, Status},
};
use reqwest::Method;
use serde_json::json;
use tests::World;

const FIRST: &str = "posts(title:string!, body:text)";
const SECOND: &str =
    "Add tags(name:string! unique) and let posts(title:string!, body:text, pinned:bool=false) be pinned.";

#[tokio::test]
async fn a_second_goal_adds_and_rollback_keeps_what_was_entered_in_between() {
    let world = World::start();
    let app = world.fresh_app();
    let first = world.goal(&app, FIRST).succeed().await.result.expect("a result");
    world.post(&app, "/api/posts", &json!({"title": "before"})).await;

    let second = world.goal(&app, SECOND).succeed().await;
    let changes: ChangeSet = world.client.artifact(second.id, "changes", None).await.expect("a change-set");
    assert_eq!(changes.base, Some(first.release), "the second starts from the first");
    let second = second.result.expect("a result");
    assert_ne!(second.release, first.release);
    let old = world.get(&app, "/api/posts/1").await;
    assert_eq!((&old["title"], &old["pinned"]), (&json!("before"), &json!(false)));
    world.post(&app, "/api/posts", &json!({"title": "between", "pinned": true})).await;
    world.post(&app, "/api/tags", &json!({"name": "日本"})).await;

    let back = world.rollback(&app, None).await;
    assert_eq!(back.status, Status::Succeeded, "{back:#?}");
    assert_eq!(back.result.expect("a result").release, first.release);
    assert_eq!(world.status(&app, Method::GET, "/api/tags").await, 404, "the first release knows no tags");
    let posts = world.get(&app, "/api/posts?sort=id").await;
    let titles: Vec<_> = posts["items"].as_array().expect("items").iter().map(|post| &post["title"]).collect();
    assert_eq!(titles, ["before", "between"]);
    let made = world.post(&app, "/api/posts", &json!({"title": "after"})).await;
    assert!(made.get("pinned").is_none());

    let releases = world.client.releases(&app).await.expect("releases").releases;
    let states: Vec<_> = releases.iter().map(|release| (release.digest, release.state)).collect();
    assert!(states.contains(&(first.release, ReleaseState::Live)), "{states:?}");
    assert!(states.contains(&(second.release, ReleaseState::RolledBack)), "{states:?}");

    let forward = world.rollback(&app, Some(second.release)).await;
    assert_eq!(forward.status, Status::Succeeded, "{forward:#?}");
    assert_eq!(world.get(&app, "/api/tags").await["items"][0]["name"], "日本");
}

#[tokio::test]
async fn no_rollback_takes_an_app_away() {
    let world = World::start();
    let app = world.fresh_app();
    let nothing_yet = world.rollback_refused(&app).await;
    world.goal(&app, FIRST).succeed().await;
    let nothing_before = world.rollback_refused(&app).await;
    let unknown = world.rollback(&app, Some(protocol::Digest::of_bytes(b"nothing"))).await.error.expect("refused");
    for problem in [nothing_yet, nothing_before, unknown] {
        assert_eq!(problem.code, protocol::Code::NoSuchRelease, "{problem}");
    }
    assert_eq!(world.status(&app, Method::GET, "/api/posts").await, 200, "it is still there");
}

#[tokio::test]
async fn a_person_is_asked_before_a_change_goes_live() {
    let world = World::start();
    let app = world.fresh_app();
    let task = world.goal(&app, FIRST).approval(Approval::Always).submit().await.expect("accepted");
    let asked = world.when(task.id, |task| task.status == Status::Waiting).await;
    assert_eq!(asked.stage, Stage::Approve);
    let Some(Question::Approval { preview, .. }) = asked.question else { panic!("{asked:#?}") };
    assert_eq!(world.open(&preview).await, 200, "the preview opens");
    assert_eq!(world.status(&app, Method::GET, "/").await, 404, "nothing is live yet");

    let approved = world.client.approve(task.id).await.expect("approved");
    assert_eq!((approved.status, approved.question), (Status::Running, None), "nobody is asked any more");
    assert_eq!(world.finished(task.id).await.status, Status::Succeeded);
    assert_eq!(world.status(&app, Method::GET, "/").await, 200);

    let second = world.goal(&app, SECOND).approval(Approval::Always).submit().await.expect("accepted");
    world.when(second.id, |task| task.status == Status::Waiting).await;
    world.client.reject(second.id, Some("not now".to_owned())).await.expect("rejected");
    let ended = world.finished(second.id).await;
    let problem = ended.error.expect("a rejected task says so");
    assert_eq!((problem.code, problem.detail.contains("not now")), (protocol::Code::Rejected, true));
    assert_eq!(world.status(&app, Method::GET, "/api/tags").await, 404);
}
