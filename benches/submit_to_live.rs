//! How long a goal of two resources takes from submit to live, and where the time goes.

use anyhow::{Context as _, ensure};
use benches::{Machine, Samples, Table};
use protocol::{
    artifact::{CheckResult, Verdict},
    event::{Event, What},
    task::{Stage, Status},
};
use std::{collections::BTreeMap, time::Duration};
use tests::World;

const GOAL: &str = "posts(title:string!, body:text, views:int=0, status:enum(draft|open)=draft, author:ref(users)); \
                    users(name:string! unique)";
/// So many new apps, one after the other.
const RUNS: usize = 10;
const BAR: &str = "bar: 3000 ms";

/// The stages a task passes, in their order.
const STAGES: [Stage; 6] = [Stage::Plan, Stage::Design, Stage::Build, Stage::Verify, Stage::Release, Stage::Smoke];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let machine = Machine::look();
    let world = World::start();
    // The first app of a world warms it up, and counts for itself.
    let cold = run(&world).await?;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(run(&world).await?);
    }
    println!("\n{machine}\n{RUNS} runs after a first one\n");
    print!("{}", stages(&runs));
    println!("\nThe very first: {} ms. {BAR}\n", cold.total().as_millis());
    print!("{}", checks(&runs));
    Ok(())
}

/// One task: how long it was in each stage, and what the Tester did meanwhile.
struct Run {
    stages: BTreeMap<&'static str, Duration>,
    verdict: Verdict,
}

impl Run {
    fn total(&self) -> Duration {
        self.stages.values().sum()
    }

    fn checks(&self) -> Duration {
        (self.verdict.finished_at - self.verdict.started_at).to_std().unwrap_or_default()
    }
}

async fn run(world: &World) -> anyhow::Result<Run> {
    let task = world.goal(&world.fresh_app(), GOAL).run().await;
    ensure!(task.status == Status::Succeeded, "a task ended as {:?}: {:?}", task.status, task.error);
    let events = events(&world.raw_events(task.id, 0).await)?;
    Ok(Run {
        stages: times(&events)?,
        verdict: world.client.artifact(task.id, "verdict", None).await.context("a verdict")?,
    })
}

fn events(stream: &str) -> anyhow::Result<Vec<Event>> {
    let data = stream.lines().filter_map(|line| line.strip_prefix("data:"));
    data.map(|json| serde_json::from_str(json).context("an event")).collect()
}

/// From one move to the next, the task is in one stage.
fn times(events: &[Event]) -> anyhow::Result<BTreeMap<&'static str, Duration>> {
    let mut times = BTreeMap::new();
    let first = events.first().context("a task has events")?;
    let (mut stage, mut since) = (Stage::Plan, first.at);
    for event in events {
        let next = match event.what {
            What::Moved { stage, .. } => stage,
            What::Ended { .. } => Stage::Done,
            _ => continue,
        };
        *times.entry(stage.as_str()).or_default() += (event.at - since).to_std().unwrap_or_default();
        (stage, since) = (next, event.at);
    }
    ensure!(stage == Stage::Done, "the task's events end in {}", stage.as_str());
    Ok(times)
}

fn stages(runs: &[Run]) -> Table {
    let total: Samples = runs.iter().map(Run::total).collect();
    let mut table = Table::new(["stage", "median ms", "smallest", "largest", "share"]);
    let mut row = |name: &str, samples: &Samples| {
        let share = samples.median().as_secs_f64() / total.median().as_secs_f64();
        table.row([
            name.to_owned(),
            samples.millis(0.5),
            samples.millis(0.0),
            samples.millis(1.0),
            format!("{:.0} %", share * 100.0),
        ]);
    };
    for stage in STAGES {
        let of = |run: &Run| run.stages.get(stage.as_str()).copied().unwrap_or_default();
        row(stage.as_str(), &runs.iter().map(of).collect());
        if stage == Stage::Verify {
            row("  of that, checks", &runs.iter().map(Run::checks).collect());
        }
    }
    row("submit to live", &total);
    table
}

/// Checks of all runs by what they do, those that took most first. Each counts whole milliseconds, so sums fall short.
fn checks(runs: &[Run]) -> Table {
    let mut groups = BTreeMap::<&str, Vec<&CheckResult>>::new();
    for result in runs.iter().flat_map(|run| &run.verdict.results) {
        groups.entry(act(result)).or_default().push(result);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, results)| std::cmp::Reverse(spent(results)));
    let mut table = Table::new(["checks of one run", "how many", "ms in all", "slowest"]);
    for (act, results) in groups {
        let slowest = results.iter().max_by_key(|result| result.millis);
        table.row([
            act.to_owned(),
            (results.len() / runs.len()).to_string(),
            (spent(&results).as_millis() / runs.len() as u128).to_string(),
            slowest.map_or_else(String::new, |result| format!("{} ({} ms)", result.id, result.millis)),
        ]);
    }
    table
}

/// The method of a request; `SQL`; the id of what the runner adds itself; what is left looks at keys and at the log.
fn act(result: &CheckResult) -> &str {
    let first = result.evidence.sent.split(' ').next().unwrap_or_default();
    match first {
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" => first,
        "select" => "SQL",
        _ if Verdict::MANDATORY.contains(&result.id.as_str()) => &result.id,
        _ => "keys, log",
    }
}

fn spent(results: &[&CheckResult]) -> Duration {
    results.iter().map(|result| Duration::from_millis(result.millis)).sum()
}
