//! Makes releases live and takes them back while readers ask the live app for pages and rows: nobody may notice more than
//! that the app has changed.
//!
//! Every release says in five places who it is: in the file that a request comes in through, in the one that sends the answer, in
//! the style sheet, in a template and in the rows (see `tests::Planted`). An answer in which two of them differ is mixed.

mod load;
mod site;

use anyhow::ensure;
use benches::{Machine, Samples, Table};
use load::{Load, Tally};
use protocol::{
    AppName,
    task::{Status, Task},
};
use serde_json::json;
use site::Site;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tests::World;

/// Releases, each of which is then taken back.
const ROUNDS: usize = 10;
/// How long readers read before anything is swapped.
const QUIET: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let machine = Machine::look();
    let world = World::start();
    let app: AppName = "marked-shop".parse()?;
    ended_well(&world.goal(&app, "items(name:string!, r0:int=0)").run().await)?;
    world.post(&app, "/api/items", &json!({"name": "a thing"})).await;
    let site = Arc::new(Site::new(&world, &app));
    site.now().await?;

    println!("Warming up, then reading for {} s, then {ROUNDS} releases and rollbacks while reading.", QUIET.as_secs());
    Load::start(&site).run(Duration::from_secs(3)).await;
    let quiet = Load::start(&site).run(QUIET).await;
    let load = Load::start(&site);
    let swaps = swap(&world, &app, &site).await;
    let during = load.stop().await;

    println!(
        "\n{machine}\n{} readers, {} of them with a new connection for each request\n",
        load::READERS,
        load::FRESH
    );
    print!("{}", table(&quiet, &during));
    let (releases, rollbacks) = swaps?;
    println!("\nOne release took {} ms, one rollback {} ms, submit to done.", releases.spread(), rollbacks.spread());
    for (why, count) in quiet.wrong().chain(during.wrong()) {
        println!("{count} times: {why}");
    }
    let wrong = quiet.failed() + quiet.mixed() + during.failed() + during.mixed();
    ensure!(wrong == 0, "{wrong} answers were not as they should be");
    Ok(())
}

/// Each release adds a field; taking it back returns to the release before the first of them.
async fn swap(world: &World, app: &AppName, site: &Site) -> anyhow::Result<(Samples, Samples)> {
    let (mut releases, mut rollbacks) = (Samples::default(), Samples::default());
    for round in 1..=ROUNDS {
        let began = Instant::now();
        ended_well(&world.goal(app, &format!("items(r{round}:int=0)")).run().await)?;
        releases.add(began.elapsed());
        let now = site.now().await?;
        ensure!(now == format!("r{round}"), "release r{round} is live, and {now} is served");
        let began = Instant::now();
        ended_well(&world.rollback(app, None).await)?;
        rollbacks.add(began.elapsed());
        let now = site.now().await?;
        ensure!(now == "r0", "r{round} was taken back, and {now} is served");
    }
    Ok((releases, rollbacks))
}

fn ended_well(task: &Task) -> anyhow::Result<()> {
    ensure!(task.status == Status::Succeeded, "a task ended as {:?}: {:?}", task.status, task.error);
    Ok(())
}

fn table(quiet: &Tally, during: &Tally) -> Table {
    let mut table = Table::new(["", "requests", "failed", "mixed", "p50 ms", "p99 ms", "longest ms"]);
    for (phase, seen) in [("before", quiet), ("while swapping", during)] {
        table.row([
            phase.to_owned(),
            seen.latencies.len().to_string(),
            seen.failed().to_string(),
            seen.mixed().to_string(),
            seen.latencies.millis(0.5),
            seen.latencies.millis(0.99),
            seen.latencies.millis(1.0),
        ]);
    }
    table
}
