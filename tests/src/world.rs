use crate::{front::Front, process::Process};
use nix::sys::signal::Signal;
use std::{
    ops::Deref,
    path::PathBuf,
    process::{Command, Stdio},
};
use tempfile::TempDir;
use yonin::up::Addresses;

/// A whole Yonin of a test's own: a real `yonin up` process with all its servers, in a directory that goes with it.
///
/// A test that leaves a process behind fails when its world ends.
pub struct World {
    /// Where everything answers.
    pub at: Addresses,
    front: Front,
    process: Process,
    variables: Vec<(String, String)>,
}

impl World {
    /// A fresh one.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// A fresh one that is told this by its environment.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn with(variables: &[(&str, &str)]) -> Self {
        let dir = tempfile::Builder::new().prefix("yonin-test-").tempdir().expect("a directory");
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self::start_in(dir, variables.collect())
    }

    /// Kills the process as a power cut would, and starts another on what it left behind.
    #[must_use]
    pub fn crash_and_restart(self) -> Self {
        Self::start_in(self.process.crash(), self.variables)
    }

    /// Stops it as Ctrl-C would, and starts another on what it left behind.
    #[must_use]
    pub fn stop_and_restart(mut self) -> Self {
        self.process.stop(Signal::SIGINT);
        Self::start_in(self.process.take_dir(), self.variables)
    }

    /// Where it keeps everything.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.process.data_dir()
    }

    /// Sends a signal to one of its servers: `mariadbd`, `redis-server`, `nginx`.
    pub fn signal(&self, server: &str, signal: Signal) {
        self.process.signal(server, signal);
    }

    /// What it logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Rows that a query finds in the environment's MySQL, columns apart by tabs; asked with the server's own client.
    ///
    /// # Panics
    /// When it is refused, or finds none.
    #[must_use]
    pub fn ask(&self, sql: &str) -> Vec<String> {
        let (account, address) = self.at.mysql.trim_start_matches("mysql://").split_once('@').expect("an account");
        let (user, password) = account.split_once(':').expect("a password");
        let (host, port) = address.trim_end_matches('/').split_once(':').expect("a port");
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "--skip-ssl", "--batch", "--skip-column-names", "--user", user, "--host", host]);
        client.args(["--port", port, "--execute", sql]).env("MYSQL_PWD", password).stdin(Stdio::null());
        let output = client.output().expect("the client is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let rows: Vec<_> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        assert!(!rows.is_empty(), "nothing was found by {sql}");
        rows
    }

    fn start_in(dir: TempDir, variables: Vec<(String, String)>) -> Self {
        let mut process = Process::up(dir, &variables);
        let line = process.first_line();
        let at: Addresses =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("not ready ({error}): {line}{}", process.log()));
        Self { front: Front::new(&at.api, &at.web, &at.key), at, process, variables }
    }
}

impl Deref for World {
    type Target = Front;

    fn deref(&self) -> &Front {
        &self.front
    }
}
