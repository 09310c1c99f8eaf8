//! Bugs that are planted into what the engine writes: each is found, and none is ever live.

use protocol::{Code, task::Stage};
use reqwest::Method;
use tests::{BUGS, World};

const GOAL: &str = "notes(title:string! unique, body:text, n:int=3)";

#[tokio::test]
async fn every_planted_bug_is_found_and_never_live() {
    assert!(BUGS.len() >= 12);
    let world = World::start();
    for bug in BUGS {
        let app = format!("bug-{}", bug.name).parse().expect("an app's name");
        let problem = world.goal(&app, GOAL).attempts(1).fail().await;
        assert_eq!(problem.code, Code::ChecksFailed, "{}: {problem}", bug.name);
        assert_eq!(world.status(&app, Method::GET, "/").await, 404, "{} went live", bug.name);
    }
}

#[tokio::test]
async fn a_bug_that_is_mended_after_the_findings_goes_live() {
    let world = World::start();
    let app = "mend-location".parse().expect("an app's name");
    let task = world.goal(&app, GOAL).attempts(2).succeed().await;
    assert_eq!((task.attempt, task.stage), (2, Stage::Done));
    assert_eq!(world.status(&app, Method::GET, "/").await, 200);
}
