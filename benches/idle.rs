//! What an agent takes of a machine while nobody asks it anything, and how long it takes to be ready.

use anyhow::Context as _;
use benches::{Agent, Machine, Samples, Table};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Starts of each agent, every one on an empty store.
const STARTS: usize = 5;
/// How long it is left alone before its memory is looked at.
const IDLE: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let machine = Machine::look();
    let mut table = Table::new(["agent", "ready after ms (bar: 200)", "RSS MiB (bar: 15)"]);
    for agent in ["planner", "architect", "coder", "tester"] {
        let (mut ready, mut memory) = (Samples::default(), Vec::new());
        for _ in 0..STARTS {
            let (after, bytes) = start(agent).await.with_context(|| format!("{agent}-agent"))?;
            ready.add(after);
            memory.push(bytes);
        }
        memory.sort_unstable();
        let mib = |bytes: u64| format!("{:.1}", bytes as f64 / f64::from(1 << 20));
        let memory = format!("{} ({} to {})", mib(memory[STARTS / 2]), mib(memory[0]), mib(memory[STARTS - 1]));
        table.row([agent.to_owned(), ready.spread(), memory]);
    }
    println!(
        "\n{machine}\n{STARTS} starts of each, {} s idle; median (smallest to largest)\n\n{table}",
        IDLE.as_secs()
    );
    Ok(())
}

/// How long it took to answer at `/readyz`, and the memory it holds after a while, in bytes.
async fn start(name: &str) -> anyhow::Result<(Duration, u64)> {
    let dir = tempfile::tempdir()?;
    let began = Instant::now();
    let mut agent = Agent::start(name, dir.path(), &[])?;
    let ready = agent.ready().await?;
    sleep(IDLE).await;
    Ok((ready - began, agent.memory()?))
}
