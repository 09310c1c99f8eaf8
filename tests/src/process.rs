//! A `yonin` process, and what it started.

use nix::{
    sys::{
        prctl,
        signal::{Signal, kill},
    },
    unistd::Pid,
};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A `yonin` process in a directory of its own. When it is dropped, it is asked to stop, and what it leaves behind fails the
/// test.
pub struct Process {
    child: Child,
    dir: Option<TempDir>,
}

impl Process {
    /// `yonin up --json` on this directory, with these variables.
    pub(crate) fn up(dir: TempDir, variables: &[(String, String)]) -> Self {
        let mut command = Command::new(binary());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        command.args(["up", "--json", "--data-dir"]).arg(dir.path().join("data"));
        Self::spawn(command, dir)
    }

    /// `yonin` with these arguments, and its data under a directory that goes with it.
    ///
    /// # Panics
    /// When it can't be started.
    #[must_use]
    pub fn yonin(arguments: &[&str]) -> Self {
        Self::yonin_with(arguments, &[])
    }

    /// The same, with these variables.
    ///
    /// # Panics
    /// When it can't be started.
    #[must_use]
    pub fn yonin_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let dir = tempfile::Builder::new().prefix("yonin-test-").tempdir().expect("a directory");
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .envs(variables.iter().copied())
            .env("TMPDIR", dir.path())
            .env("YONIN_DATA_DIR", dir.path().join("data"));
        Self::spawn(command, dir)
    }

    fn spawn(mut command: Command, dir: TempDir) -> Self {
        // What it leaves behind becomes ours, and is found by that.
        prctl::set_child_subreaper(true).expect("Linux 3.4 or later");
        let log = File::create(dir.path().join("log")).expect("a log");
        // The servers run as users of their own and must pass through.
        open_to_all(&dir);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().expect("yonin starts");
        Self { child, dir: Some(dir) }
    }

    /// The first line of its standard output; empty when it ended without.
    pub(crate) fn first_line(&mut self) -> String {
        let mut line = String::new();
        let stdout = self.child.stdout.take().expect("it is read once");
        BufReader::new(stdout).read_line(&mut line).expect("a line of text");
        line
    }

    /// Everything on its standard output until it ended, and how it ended.
    ///
    /// # Panics
    /// When its output is no text.
    pub fn output(&mut self) -> (String, ExitStatus) {
        let text = std::io::read_to_string(self.child.stdout.take().expect("it is read once")).expect("text");
        (text, self.child.wait().expect("it ends"))
    }

    /// Stops reading its standard output, as `head` does, and waits for its end.
    ///
    /// # Panics
    /// When it can't be waited for.
    pub fn unread(&mut self) -> ExitStatus {
        drop(self.child.stdout.take());
        self.child.wait().expect("it ends")
    }

    /// Waits until it has written this on standard error.
    ///
    /// # Panics
    /// When it has not after a minute, or ends without.
    pub fn logged(&mut self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.log().contains(text) {
            let ended = self.child.try_wait().expect("it is ours");
            assert!(ended.is_none() && Instant::now() < deadline, "{text:?} never came; its log:\n{}", self.log());
            pause();
        }
    }

    /// What it wrote on standard error so far.
    pub fn log(&self) -> String {
        let dir = self.dir.as_ref().expect("it was not crashed");
        fs::read_to_string(dir.path().join("log")).expect("a log in UTF-8")
    }

    /// Asks it to stop with this signal, and tells how it ended.
    ///
    /// # Panics
    /// When it takes longer than 20 s, or leaves a process behind.
    pub fn stop(&mut self, signal: Signal) -> ExitStatus {
        let status = match self.child.try_wait().expect("it is ours") {
            Some(status) => status,
            None => self.end(signal),
        };
        assert_eq!(orphans(), Vec::<String>::new(), "left behind; its log:\n{}", self.log());
        status
    }

    /// Kills it as a power cut would, and keeps what it wrote.
    pub(crate) fn crash(mut self) -> TempDir {
        self.child.kill().expect("it was running");
        self.child.wait().expect("it has ended");
        self.take_dir()
    }

    /// What it wrote, once it has ended.
    pub(crate) fn take_dir(&mut self) -> TempDir {
        self.dir.take().expect("it was not taken before")
    }

    /// Where a `yonin up` keeps everything.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.as_ref().expect("it was not taken").path().join("data")
    }

    /// Sends a signal to its children of this name.
    pub(crate) fn signal(&self, name: &str, signal: Signal) {
        let found = children(self.child.id(), name);
        assert!(!found.is_empty(), "no {name} is running");
        for pid in found {
            kill(Pid::from_raw(pid), signal).expect("it runs");
        }
    }

    fn end(&mut self, signal: Signal) -> ExitStatus {
        let pid = Pid::from_raw(self.child.id().try_into().expect("a pid is positive"));
        kill(pid, signal).expect("it is ours");
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                return status;
            }
            pause();
        }
        self.child.kill().expect("it is ours");
        panic!("it did not stop within 20 s; its log:\n{}", self.log());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.dir.is_some() && !std::thread::panicking() {
            self.stop(Signal::SIGTERM);
        } else if self.dir.is_some() {
            eprintln!("{}", self.log());
            let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM);
            let _ = self.child.wait();
        }
    }
}

/// The `yonin` that was built together with the tests.
fn binary() -> PathBuf {
    program("yonin-under-test")
}

/// A program that was built together with the tests: Cargo puts a package's programs beside the directory of its tests.
pub(crate) fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let binary = test.ancestors().nth(2).expect("target/debug/deps/test").join(name);
    assert!(binary.exists(), "{} is missing: run the tests of the whole package", binary.display());
    binary
}

/// Processes whose parent ended and that are ours now: what some `yonin` left behind. Those already dead don't count.
pub(crate) fn orphans() -> Vec<String> {
    let me = std::process::id();
    let left = |seen: &Seen| seen.parent == me && seen.state != "Z" && !seen.name.starts_with("yonin");
    processes().filter(left).map(|seen| format!("{} {}", seen.pid, seen.name)).collect()
}

/// Whether a process was stopped by a signal and waits for SIGCONT.
pub(crate) fn is_stopped(pid: u32) -> bool {
    processes().any(|seen| seen.pid.cast_unsigned() == pid && seen.state == "T")
}

fn children(parent: u32, name: &str) -> Vec<i32> {
    processes().filter(|seen| seen.parent == parent && seen.name == name).map(|seen| seen.pid).collect()
}

/// A process as `/proc` shows it.
struct Seen {
    pid: i32,
    name: String,
    state: String,
    parent: u32,
}

fn processes() -> impl Iterator<Item = Seen> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    entries.filter_map(|entry| Seen::parse(&fs::read_to_string(entry.path().join("stat")).ok()?))
}

impl Seen {
    /// `pid (name) state parent ...`; the name may hold anything, brackets too.
    fn parse(stat: &str) -> Option<Self> {
        let (pid, rest) = stat.split_once(" (")?;
        let (name, rest) = rest.rsplit_once(") ")?;
        let mut rest = rest.split(' ');
        let (state, parent) = (rest.next()?.to_owned(), rest.next()?.parse().ok()?);
        Some(Self { pid: pid.parse().ok()?, name: name.to_owned(), state, parent })
    }
}

pub(crate) fn open_to_all(dir: &TempDir) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("our own directory");
}

#[expect(clippy::disallowed_methods, reason = "waits for another process, on a thread of the test's own")]
fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

/// A port that nobody listens on, of those that the kernel does not give to clients: nobody takes it by accident while it is not
/// listened on for a while. It stays this test's own: other tests that run at the same time see by the UDP port of the same
/// number, which is kept until this process ends, that it is taken.
pub(crate) fn free_port() -> u16 {
    loop {
        let port = 10_000 + rand::random::<u16>() % 10_000;
        let Ok(reserved) = std::net::UdpSocket::bind(("127.0.0.1", port)) else { continue };
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            std::mem::forget(reserved);
            return port;
        }
    }
}
