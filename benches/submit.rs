//! How long a submit takes over REST until it is durable, at 200 a second.
//!
//! Requests begin by the clock, whether or not earlier ones were answered, and each counts from when it was due: a pause of
//! the server shows in all that had to wait for it. Every submit is a task of its own. Those of the first part queue behind one
//! that waits for a person, so that nothing else goes on; in the second, the team works on one task after another meanwhile.

use anyhow::{Context as _, ensure};
use benches::{Connection, Machine, Samples, Table};
use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;
use protocol::{
    AppName, TaskId,
    rest::SubmitTask,
    task::{Approval, Budget, Status},
};
use std::{sync::Arc, time::Duration};
use tests::World;
use tokio::{
    sync::{Mutex, mpsc},
    time::{Instant, sleep_until},
};

/// Submits per second.
const RATE: u32 = 200;
/// How long.
const TIME: Duration = Duration::from_secs(15);
/// Connections that share them; more than are ever busy at the bar.
const CONNECTIONS: usize = 32;

const GOAL: &str = "posts(title:string!, body:text); users(name:string! unique)";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let machine = Machine::look();
    let mut table = Table::new(["meanwhile", "submits", "p50 ms", "p99 ms", "longest ms", "bar: p99"]);
    for (meanwhile, approval) in [("nothing", Approval::Always), ("one task after another", Approval::Auto)] {
        let world = World::start();
        let app = world.fresh_app();
        let first = world.goal(&app, GOAL).approval(approval).submit().await?;
        world.when(first.id, |task| matches!(task.status, Status::Waiting | Status::Succeeded)).await;
        let samples = submit(&world, &app, approval).await?;
        table.row([
            meanwhile.to_owned(),
            samples.len().to_string(),
            samples.millis(0.5),
            samples.millis(0.99),
            samples.millis(1.0),
            "20 ms".to_owned(),
        ]);
    }
    println!("\n{machine}\n{RATE} submits a second for {} s\n\n{table}", TIME.as_secs());
    Ok(())
}

async fn submit(world: &World, app: &AppName, approval: Approval) -> anyhow::Result<Samples> {
    let (give_back, free) = mpsc::channel(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        give_back.send(Connection::open(&world.at.api).await?).await?;
    }
    let free = Arc::new(Mutex::new(free));
    let submit =
        SubmitTask { goal: GOAL.to_owned(), app: app.clone(), approval, budget: Budget::default(), labels: [].into() };
    let body = Bytes::from(serde_json::to_vec(&submit)?);
    let mut asked = tokio::task::JoinSet::new();
    let start = Instant::now();
    for number in 0..RATE * u32::try_from(TIME.as_secs())? {
        let due = start + Duration::from_secs(1) * number / RATE;
        sleep_until(due).await;
        let request = request(world, body.clone())?;
        let (give_back, free) = (give_back.clone(), Arc::clone(&free));
        asked.spawn(async move {
            let mut connection = free.lock().await.recv().await.context("a connection")?;
            let answer = connection.send(request).await?;
            let took = due.elapsed();
            give_back.send(connection).await?;
            ensure!(answer.status() == StatusCode::ACCEPTED, "{}: {:?}", answer.status(), answer.body());
            Ok(took)
        });
    }
    asked.join_all().await.into_iter().collect()
}

fn request(world: &World, body: Bytes) -> anyhow::Result<Request<Full<Bytes>>> {
    let request = Request::post("/v1/tasks")
        .header(header::HOST, world.at.api.trim_start_matches("http://"))
        .header(header::AUTHORIZATION, format!("Bearer {}", world.at.key))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", TaskId::fresh().to_string());
    Ok(request.body(Full::new(body))?)
}
