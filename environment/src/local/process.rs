use super::{LocalError, programs};
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use std::{
    ffi::OsString,
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::mpsc,
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    sync::oneshot,
};

/// A user and group that a server works as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Owner {
    /// The user of this name, or nobody; `None` where this process may not switch: then all servers work as its own user.
    pub(crate) fn named(name: &str) -> Option<Self> {
        if !may_switch() {
            return None;
        }
        let user = [name, "nobody"].into_iter().find_map(|name| nix::unistd::User::from_name(name).ok().flatten())?;
        Some(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() })
    }
}

/// This process may start others as other users.
pub(crate) fn may_switch() -> bool {
    nix::unistd::geteuid().is_root()
}

/// What to start, and how.
pub(crate) struct Launch<'a> {
    pub(crate) name: &'static str,
    pub(crate) program: &'a Path,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(&'static str, OsString)>,
    pub(crate) owner: Option<Owner>,
    /// What the kernel sends it when this process is killed.
    pub(crate) on_death: Signal,
    /// What it writes to its outputs is appended here.
    pub(crate) log: PathBuf,
}

/// Starts processes from one thread that lives as long as this handle: the kernel sends a child its death signal when the
/// *thread* that started it ends, and the runtime's own threads come and go.
#[derive(Debug, Clone)]
pub(crate) struct Spawner {
    orders: mpsc::Sender<(Command, oneshot::Sender<io::Result<Child>>)>,
    setpriv: PathBuf,
}

impl Spawner {
    /// A spawner for the runtime it is made in.
    pub(crate) fn new() -> Result<Self, LocalError> {
        let setpriv = programs::setpriv()?;
        let (orders, incoming) = mpsc::channel::<(Command, oneshot::Sender<io::Result<Child>>)>();
        let runtime = tokio::runtime::Handle::current();
        let work = move || {
            let _entered = runtime.enter();
            for (mut command, reply) in incoming {
                // Nobody waits any more: the child is dropped, and killed with it.
                let _ = reply.send(command.spawn());
            }
        };
        let named = std::thread::Builder::new().name("spawner".to_owned());
        named.spawn(work).map_err(|source| LocalError::Spawn { program: "a thread".to_owned(), source })?;
        Ok(Self { orders, setpriv })
    }

    /// Starts a server that ends with this process, also when this process is killed. It is in a process group of its own, so
    /// that Ctrl-C in a terminal reaches this process alone, which then stops the servers in order.
    pub(crate) async fn start(&self, launch: Launch<'_>) -> Result<Daemon, LocalError> {
        let log = OpenOptions::new().create(true).append(true).open(&launch.log);
        let log = log.map_err(LocalError::file("cannot open the log", &launch.log))?;
        let errors = log.try_clone().map_err(LocalError::file("cannot open the log", &launch.log))?;
        let mut command = Command::new(&self.setpriv);
        let signal = launch.on_death.as_str().trim_start_matches("SIG");
        command.args(["--pdeathsig", signal]);
        if let Some(owner) = launch.owner {
            command.arg(format!("--reuid={}", owner.uid)).arg(format!("--regid={}", owner.gid));
            command.args(["--clear-groups", "--no-new-privs"]);
        }
        command.arg("--").arg(launch.program).args(&launch.args);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").envs(launch.env);
        command.stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0).kill_on_drop(true);
        let failed = |source| LocalError::Spawn { program: launch.program.display().to_string(), source };
        let (reply, child) = oneshot::channel();
        let gone = || failed(io::Error::other("the spawner has ended"));
        self.orders.send((command, reply)).map_err(|_| gone())?;
        let child = child.await.map_err(|_| gone())?.map_err(failed)?;
        // It leads a group of its own, named after it.
        let group = child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
        Ok(Daemon { name: launch.name, log: launch.log, child, group })
    }
}

/// A server at work. Killed when dropped; [`Daemon::stop`] lets it end in order.
#[derive(Debug)]
pub(crate) struct Daemon {
    name: &'static str,
    log: PathBuf,
    child: Child,
    /// Its group, until all of it was ended.
    group: Option<Pid>,
}

impl Daemon {
    /// Waits until `ready` holds. Ends early with an error when the server ends, or is not ready after `limit`.
    pub(crate) async fn ready<F, R>(mut self, limit: Duration, ready: F) -> Result<Self, LocalError>
    where
        F: Fn() -> R,
        R: Future<Output = bool>,
    {
        let deadline = tokio::time::Instant::now() + limit;
        let mut pause = Duration::from_millis(1);
        loop {
            if ready().await {
                return Ok(self);
            }
            let ended = tokio::time::timeout(pause, self.child.wait()).await.is_ok();
            if ended || tokio::time::Instant::now() > deadline {
                return Err(LocalError::NotStarted { server: self.name, output: tail(&self.log) });
            }
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// Waits until it has done its work, and says whether it went well; with the end of what it wrote when not.
    pub(crate) async fn finished(mut self) -> Result<(), LocalError> {
        match self.child.wait().await {
            Ok(status) if status.success() => Ok(()),
            _ => Err(LocalError::NotStarted { server: self.name, output: tail(&self.log) }),
        }
    }

    /// What people call it.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// It ended by itself. Workers that it left behind are ended too: they would go on answering on its port.
    pub(crate) async fn ended(&mut self) {
        // An error here means that the process is not ours any more, which is as good as ended.
        let _ = self.child.wait().await;
        self.kill_group();
    }

    /// Asks it to end with this signal and waits; kills it after the deadline.
    pub(crate) async fn stop(mut self, signal: Signal, deadline: Duration) {
        let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) else { return };
        // No such process: it has ended already, and the wait below returns at once.
        let _ = kill(Pid::from_raw(pid), signal);
        if tokio::time::timeout(deadline, self.child.wait()).await.is_err() {
            tracing::warn!(server.name = self.name, "A server did not stop in time and was killed");
            self.kill_group();
            if let Err(error) = self.child.wait().await {
                tracing::error!(server.name = self.name, error = %error, "A server could not be killed");
            }
        }
        // It ended in order, and its workers with it. The number of its group may be somebody else's soon.
        self.group = None;
    }
}

impl Daemon {
    /// Kills it with all that it started: its workers are in its group, and would outlive it.
    fn kill_group(&mut self) {
        if let Some(group) = self.group.take() {
            // No such group: all of it has ended.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// The last lines of a log, for a person.
fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text[text.len().saturating_sub(2_000)..]).into_owned();
    let lines: Vec<_> = text.lines().rev().take(8).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
