//! The servers that are compared, each in a process of its own.

mod axum;
mod rmcp;
mod yonin;

use anyhow::{Context as _, ensure};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};
use tests::clients::Clients;

/// What answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A handler that reads the JSON and writes the JSON.
    Axum,
    /// The MCP library with nothing around it: no key, no limits, no metrics.
    Rmcp,
    /// A service of ours with all that a request passes.
    Yonin,
    /// The official SDK for Python with nothing around it.
    Python,
    /// The official SDK for TypeScript with nothing around it, on Node.
    TypeScript,
}

impl Kind {
    /// All, the one that the others are compared with first.
    pub(crate) const ALL: [Self; 5] = [Self::Axum, Self::Rmcp, Self::Yonin, Self::Python, Self::TypeScript];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Axum => "axum",
            Self::Rmcp => "rmcp",
            Self::Yonin => "yonin",
            Self::Python => "python",
            Self::TypeScript => "typescript",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The key that all of them are called with; only one looks at it.
const KEY: &str = "yonin_a-key-of-a-benchmark";

/// Serves until standard input ends: a server never outlives who started it. Its origin is the first line it prints.
pub(crate) fn run(kind: Kind) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let serving = runtime.block_on(async {
        match kind {
            Kind::Axum => axum::start().await,
            Kind::Rmcp => rmcp::start().await,
            Kind::Yonin => yonin::start().await,
            Kind::Python | Kind::TypeScript => anyhow::bail!("it is a program of its own"),
        }
    })?;
    println!("{}", serving.origin);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// A server at work in this process, as long as it is kept.
struct Serving {
    origin: String,
    _running: Option<runtime::Running>,
}

/// A server at work in a process of its own; it ends when this is dropped.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) origin: String,
    pub(crate) key: String,
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Server {
    pub(crate) fn start(kind: Kind) -> anyhow::Result<Self> {
        let mut child = program(kind)?.env("YONIN_LOG", "warn").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take();
        let mut origin = String::new();
        BufReader::new(child.stdout.take().context("it is piped")?).read_line(&mut origin)?;
        let server = Self { kind, origin: origin.trim().to_owned(), key: KEY.to_owned(), child, stdin };
        ensure!(server.origin.starts_with("http://"), "{} did not start", kind.name());
        Ok(server)
    }

    /// The processor time it has used so far.
    pub(crate) fn processor(&self) -> anyhow::Result<Duration> {
        /// The kernel counts in hundredths of a second, whatever it is built with.
        const TICK: Duration = Duration::from_millis(10);
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // After the name, which may hold anything: state, ten numbers, then user and system time.
        let (_, fields) = stat.rsplit_once(") ").context("a process's stat")?;
        let times = fields.split(' ').skip(11).take(2).map(str::parse::<u32>);
        Ok(TICK * times.sum::<Result<u32, _>>()?)
    }
}

/// What serves it: this program, or one of others'.
fn program(kind: Kind) -> anyhow::Result<Command> {
    Ok(match kind {
        Kind::Python => Clients::installed().python("echo.py").into_std(),
        Kind::TypeScript => Clients::installed().node("echo.mjs").into_std(),
        Kind::Axum | Kind::Rmcp | Kind::Yonin => {
            let mut own = Command::new(std::env::current_exe()?);
            own.arg(format!("--serve={}", kind.name()));
            own
        }
    })
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It has ended, or never began.
        let _ = self.child.wait();
    }
}
