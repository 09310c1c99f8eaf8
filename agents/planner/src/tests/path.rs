//! Ways that a task can go.

use super::{harness::Harness, world::broken};
use protocol::{
    Code,
    artifact::Check,
    event::{Event, What},
    task::{Question, Stage, Status},
};
use serde_json::json;

#[tokio::test]
async fn a_goal_becomes_a_live_release() {
    let harness = Harness::start().await;
    let task = harness.submit("posts(title:string!)", json!({})).await;
    let task = harness.ended(task.id).await;
    assert_eq!((task.status, task.stage, task.attempt), (Status::Succeeded, Stage::Done, 1), "{task:#?}");
    let result = task.result.expect("a result");
    assert_eq!(Some(result.release), harness.world.live("shop"));
    assert_eq!((result.url.as_str(), result.checks_passed), ("http://shop.localhost/", 2));
    let moved = harness.events(task.id, 0).await.into_iter().filter_map(|event| match event.what {
        What::Moved { stage, .. } => Some(stage),
        _ => None,
    });
    assert_eq!(
        moved.collect::<Vec<_>>(),
        [Stage::Plan, Stage::Design, Stage::Build, Stage::Verify, Stage::Release, Stage::Smoke]
    );
    for kind in ["plan", "design", "changes", "checks", "verdict", "smoke"] {
        assert_eq!(harness.get(&format!("/v1/tasks/{}/artifacts/{kind}", task.id)).await.status(), 200, "{kind}");
    }
    let diff = harness.get(&format!("/v1/tasks/{}/diff", task.id)).await.text().await.expect("text");
    assert!(diff.contains("+++ b/public/index.php\n@@ -0,0 +1 @@\n+<?php"), "{diff}");
    let turns = harness.world.state().turns.clone();
    assert!(turns.is_sorted_by(|one, next| one < next), "{turns:?}");
}

#[tokio::test]
async fn a_red_round_is_built_again_with_what_was_found() {
    let harness = Harness::start().await;
    harness.world.state().previews_green = [false, true].into();
    let task = harness.submit("posts(title:string!)", json!({})).await;
    let task = harness.ended(task.id).await;
    assert_eq!((task.status, task.attempt, task.usage.attempts), (Status::Succeeded, 2, 2));
    let state = harness.world.state();
    assert!(state.builds[0].findings.is_empty() && state.builds[0].before.is_none());
    assert_eq!(state.builds[1].findings[0].id, "posts.list");
    let text = format!("{:?}", state.builds[1].before.as_ref().expect("what the findings are about").files);
    assert!(text.contains("posts(title:string!) 1"), "{text}");
    assert_eq!(checks_given(&state.given), ["verify: ", "verify: proposed-1", "smoke: proposed-1"]);
}

#[tokio::test]
async fn a_task_that_stays_red_fails_and_leaves_nothing() {
    let harness = Harness::start().await;
    harness.world.state().previews_green = [false, false, false].into();
    let task = harness.submit("posts(title:string!)", json!({"budget": {"attempts": 2}})).await;
    let task = harness.ended(task.id).await;
    assert_eq!((task.status, task.stage, task.attempt), (Status::Failed, Stage::Verify, 2));
    assert_eq!(task.error.expect("a reason").code, Code::ChecksFailed);
    assert_eq!(harness.world.runs("build"), 2);
    assert_eq!(harness.world.state().discarded, [task.id]);
    assert_eq!(harness.world.live("shop"), None);
}

#[tokio::test]
async fn an_approval_is_bound_to_the_statements() {
    let harness = Harness::start().await;
    harness.world.state().destructive = true;
    let task = harness.submit("drop posts", json!({})).await;
    let task = harness.waiting(task.id).await;
    let Some(Question::Approval { statements, .. }) = task.question else { panic!("no question") };
    assert_eq!(harness.world.runs("release"), 0);
    let approved = harness.act(task.id, "approve").await.expect("approved");
    assert_eq!((approved.status, approved.question), (Status::Running, None), "nobody is asked any more");
    assert_eq!(harness.ended(task.id).await.status, Status::Succeeded);
    assert_eq!(harness.world.state().released[0].approved, [statements[0].checksum]);
    assert_eq!(harness.act(task.id, "approve").await.expect_err("over").code, Code::NotWaiting);
}

#[tokio::test]
async fn a_release_in_doubt_asks_and_is_done_again_or_given_up() {
    for (verb, ends) in [("approve", Status::Succeeded), ("reject", Status::Failed)] {
        let harness = Harness::start().await;
        harness.world.state().doubtful = Some("release");
        // What is given up is asked back, and the host knows that it never went live.
        harness.world.state().failing.insert("rollback", Code::BaseMoved.problem("nothing is live"));
        let task = harness.submit("posts(title:string!)", json!({})).await;
        let task = harness.waiting(task.id).await;
        let Some(Question::InDoubt { reason }) = task.question else { panic!("no doubt") };
        assert_eq!((task.stage, reason.contains("nobody knows")), (Stage::Release, true), "{reason}");
        let cancelled = harness.act(task.id, "cancel").await.expect_err("past the point of no return");
        assert_eq!(cancelled.code, Code::Releasing);
        let answered = harness.act(task.id, verb).await.expect("answered");
        assert_eq!((answered.status, answered.question), (Status::Running, None));
        let task = harness.ended(task.id).await;
        assert_eq!(task.status, ends, "{verb}");
        if verb == "reject" {
            assert_eq!(task.error.expect("a reason").code, Code::InDoubt);
        }
        let asked = |event: &Event| matches!(&event.what, What::Asked { question: Question::InDoubt { .. } });
        assert_eq!(harness.events(task.id, 0).await.iter().filter(|event| asked(event)).count(), 1);
    }
}

#[tokio::test]
async fn always_asks_and_a_rejected_change_never_goes_live() {
    let harness = Harness::start().await;
    let task = harness.submit("posts(title:string!)", json!({"approval": "always"})).await;
    harness.waiting(task.id).await;
    let body = json!({"reason": "not today"});
    assert_eq!(harness.post(&format!("/v1/tasks/{}/reject", task.id), body).await.status(), 200);
    let task = harness.ended(task.id).await;
    let error = task.error.expect("a reason");
    assert_eq!((task.status, task.stage, error.code), (Status::Failed, Stage::Approve, Code::Rejected));
    assert_eq!(error.detail, "not today");
    assert_eq!((harness.world.runs("release"), harness.world.live("shop")), (0, None));
    assert_eq!(harness.world.state().discarded, [task.id]);
}

#[tokio::test]
async fn auto_never_asks_and_never_loses_data() {
    let harness = Harness::start().await;
    harness.world.state().destructive = true;
    let task = harness.submit("drop posts", json!({"approval": "auto"})).await;
    let task = harness.ended(task.id).await;
    assert_eq!(task.error.expect("a reason").code, Code::ApprovalRequired);
    assert_eq!(harness.world.runs("release"), 0);
}

#[tokio::test]
async fn a_task_is_cancelled_in_every_stage_before_the_release() {
    for part in ["design", "build", "verify"] {
        let harness = Harness::start().await;
        harness.world.hold(part);
        let task = harness.submit("posts(title:string!)", json!({})).await;
        harness.ran(part, 1).await;
        harness.act(task.id, "cancel").await.expect("cancelled");
        let task = harness.ended(task.id).await;
        assert_eq!(task.status, Status::Cancelled, "{part}");
        let previews = usize::from(part != "design");
        assert_eq!(harness.world.state().discarded.len(), previews, "{part}");
        let last = harness.events(task.id, 0).await.pop().expect("events");
        assert!(matches!(last.what, What::Ended { status: Status::Cancelled, .. }));
    }
}

#[tokio::test]
async fn a_task_that_asks_can_be_cancelled() {
    let harness = Harness::start().await;
    let task = harness.submit("posts(title:string!)", json!({"approval": "always"})).await;
    harness.waiting(task.id).await;
    harness.act(task.id, "cancel").await.expect("cancelled");
    assert_eq!(harness.ended(task.id).await.status, Status::Cancelled);
    assert_eq!(harness.world.state().discarded, [task.id]);
}

#[tokio::test]
async fn a_release_under_way_cannot_be_cancelled() {
    let harness = Harness::start().await;
    harness.world.hold("release");
    let task = harness.submit("posts(title:string!)", json!({})).await;
    harness.ran("release", 1).await;
    assert_eq!(harness.act(task.id, "cancel").await.expect_err("too late").code, Code::Releasing);
    harness.world.let_go();
    assert_eq!(harness.ended(task.id).await.status, Status::Succeeded);
    assert_eq!(harness.act(task.id, "cancel").await.expect_err("over").code, Code::AlreadyFinished);
}

#[tokio::test]
async fn a_release_that_is_red_when_live_is_taken_back() {
    let harness = Harness::start().await;
    let first = harness.submit("one", json!({})).await;
    harness.ended(first.id).await;
    let live = harness.world.live("shop");
    harness.world.state().smoke_red = true;
    let task = harness.submit("two", json!({})).await;
    let task = harness.ended(task.id).await;
    assert_eq!((task.status, task.stage), (Status::Failed, Stage::Smoke));
    assert_eq!(task.error.expect("a reason").code, Code::SmokeFailed);
    assert_eq!(harness.world.live("shop"), live);
}

#[tokio::test]
async fn a_release_that_could_not_be_looked_at_is_taken_back() {
    let harness = Harness::start().await;
    let first = harness.submit("one", json!({})).await;
    harness.ended(first.id).await;
    let live = harness.world.live("shop");
    harness.world.state().failing.insert("smoke", broken());
    let task = harness.submit("two", json!({})).await;
    let task = harness.ended(task.id).await;
    assert_eq!((task.status, task.stage), (Status::Failed, Stage::Smoke));
    let error = task.error.expect("a reason");
    assert_eq!(error.code, Code::SmokeFailed);
    assert!(error.detail.contains(&broken().detail), "{error}");
    assert_eq!((harness.world.live("shop"), harness.world.runs("rollback")), (live, 1));
}

/// When the Coder's worker is lost in the middle of a release, nobody knows whether it went live.
#[tokio::test]
async fn a_release_that_may_have_gone_live_is_taken_back() {
    let harness = Harness::start().await;
    let first = harness.submit("one", json!({})).await;
    harness.ended(first.id).await;
    let live = harness.world.live("shop");
    harness.world.state().lost.push("release");
    let task = harness.submit("two", json!({})).await;
    let task = harness.ended(task.id).await;
    assert_eq!((task.status, task.stage), (Status::Failed, Stage::Release));
    assert_eq!(task.error.expect("a reason").code, Code::WorkerLost);
    assert_eq!((harness.world.live("shop"), harness.world.runs("rollback")), (live, 1));
}

#[tokio::test]
async fn a_release_that_did_not_go_live_needs_no_way_back() {
    let harness = Harness::start().await;
    harness.world.state().failing.insert("release", Code::WorkerLost.problem("gone"));
    harness.world.state().failing.insert("rollback", Code::BaseMoved.problem("nothing is live"));
    let task = harness.submit("one", json!({})).await;
    let task = harness.ended(task.id).await;
    assert_eq!((task.status, task.stage), (Status::Failed, Stage::Release));
    assert_eq!(task.error, Some(Code::WorkerLost.problem("gone")));
    assert_eq!(harness.world.state().discarded, [task.id]);
}

/// Nobody is asked twice for the same change, and nothing goes live on evidence that is old.
#[tokio::test]
async fn a_late_approval_is_tested_again() {
    let harness = Harness::start().await;
    harness.world.state().verdicts_hold = [1].into();
    let task = harness.submit("posts(title:string!)", json!({"approval": "always"})).await;
    harness.waiting(task.id).await;
    harness.act(task.id, "approve").await.expect("approved");
    let task = harness.ended(task.id).await;
    assert_eq!((task.status, task.attempt), (Status::Succeeded, 1), "{task:#?}");
    assert_eq!((harness.world.runs("build"), harness.world.runs("verify"), harness.world.runs("release")), (1, 2, 1));
    let verdict = harness.world.state().released[0].verdict.clone();
    assert!(verdict.expires_at > chrono::Utc::now(), "the fresh one");
    assert_eq!(task.result.expect("a result").verdict, verdict.digest());
    let given = checks_given(&harness.world.state().given);
    assert_eq!(given, ["verify: ", "verify: proposed-1", "smoke: proposed-1"]);
}

/// Which checks each test was to run again.
fn checks_given(given: &[(&'static str, Vec<Check>)]) -> Vec<String> {
    let ids = |checks: &[Check]| checks.iter().map(|check| check.id.clone()).collect::<Vec<_>>().join(" ");
    given.iter().map(|(test, checks)| format!("{test}: {}", ids(checks))).collect()
}

#[tokio::test]
async fn what_was_approved_after_its_preview_ended_is_built_again() {
    let harness = Harness::start().await;
    harness.world.state().previews_last = [1].into();
    let task = harness.submit("posts(title:string!)", json!({"approval": "always"})).await;
    harness.waiting(task.id).await;
    harness.act(task.id, "approve").await.expect("approved");
    let task = harness.ended(task.id).await;
    assert_eq!((task.status, task.attempt), (Status::Succeeded, 1), "{task:#?}");
    assert_eq!((harness.world.runs("build"), harness.world.runs("verify"), harness.world.runs("release")), (2, 2, 1));
}

#[tokio::test]
async fn what_a_peer_gives_up_with_is_what_the_task_fails_with() {
    let harness = Harness::start().await;
    harness.world.state().failing.insert("build", broken());
    // It does not end before its preview is closed.
    harness.world.state().failing.insert("discard", Code::HostUnavailable.problem("not now"));
    let task = harness.submit("posts(title:string!)", json!({})).await;
    let task = harness.ended(task.id).await;
    assert_eq!((task.stage, task.error), (Stage::Build, Some(broken())));
    assert_eq!(harness.world.state().discarded, [task.id]);
}

#[tokio::test]
async fn an_app_returns_to_the_release_before_but_not_to_nothing() {
    let harness = Harness::start().await;
    for goal in ["one", "two"] {
        let task = harness.submit(goal, json!({})).await;
        assert_eq!(harness.ended(task.id).await.status, Status::Succeeded);
    }
    let first = harness.world.state().released[1].base;
    let answer = harness.post("/v1/apps/shop/rollback", json!({})).await;
    assert_eq!(answer.status(), 202);
    let task: protocol::task::Task = answer.json().await.expect("a task");
    let task = harness.ended(task.id).await;
    assert_eq!((task.status, task.stage), (Status::Succeeded, Stage::Done), "{task:#?}");
    assert_eq!(task.result.map(|result| result.release), first);
    assert_eq!(
        checks_given(&harness.world.state().given).last().map(String::as_str),
        Some("smoke: "),
        "none of its own"
    );
    assert_eq!(harness.get(&format!("/v1/tasks/{}/tape", task.id)).await.status(), 404);
    let answer = harness.request(reqwest::Method::POST, "/v1/apps/shop/rollback").send().await.expect("an answer");
    let task: protocol::task::Task = answer.json().await.expect("a task");
    assert_eq!(harness.ended(task.id).await.error.expect("a reason").code, Code::NoSuchRelease);
    assert_eq!(harness.world.live("shop"), first);
}

#[tokio::test]
async fn the_second_task_of_an_app_starts_from_what_the_first_made_live() {
    let harness = Harness::start().await;
    harness.world.hold("verify");
    let first = harness.submit("one", json!({})).await;
    let second = harness.submit("two", json!({})).await;
    harness.ran("verify", 1).await;
    assert_eq!(harness.task(second.id).await.status, Status::Queued);
    harness.world.let_go();
    let first = harness.ended(first.id).await.result.expect("a result").release;
    assert_eq!(harness.ended(second.id).await.status, Status::Succeeded);
    let bases: Vec<_> = harness.world.state().released.iter().map(|release| release.base).collect();
    assert_eq!(bases, [None, Some(first)]);
}

#[tokio::test]
async fn a_planner_that_starts_again_goes_on_where_it_was() {
    let mut harness = Harness::start().await;
    harness.world.hold("build");
    let task = harness.submit("posts(title:string!)", json!({})).await;
    harness.ran("build", 1).await;
    harness.stop_planner().await;
    harness.world.let_go();
    harness.start_planner().await;
    assert_eq!(harness.ended(task.id).await.status, Status::Succeeded);
    for part in ["design", "build", "verify", "release", "smoke"] {
        assert_eq!(harness.world.runs(part), 1, "{part}");
    }
}

#[tokio::test]
async fn a_peer_that_comes_back_is_used_again() {
    let mut harness = Harness::start().await;
    harness.world.hold("design");
    let task = harness.submit("posts(title:string!)", json!({})).await;
    harness.ran("design", 1).await;
    harness.stop_coder().await;
    assert_eq!(harness.get("/v1/apps").await.status(), 503);
    harness.world.let_go();
    harness.until(task.id, |task| task.stage == Stage::Build).await;
    harness.start_coder().await;
    assert_eq!(harness.ended(task.id).await.status, Status::Succeeded);
}
