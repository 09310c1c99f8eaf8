//! Clients that others wrote are asked about a change that loses data: what they say to the form decides.

use super::said;
use protocol::{
    AppName, Code, Digest, TaskId,
    task::{Status, Task},
};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tests::{
    World,
    clients::Clients,
    provider::{Asked, Provider, Says},
    team,
};
use tokio::process::Command;

/// What the model adds to what it was asked for.
const LOSES: &str = "alter table notes drop column body";

#[derive(Debug, Deserialize)]
struct Decided {
    protocol: String,
    id: TaskId,
    /// The words of each form that it was shown.
    forms: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_client_decides_about_a_change_that_loses_data() {
    let provider = Provider::answering(says).await;
    let model = format!("openai:team@{}/v1", provider.url());
    let world = World::with(&[("YONIN_MODEL", &model), ("YONIN_MODEL_KEY", "key")]);
    let clients = Clients::installed();
    let (python, typescript) = (|| clients.python("team.py"), || clients.node("team.mjs"));
    let (modern, old) = (("auto", "2026-07-28"), ("legacy", "2025-11-25"));
    let first = async {
        let club = club(&world, "py-auto").await;
        declines(&world, python(), modern, &club).await;
        approves(&world, python(), modern, &club).await;
    };
    let club_and_approves = async |command: Command, era: (&str, &str), name: &str| {
        approves(&world, command, era, &club(&world, name).await).await;
    };
    tokio::join!(
        first,
        club_and_approves(python(), old, "py-legacy"),
        club_and_approves(typescript(), modern, "ts-auto"),
        club_and_approves(typescript(), old, "ts-legacy"),
    );
}

async fn declines(world: &World, command: Command, era: (&str, &str), app: &AppName) {
    let before = (live(world, app).await, notes(world, app).await);
    let task = decided(world, command, era, app, "decline").await;
    assert_eq!(task.error.map(|problem| problem.code), Some(Code::Rejected));
    assert_eq!((live(world, app).await, notes(world, app).await), before, "the app is as it was");
    assert_eq!(world.status(app, Method::GET, "/hello/decline").await, 404);
}

async fn approves(world: &World, command: Command, era: (&str, &str), app: &AppName) {
    let before = live(world, app).await;
    let task = decided(world, command, era, app, "approve").await;
    assert_eq!(task.status, Status::Succeeded, "{task:#?}");
    assert_ne!(live(world, app).await, before);
    assert_eq!(world.status(app, Method::GET, "/hello/approve").await, 200);
    let left = format!(
        "select column_name from information_schema.columns where table_schema = 'app_{app}' and table_name = 'notes'
         order by ordinal_position"
    );
    assert_eq!(world.ask(&left), ["id", "tag"]);
}

/// The task, once a client has decided about it: asked once, and shown what would be lost.
async fn decided(
    world: &World,
    mut command: Command,
    (mode, protocol): (&str, &str),
    app: &AppName,
    decision: &str,
) -> Task {
    let goal = team::add(decision);
    command.args(["decide", &world.at.mcp, mode, app.as_str(), &goal, decision]).env("YONIN_KEY", &world.at.key);
    let decided: Decided = said(&mut command).await;
    assert_eq!(decided.protocol, protocol);
    let [form] = &decided.forms[..] else { panic!("asked once: {:?}", decided.forms) };
    assert!(form.contains(LOSES) && form.contains(&goal), "{form}");
    world.client.task(decided.id).await.expect("the task")
}

/// A club with a note, which has something to lose.
async fn club(world: &World, name: &str) -> AppName {
    let app = name.parse().expect("a name");
    world.goal(&app, &team::make(name)).succeed().await;
    world.post(&app, "/api/notes", &json!({"tag": "a", "body": "to be kept"})).await;
    app
}

async fn live(world: &World, app: &AppName) -> Digest {
    world.client.app(app).await.expect("the app").live.expect("it is live").digest
}

async fn notes(world: &World, app: &AppName) -> Value {
    world.get(app, "/api/notes").await
}

fn says(asked: &Asked) -> Says {
    let changes = team::added(asked).is_some() && asked.agent() == "coder" && asked.turn() == 0;
    if changes {
        return Says::call("add_migration", &json!({"id": "0009_notes", "sql": LOSES}));
    }
    team::answer(asked, &[])
}
