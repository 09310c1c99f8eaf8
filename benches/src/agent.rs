use crate::Connection;
use anyhow::{Context as _, ensure};
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

/// An agent as a process of its own, on a free port; killed when dropped.
pub struct Agent {
    /// Where it answers.
    pub origin: String,
    child: Child,
}

impl Agent {
    /// Starts the `NAME-agent` that was built together with this program. Its log, and its store unless the variables say
    /// otherwise, are in this directory.
    ///
    /// # Errors
    /// When it was not built, or cannot be started.
    pub fn start(name: &str, directory: &Path, variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let program = binary(name)?;
        let mut command = Command::new(&program);
        command
            .env_clear()
            .env("YONIN_LISTEN", format!("127.0.0.1:{port}"))
            .env("YONIN_STORE_URL", directory.join("store.db"))
            .env("YONIN_KEY", "a-key")
            .env("YONIN_SIGNING_KEY", "ab".repeat(32))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stderr(fs::File::create(directory.join("log"))?);
        let child = command.spawn().with_context(|| format!("{} cannot be started", program.display()))?;
        Ok(Self { origin: format!("http://127.0.0.1:{port}"), child })
    }

    /// When it says that it is ready.
    ///
    /// # Errors
    /// When it ends before, or has not said so after ten seconds.
    pub async fn ready(&mut self) -> anyhow::Result<Instant> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if asks(&self.origin).await.is_ok_and(|status| status == StatusCode::OK) {
                return Ok(Instant::now());
            }
            let ended = self.child.try_wait()?;
            ensure!(ended.is_none(), "it ended: {ended:?}");
            ensure!(Instant::now() < deadline, "it is not ready after 10 s");
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// The memory it holds, in bytes.
    ///
    /// # Errors
    /// When it has ended.
    pub fn memory(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    }

    /// The processor time it has taken so far.
    ///
    /// # Errors
    /// When it has ended.
    pub fn processor(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Behind the program's name, which may hold anything, fields 14 and 15 are counted in hundredths of a second.
        let (_, fields) = stat.rsplit_once(')').context("a name")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * 10))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program that was built together with this one.
fn binary(agent: &str) -> anyhow::Result<PathBuf> {
    let me = std::env::current_exe()?;
    let directory = me.ancestors().nth(2).context("a benchmark is in a directory of its profile")?;
    Ok(directory.join(format!("{agent}-agent")))
}

async fn asks(origin: &str) -> anyhow::Result<StatusCode> {
    let mut connection = Connection::open(origin).await?;
    let request = Request::get("/readyz").header("host", "localhost").body(Full::default())?;
    Ok(connection.send(request).await?.status())
}
