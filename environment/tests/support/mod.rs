//! A MariaDB and a Redis of the test's own, ended with it.
#![expect(dead_code, reason = "each test binary uses one of the two")]

use environment::host::{
    cache::{Cache, RedisAdmin},
    database::{Database, MysqlAdmin},
};
use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A server process with its own directory.
pub(crate) struct Server {
    process: Child,
    /// Where it listens on loopback.
    pub port: u16,
    directory: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A fresh MariaDB, whose `root` has no password.
pub(crate) async fn mariadb() -> (Server, Database) {
    let directory = TempDir::new().expect("a directory");
    let data = directory.path().join("data");
    let copied = Command::new("cp").arg("-a").arg(template()).arg(&data).status().expect("cp runs");
    assert!(copied.success());
    let port = free_port();
    let process = quiet("mariadbd")
        .args(["--no-defaults", "--user=root", "--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=0"])
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--socket={}", directory.path().join("s").display()))
        .arg(format!("--port={port}"))
        .spawn()
        .expect("mariadbd starts");
    let server = Server { process, port, directory };
    let database = Database::connect(&MysqlAdmin { url: format!("mysql://root@127.0.0.1:{port}/") }).expect("a URL");
    let deadline = Instant::now() + Duration::from_secs(60);
    while database.ping().await.is_err() {
        assert!(Instant::now() < deadline, "MariaDB does not come up");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (server, database)
}

/// A fresh Redis with an ACL file, whose `default` user may do everything.
pub(crate) async fn redis() -> (Server, Cache) {
    let directory = TempDir::new().expect("a directory");
    let acl = directory.path().join("users.acl");
    std::fs::write(&acl, "user default on nopass ~* &* +@all\n").expect("a file");
    let port = free_port();
    let process = quiet("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string()])
        .arg("--dir")
        .arg(directory.path())
        .arg("--aclfile")
        .arg(&acl)
        .spawn()
        .expect("redis-server starts");
    let server = Server { process, port, directory };
    let cache = Cache::connect(&RedisAdmin { url: format!("redis://127.0.0.1:{port}/0") }).expect("a URL");
    let deadline = Instant::now() + Duration::from_secs(30);
    while cache.ping().await.is_err() {
        assert!(Instant::now() < deadline, "Redis does not come up");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (server, cache)
}

/// What `mariadb-install-db` makes, made once and copied by every test.
fn template() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let ready = home.join("mariadb");
    if ready.exists() {
        return ready;
    }
    let making = TempDir::new_in(home).expect("a directory");
    let data = making.path().join("data");
    let output = Command::new("mariadb-install-db")
        .args(["--no-defaults", "--user=root", "--auth-root-authentication-method=normal", "--skip-test-db"])
        .arg(format!("--datadir={}", data.display()))
        .stdin(Stdio::null())
        .output()
        .expect("mariadb-install-db runs");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "mariadb-install-db: {}", String::from_utf8_lossy(&said));
    // Another test may have been quicker; either is as good.
    if let Err(error) = std::fs::rename(&data, &ready) {
        assert!(ready.exists(), "{error}");
    }
    ready
}

fn quiet(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port()
}
