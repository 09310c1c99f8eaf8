//! MCP clients, and a test suite, that others wrote: `tests/clients`.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::process::Command;

/// Where they are installed.
#[derive(Debug, Clone)]
pub struct Clients(PathBuf);

impl Clients {
    /// Installed now, if they are not yet.
    ///
    /// # Panics
    /// When they can't be had.
    #[must_use]
    pub fn installed() -> Self {
        let install =
            std::process::Command::new(source("install")).stderr(Stdio::inherit()).output().expect("a script");
        assert!(install.status.success(), "the clients in tests/clients can't be installed; it is said why above");
        Self(String::from_utf8(install.stdout).expect("a path").trim().into())
    }

    /// Node, about to run a program that npm installed: `inspector`, `conformance`.
    #[must_use]
    pub fn npm(&self, program: &str) -> Command {
        let mut command = self.command("node");
        command.arg(self.0.join("node_modules/.bin").join(program));
        command
    }

    /// Node, about to run a script of ours, beside which it finds what npm installed.
    ///
    /// # Panics
    /// When there is no such script.
    #[must_use]
    pub fn node(&self, script: &str) -> Command {
        // It looks for packages from where the script is.
        let copy = self.0.join(script);
        std::fs::copy(source(script), &copy).expect("a script");
        let mut command = self.command("node");
        command.arg(copy);
        command
    }

    /// Python, about to run a script of ours.
    #[must_use]
    pub fn python(&self, script: &str) -> Command {
        let mut command = self.command("venv/bin/python");
        command.arg(source(script));
        command
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.0.join(program));
        command.stdin(Stdio::null()).kill_on_drop(true);
        // No client asks anybody but us.
        command.env_remove("HTTP_PROXY").env_remove("http_proxy").env("NO_PROXY", "*").env("no_proxy", "*");
        command
    }
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}
