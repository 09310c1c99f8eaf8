//! An authenticated `tools/call` without I/O, through everything that a request passes here, beside bare axum, bare rmcp and the
//! official SDKs for Python and TypeScript that answer the same.
//!
//! Each server is a process of its own, so that its processor time can be told from the load's. Rounds go through the servers in
//! turn: what disturbs one disturbs the others, and the ratios hold where single figures do not.

mod load;
mod server;

use anyhow::Context as _;
use benches::{Machine, Table};
use load::Seen;
use server::{Kind, Server};

/// Rounds, after one that does not count.
const ROUNDS: usize = 7;

fn main() -> anyhow::Result<()> {
    if let Some(kind) = std::env::args().find_map(|argument| argument.strip_prefix("--serve=").map(str::to_owned)) {
        return server::run(Kind::named(&kind).context("a server of that name")?);
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(compare())
}

async fn compare() -> anyhow::Result<()> {
    let machine = Machine::look();
    let servers = Kind::ALL.map(Server::start);
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let mut seen = Vec::new();
        for server in &servers {
            let server = server.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))?;
            seen.push(load::run(server).await.with_context(|| server.kind.name())?);
        }
        if round > 0 {
            rounds.push(seen);
        }
    }
    println!(
        "\n{machine}\n{ROUNDS} rounds of {} s, {} connections; median (smallest to largest)\n",
        load::TIME.as_secs(),
        load::CONNECTIONS
    );
    print!("{}", table(&rounds));
    println!("\nbar: 0.25 of bare axum");
    Ok(())
}

fn table(rounds: &[Vec<Seen>]) -> Table {
    let mut table = Table::new(["server", "calls/s", "of axum's", "p99 ms", "processor µs per call", "of axum's"]);
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let of =
            |measure: fn(&Seen) -> f64| rounds.iter().map(move |round| (measure(&round[index]), measure(&round[0])));
        let rate = of(Seen::rate).map(|(own, _)| own);
        let rate_ratio = of(Seen::rate).map(|(own, axum)| own / axum);
        let cost = of(Seen::cost).map(|(own, _)| own);
        let cost_ratio = of(Seen::cost).map(|(own, axum)| own / axum);
        table.row([
            kind.name().to_owned(),
            spread(rate, 0),
            spread(rate_ratio, 2),
            spread(of(Seen::p99).map(|(own, _)| own), 2),
            spread(cost, 1),
            spread(cost_ratio, 2),
        ]);
    }
    table
}

fn spread(values: impl Iterator<Item = f64>, digits: usize) -> String {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    let (median, smallest, largest) = (values[values.len() / 2], values[0], values[values.len() - 1]);
    format!("{median:.digits$} ({smallest:.digits$} to {largest:.digits$})")
}
