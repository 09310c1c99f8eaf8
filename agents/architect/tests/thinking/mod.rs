//! The Architect with a language model, whose answers are on a tape.

mod scene;

use crate::{coder::Then, order};
use protocol::{Code, Digest, artifact::Design, chat::Message, tools::thinking::Allowance};
use runtime::PeerState;
use scene::{Scene, plan, shop, told};
use serde_json::{Value, json};

/// A design that holds together.
fn good() -> Value {
    json!({
        "summary": "Posts get comments.",
        "migrations": [
            {"id": "0002_create_comments", "sql": "create table comments (id bigint primary key, body text not null)"},
            {"id": "0003_index_comments", "sql": "create index by_body on comments (body(20))"},
        ],
        "endpoints": [{"method": "POST", "path": "/posts/{id}/comments", "purpose": "Adds one; 303 to the post."}],
        "cache": [{"key": "comments:*", "ttl_seconds": 300, "purpose": "A post's comments; a new one ends it."}],
        "files": [{"path": "src/Comments.php", "purpose": "Reads and writes comments."}],
        "tests": [{"criterion": "c1", "checks": "POST adds a row, which the page then shows."}],
    })
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut design = good();
    change(&mut design);
    design
}

#[tokio::test]
async fn a_model_reads_the_app_and_designs_on_it() {
    let scene = Scene::start(&[
        vec![
            ("read_files", json!({"paths": ["src/Posts.php", "src/none.php"]})),
            ("search", json!({"pattern": "function \\w+"})),
        ],
        vec![("submit_design", good())],
    ])
    .await;
    scene.coder.script.app.lock().expect("an app").replace(shop());
    let (design, turns) = scene.design(&order(plan())).await;

    let live = shop().live.expect("a live release").digest;
    assert_eq!((design.plan, design.base), (Digest::of(&plan()), Some(live)));
    assert!(design.resources.is_empty(), "the data model is in the migrations");
    let ids: Vec<_> = design.migrations.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["0002_create_comments", "0003_index_comments"]);
    assert_eq!((design.endpoints[0].method.as_str(), design.cache[0].ttl_seconds), ("POST", Some(300)));
    let made_by = design.made_by.expect("it says what made it");
    assert!(made_by.prompt.starts_with("architect@") && made_by.model == "tape:test", "{made_by:?}");

    let Some(Message::User { text }) = turns[0].said.first() else { panic!("nothing was said") };
    for shown in ["Let readers comment", "posts (about 0 rows)", "if ($path === '/posts')", "<data of=\"the plan\""] {
        assert!(text.contains(shown), "{shown:?} is not in:\n{text}");
    }
    let digests = [Digest::of(&plan()).to_string(), live.to_string()];
    assert!(!digests.iter().any(|digest| text.contains(digest)), "what only programs use is left out:\n{text}");
    let told = told(&turns[1]);
    assert!(told[0].contains("final class Posts") && told[0].contains("There is no file src/none.php"), "{told:?}");
    assert!(told[1].contains("src/Posts.php:3: "), "{told:?}");
}

#[tokio::test]
async fn what_does_not_hold_together_is_refused_with_every_reason() {
    type Case = (fn(&mut Value), &'static str);
    let cases: Vec<Case> = vec![
        (|one| one["tests"] = json!([]), "nothing tests the criterion c1"),
        (|one| one["tests"][0]["criterion"] = json!("c9"), "no criterion c9"),
        (|one| one["migrations"][0]["id"] = json!("0001_again"), "must come after 0001_create_posts"),
        (|one| one["migrations"][1]["id"] = json!("0002_create_comments"), "must come after 0002_create_comments"),
        (|one| one["migrations"][0]["id"] = json!("comments"), "must be four digits"),
        (|one| one["migrations"][0]["sql"] = json!("create table a (id int); drop table b"), "exactly one statement"),
        (|one| one["migrations"][0]["sql"] = json!("drop database app_other"), "0002_create_comments"),
        (|one| one["migrations"][0]["sql"] = json!("insert into app_other.users values (1)"), "another schema"),
        (|one| one["migrations"][0]["sql"] = json!("drop table posts"), "is destructive: Drops the table"),
        (|one| one["destructive"] = json!(["0002_create_comments"]), "only adds"),
        (|one| one["destructive"] = json!(["0009_x"]), "no migration 0009_x"),
        (|one| one["files"][0]["path"] = json!("../other/index.php"), "is not the path of a file"),
        (|one| one["endpoints"][0]["path"] = json!("posts"), "must start with `/`"),
        (|one| one["endpoints"][0]["method"] = json!("FETCH"), "at endpoints[0].method"),
        (|one| one["summary"] = json!(" "), "it is empty"),
        (|one| one["base"] = json!("x"), "unknown field `base`"),
    ];
    let mut turns: Vec<_> = cases.iter().map(|(change, _)| vec![("submit_design", with(change))]).collect();
    turns.push(vec![("submit_design", good())]);
    let scene = Scene::start(&turns).await;
    scene.coder.script.app.lock().expect("an app").replace(shop());
    let (_, turns) = scene.design(&order(plan())).await;
    for ((_, why), turn) in cases.iter().zip(&turns[1..]) {
        let told = told(turn);
        assert!(told[0].contains(why), "{:?} lacks {why:?}", told[0]);
    }
}

#[tokio::test]
async fn what_can_lose_data_is_designed_when_it_is_meant() {
    let drop = with(|one| {
        one["migrations"][1] = json!({"id": "0003_drop_old", "sql": "alter table posts drop column old"});
        one["destructive"] = json!(["0003_drop_old"]);
    });
    let scene = Scene::start(&[vec![("submit_design", drop)]]).await;
    scene.coder.script.app.lock().expect("an app").replace(shop());
    let (design, _) = scene.design(&order(plan())).await;
    assert_eq!(design.migrations[1].id, "0003_drop_old");
}

#[tokio::test]
async fn a_run_that_follows_on_a_crash_asks_nothing_again() {
    let turns = [vec![("read_files", json!({"paths": ["docs/notes.txt"]}))], vec![("submit_design", good())]];
    let mut scene = Scene::start(&turns).await;
    scene.coder.script.app.lock().expect("an app").replace(shop());
    // The app, its code, and then the file that the model asks for.
    (0..2).for_each(|_| scene.coder.script.next(Then::Go));
    scene.coder.script.next(Then::Hang);
    let job = scene.begin(&order(plan())).await;
    scene.coder.script.called(3).await;
    scene.crash().await;
    let PeerState::Done(design) = scene.end(job).await else { panic!("not done") };
    let design: Design = design;
    assert_eq!(design.migrations.len(), 2);
    let turns = scene.turns(job).await;
    assert_eq!(turns.len(), 2);
    assert!(turns.iter().all(|turn| turn.tries.len() == 1), "a call was made again");
}

#[tokio::test]
async fn a_release_that_goes_live_meanwhile_ends_the_design() {
    let turns = [vec![("read_files", json!({"paths": ["docs/notes.txt"]}))], vec![("submit_design", good())]];
    let mut scene = Scene::start(&turns).await;
    scene.coder.script.app.lock().expect("an app").replace(shop());
    (0..2).for_each(|_| scene.coder.script.next(Then::Go));
    scene.coder.script.next(Then::Hang);
    let job = scene.begin(&order(plan())).await;
    scene.coder.script.called(3).await;
    let mut moved = shop();
    moved.live.as_mut().expect("a live release").digest = Digest::of("another");
    scene.coder.script.app.lock().expect("an app").replace(moved);
    scene.crash().await;
    match scene.end(job).await {
        PeerState::Failed(problem) => assert_eq!(problem.code, Code::BaseMoved),
        other => panic!("expected a failure, got {other:?}"),
    }
}

#[tokio::test]
async fn a_design_ends_before_the_call_that_it_cannot_pay() {
    let scene = Scene::start(&[vec![("submit_design", good())]]).await;
    let mut order = order(plan());
    order.allowance = Allowance { tokens: 1_000, micro_usd: None };
    let job = scene.begin(&order).await;
    match scene.end(job).await {
        PeerState::Failed(problem) => assert_eq!(problem.code, Code::BudgetExhausted),
        other => panic!("expected a failure, got {other:?}"),
    }
    assert_eq!(scene.turns(job).await.len(), 0);
}

#[tokio::test]
async fn a_model_that_is_led_astray_only_reads_the_app() {
    let read = |path: &str| ("read_files", json!({"paths": [path]}));
    let astray = vec![
        read("../../etc/passwd"),
        read("/etc/passwd"),
        read("public/index.php\0"),
        ("read_files", json!({"paths": [], "app": "other"})),
        ("read_files", json!({"paths": vec!["src/Posts.php"; 1_000]})),
        ("search", json!({"pattern": "(a+)+$("})),
        ("write_file", json!({"path": "public/index.php", "content": "<?php"})),
        ("build", json!({})),
    ];
    let count = astray.len();
    let scene = Scene::start(&[astray, vec![("submit_design", good())]]).await;
    scene.coder.script.app.lock().expect("an app").replace(shop());
    let (_, turns) = scene.design(&order(plan())).await;
    assert_eq!(told(&turns[1]).len(), count);
    assert!(told(&turns[1]).iter().all(|said| said.len() < 500), "{:?}", told(&turns[1]));
    let files = scene.coder.script.files.lock().expect("files").concat();
    let tree: Vec<_> = shop().tree.into_iter().map(|file| file.path).collect();
    assert!(files.iter().all(|file| tree.contains(file)), "only files of the app are asked for: {files:?}");
}
