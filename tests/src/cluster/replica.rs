use super::Role;
use crate::{
    process::{free_port, is_stopped, program},
    proxy::Proxy,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs::{self, OpenOptions},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

/// Ports that were free may be taken a moment later.
const ATTEMPTS: usize = 3;

/// A process that has not done what it is asked for by then never will.
const PATIENCE: Duration = Duration::from_secs(30);

/// One process of an agent, or of the host. What it keeps outside its memory outlives it.
#[derive(Debug)]
pub struct Replica {
    role: Role,
    index: usize,
    variables: Vec<(String, String)>,
    dir: PathBuf,
    proxy: Arc<Proxy>,
    address: SocketAddr,
    child: Option<Child>,
}

/// Runs an agent with these arguments and environment variables alone until it ends; what it said.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn run_agent(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program("agent-under-test"));
    command.args(arguments).env_clear().envs(variables.iter().copied()).stdin(Stdio::null());
    command.output().expect("it starts")
}

impl Replica {
    pub(super) fn new(
        role: Role,
        index: usize,
        variables: Vec<(String, String)>,
        dir: &Path,
        proxy: Arc<Proxy>,
    ) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { role, index, variables, dir: dir.to_owned(), proxy, address, child: None }
    }

    /// Starts it, when it has ended or was never started, with these environment variables beside its own, and returns when it is
    /// ready. It has another address then, of which its proxy knows.
    ///
    /// # Panics
    /// When it is running, or does not start.
    pub async fn restart(&mut self, variables: &[(&str, &str)]) {
        assert!(self.child.is_none(), "{} is running", self.name());
        for _ in 0..ATTEMPTS {
            self.address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
            self.child = Some(self.spawn(variables));
            if self.ready().await {
                self.proxy.put(self.index, self.address);
                return;
            }
            self.child = None;
        }
        panic!("{} does not start; its log:\n{}", self.name(), self.log());
    }

    /// Where it listens itself, without its proxy.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens itself, without its proxy: `http://host:port`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it as a loss of power would.
    ///
    /// # Panics
    /// When it has ended before.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it is ours");
        child.wait().expect("it has ended");
        self.proxy.take(self.index);
    }

    /// Stops it where it is, until [`Replica::resume`]. It stays behind its proxy, and answers nothing.
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Waits until it has been stopped: by [`Replica::pause`], or where its fail point is.
    ///
    /// # Panics
    /// When it is not.
    pub async fn stopped(&self) {
        let child = self.child.as_ref().expect("it runs");
        let deadline = Instant::now() + PATIENCE;
        while !is_stopped(child.id()) {
            assert!(Instant::now() < deadline, "{} is not stopped; its log:\n{}", self.name(), self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// When it does not.
    pub async fn ended(&mut self) -> ExitStatus {
        let status = self.within(PATIENCE).await;
        status.unwrap_or_else(|| panic!("{} does not end; its log:\n{}", self.name(), self.log()))
    }

    /// How it ended, if it does within this time.
    ///
    /// # Panics
    /// When it was never started.
    pub async fn within(&mut self, time: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + time;
        loop {
            let child = self.child.as_mut().expect("it runs");
            if let Some(status) = child.try_wait().expect("it is ours") {
                self.child = None;
                self.proxy.take(self.index);
                return Some(status);
            }
            if Instant::now() > deadline {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Asks it to stop, as Kubernetes does, and waits; nothing when it has ended before.
    ///
    /// # Panics
    /// When it does not stop, or not in order.
    pub async fn stop(&mut self) {
        if self.child.is_none() {
            return;
        }
        self.proxy.take(self.index);
        self.signal(Signal::SIGTERM);
        let status = self.ended().await;
        assert!(status.success(), "{}: {status}; its log:\n{}", self.name(), self.log());
    }

    /// What it has logged, over all its lives.
    #[must_use]
    pub fn log(&self) -> String {
        // Before it was started for the first time there is none.
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("it runs");
        kill(Pid::from_raw(child.id().cast_signed()), signal).expect("it is ours");
    }

    fn spawn(&self, variables: &[(&str, &str)]) -> Child {
        let log = OpenOptions::new().create(true).append(true).open(self.log_file()).expect("a log");
        let mut command = Command::new(program("agent-under-test"));
        command.arg(self.role.name()).current_dir(&self.dir).env_clear();
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.envs(self.variables.iter().cloned()).envs(variables.iter().copied());
        command.env("YONIN_LISTEN", self.address.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("it starts")
    }

    /// It is ready; or it has ended, and is not.
    async fn ready(&mut self) -> bool {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build().expect("a client");
        let url = format!("{}/readyz", self.origin());
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let child = self.child.as_mut().expect("it was just started");
            if child.try_wait().expect("it is ours").is_some() {
                return false;
            }
            if http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.kill();
        false
    }

    fn name(&self) -> String {
        format!("{}-{}", self.role.name(), self.index)
    }

    fn log_file(&self) -> PathBuf {
        self.dir.join(format!("{}.log", self.name()))
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().rev().take(40).collect();
            eprintln!("== {} ==", self.name());
            lines.iter().rev().for_each(|line| eprintln!("{line}"));
        }
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
