//! A goal becomes a live app.

use protocol::{
    artifact::{CheckResult, Outcome, Plan, Verdict, VerdictKind},
    event::What,
    task::Stage,
};
use serde_json::json;
use tests::World;

#[tokio::test]
async fn a_goal_in_english_and_one_in_japanese_go_live() {
    let world = World::start();
    let goals = [
        ("posts", "Build a small blog with posts(title:string!, body:text, views:int=0). Thanks!"),
        (
            "posts",
            "掲示板を作って。posts（title：string！，body：text，mood：enum（happy｜sad）＝happy）をお願いします。",
        ),
    ];
    for (resource, goal) in goals {
        let app = world.fresh_app();
        let task = world.goal(&app, goal).succeed().await;
        assert_eq!((task.goal.as_str(), task.stage, task.attempt), (goal, Stage::Done, 1));

        let result = task.result.expect("a task that succeeded has a result");
        let verdict = world.verdict(task.id).await;
        assert_eq!(result.verdict, verdict.digest());
        assert_eq!(result.checks_passed as usize, verdict.results.len());
        assert!(verdict.passed && verdict.kind == VerdictKind::Preview);
        assert!(verdict.results.iter().all(|result| result.outcome == Outcome::Passed));
        let plan: Plan = world.client.artifact(task.id, "plan", None).await.expect("a plan");
        for criterion in plan.criteria {
            let shows = |result: &&CheckResult| result.criterion.as_ref() == Some(&criterion.id);
            assert!(verdict.results.iter().any(|result| shows(&result)), "no check shows {}", criterion.text);
        }
        assert_eq!(verdict.caveats, Vec::<String>::new());
        assert!(Verdict::MANDATORY.iter().all(|id| verdict.results.iter().any(|result| result.id == *id)));

        let row = json!({"title": "初めての投稿 <b>"});
        let made = world.post(&app, &format!("/api/{resource}"), &row).await;
        assert_eq!((made["title"].as_str(), made["id"].is_i64()), (Some("初めての投稿 <b>"), true));
        let live = world.client.app(&app).await.expect("the app").live.expect("a live release");
        assert_eq!(live.digest, result.release);
        assert!(result.url.contains(&format!("{app}.localhost")), "{}", result.url);
        assert_eq!(world.open(&result.url).await, 200, "the printed URL opens");
    }
}

#[tokio::test]
async fn events_tell_the_whole_path_in_order_and_resume_anywhere() {
    use futures::TryStreamExt;
    let world = World::start();
    let app = world.fresh_app();
    let task = world.goal(&app, "notes(text:string!)").submit().await.expect("accepted");
    let events: Vec<_> = world.client.events(task.id).try_collect().await.expect("events until the end");

    assert!(events.iter().map(|event| event.seq).eq(1..=events.len() as u64), "gap-free from 1");
    assert_eq!(events[0].what, What::Submitted);
    assert!(matches!(events.last().map(|event| &event.what), Some(What::Ended { .. })));
    let mut stages: Vec<_> = events
        .iter()
        .filter_map(|event| match event.what {
            What::Moved { stage, .. } => Some(stage),
            _ => None,
        })
        .collect();
    stages.dedup();
    assert!(stages.is_sorted(), "{stages:?}");
    assert!(stages.contains(&Stage::Design) && stages.contains(&Stage::Smoke), "{stages:?}");

    // Each place in the history, as a client that lost its connection there would ask for the rest.
    for seen in [1, events.len() / 2, events.len() - 1] {
        let rest = world.raw_events(task.id, seen).await;
        let ids: Vec<u64> = rest.lines().filter_map(|line| line.strip_prefix("id:")?.trim().parse().ok()).collect();
        assert!(ids.into_iter().eq(seen as u64 + 1..=events.len() as u64), "after {seen}:\n{rest}");
    }
}

#[tokio::test]
async fn a_task_shows_its_plan_design_change_and_diff() {
    let world = World::start();
    let app = world.fresh_app();
    let task = world.goal(&app, "notes(text:string!)").succeed().await;
    let plan: protocol::artifact::Plan = world.client.artifact(task.id, "plan", None).await.expect("a plan");
    let design: protocol::artifact::Design = world.client.artifact(task.id, "design", None).await.expect("a design");
    let changes: protocol::artifact::ChangeSet =
        world.client.artifact(task.id, "changes", Some(1)).await.expect("a change-set");
    assert_eq!((plan.goal.as_str(), design.plan), ("notes(text:string!)", protocol::Digest::of(&plan)));
    assert!(design.resources.iter().any(|resource| resource.name == "notes"));
    let verdict = world.verdict(task.id).await;
    assert_eq!(verdict.change_set, changes.digest());
    let diff = world.client.diff(task.id).await.expect("a diff");
    for file in &changes.files {
        assert!(diff.contains(&format!("+++ b/{}", file.path)), "the diff lacks {}", file.path);
    }
}
