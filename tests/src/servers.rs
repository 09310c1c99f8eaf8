//! Servers of a test's own, which it may end in the middle of everything.

use crate::process::{free_port, open_to_all};
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};
use std::{
    io::Read as _,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A server that was asked to start or to stop and has not by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// A database server for the agents' jobs, with a directory and a port of its own. What it has committed survives its end, however
/// that comes. It ends when dropped.
#[derive(Debug)]
pub struct StoreServer {
    kind: StoreKind,
    address: SocketAddr,
    child: Option<Child>,
    dir: TempDir,
}

/// Which one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreKind {
    /// MariaDB, as installed.
    MariaDb,
    /// MySQL, unpacked in this directory.
    MySql(PathBuf),
}

impl StoreKind {
    /// The MySQL that tests use; `None` where there is none.
    #[must_use]
    pub fn mysql() -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("databases/mysql");
        let found = Command::new(script).stdin(Stdio::null()).output().ok().filter(|output| output.status.success())?;
        Some(Self::MySql(String::from_utf8(found.stdout).ok()?.trim().into()))
    }
}

impl StoreServer {
    /// An empty one, at work.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(kind: StoreKind) -> Self {
        let dir = tempfile::Builder::new().prefix("yonin-store-").tempdir().expect("a directory");
        open_to_all(&dir);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let mut server = Self { kind, address, child: None, dir };
        server.install();
        server.restart();
        server
    }

    /// `mysql://root@host:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mysql://root@{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it as a crash would.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        self.end(Signal::SIGKILL);
    }

    /// Ends it in order.
    ///
    /// # Panics
    /// When it does not run, or does not end.
    pub fn stop(&mut self) {
        self.end(Signal::SIGTERM);
    }

    /// Starts it again on what it left, and returns when it answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn restart(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let mut command = self.daemon();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("log"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.expect("a log"));
        self.child = Some(command.spawn().expect("it starts"));
        let deadline = Instant::now() + PATIENCE;
        while !self.greets() {
            assert!(Instant::now() < deadline, "it does not start: {}", self.log());
            pause();
        }
    }

    fn install(&self) {
        let data = self.data();
        let mut command = match &self.kind {
            StoreKind::MariaDb => {
                let mut command = Command::new("mariadb-install-db");
                command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
                command.args(FAST).args(as_user()).arg(format!("--datadir={}", data.display()));
                command
            }
            StoreKind::MySql(home) => {
                let mut command = Command::new("cp");
                command.args(["-a", "--reflink=auto"]).arg(home.join("data")).arg(&data);
                command
            }
        };
        let done = command.stdin(Stdio::null()).output().expect("the servers are installed");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        if geteuid().is_root() {
            nix::unistd::User::from_name("mysql")
                .ok()
                .flatten()
                .map(|user| nix::unistd::chown(self.dir.path(), Some(user.uid), Some(user.gid)));
        }
    }

    fn daemon(&self) -> Command {
        let mut command = match &self.kind {
            StoreKind::MariaDb => {
                let mut command = Command::new("/usr/sbin/mariadbd");
                command.arg("--no-defaults");
                command
            }
            StoreKind::MySql(home) => {
                let mut command = Command::new(home.join("mysqld"));
                command.args(["--mysqlx=OFF", "--secure-file-priv=NULL"]);
                command
            }
        };
        command.args(FAST).args(as_user()).args([
            "--bind-address=127.0.0.1",
            "--socket=",
            "--skip-log-bin",
            "--max-connections=500",
            "--performance-schema=OFF",
            "--innodb-buffer-pool-size=64M",
        ]);
        command.arg(format!("--datadir={}", self.data().display()));
        command.arg(format!("--pid-file={}", self.data().join("pid").display()));
        command.arg(format!("--port={}", self.address.port()));
        command
    }

    /// A database speaks first once it serves.
    fn greets(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect_timeout(&self.address, Duration::from_secs(1)) else { return false };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
        stream.read_exact(&mut [0]).is_ok()
    }

    fn end(&mut self, signal: Signal) {
        let mut child = self.child.take().expect("it runs");
        kill(Pid::from_raw(child.id().cast_signed()), signal).expect("it is ours");
        let deadline = Instant::now() + PATIENCE;
        while child.try_wait().expect("it is ours").is_none() {
            assert!(Instant::now() < deadline, "it does not stop: {}", self.log());
            pause();
        }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for StoreServer {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What is committed survives the server, but not the machine.
const FAST: [&str; 2] = ["--innodb-flush-log-at-trx-commit=2", "--skip-innodb-doublewrite"];

/// Root's servers drop to their own user.
fn as_user() -> Option<&'static str> {
    geteuid().is_root().then_some("--user=mysql")
}

#[expect(clippy::disallowed_methods, reason = "waits for another process, which tells nobody when it is ready")]
fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}
