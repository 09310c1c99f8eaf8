//! What an agent takes of a machine while nobody asks it anything, and how long it takes to be ready.

use anyhow::{Context as _, ensure};
use benches::{Connection, Machine, Samples, Table};
use http::{Request, StatusCode};
use http_body_util::Full;
use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
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
async fn start(agent: &str) -> anyhow::Result<(Duration, u64)> {
    let dir = tempfile::tempdir()?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let program = binary(agent)?;
    let began = Instant::now();
    let mut agent = Agent(spawn(&program, port, dir.path())?);
    let ready = agent.ready(&format!("http://127.0.0.1:{port}")).await?;
    let after = ready - began;
    sleep(IDLE).await;
    Ok((after, agent.memory()?))
}

fn spawn(program: &Path, port: u16, dir: &Path) -> anyhow::Result<Child> {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("YONIN_LISTEN", format!("127.0.0.1:{port}"))
        .env("YONIN_STORE_URL", dir.join("store.db"))
        .env("YONIN_KEY", "a-key")
        .env("YONIN_SIGNING_KEY", "ab".repeat(32))
        .stdin(Stdio::null())
        .stderr(fs::File::create(dir.join("log"))?);
    command.spawn().with_context(|| format!("{} cannot be started", program.display()))
}

/// The program that was built together with this one.
fn binary(agent: &str) -> anyhow::Result<PathBuf> {
    let me = std::env::current_exe()?;
    let directory = me.ancestors().nth(2).context("a benchmark is in a directory of its profile")?;
    Ok(directory.join(format!("{agent}-agent")))
}

/// A running agent; killed when dropped.
struct Agent(Child);

impl Agent {
    /// When it says that it is.
    async fn ready(&mut self, origin: &str) -> anyhow::Result<Instant> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if asks(origin).await.is_ok_and(|status| status == StatusCode::OK) {
                return Ok(Instant::now());
            }
            let ended = self.0.try_wait()?;
            ensure!(ended.is_none(), "it ended: {ended:?}");
            ensure!(Instant::now() < deadline, "it is not ready after 10 s");
            sleep(Duration::from_millis(1)).await;
        }
    }

    fn memory(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn asks(origin: &str) -> anyhow::Result<StatusCode> {
    let mut connection = Connection::open(origin).await?;
    let request = Request::get("/readyz").header("host", "localhost").body(Full::default())?;
    Ok(connection.send(request).await?.status())
}
