//! `docker/compose.yaml` as its users start it, under a name and on ports of its own.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

/// The whole of it, up until dropped.
pub(crate) struct Compose {
    project: String,
    secrets: TempDir,
    api: u16,
    web: u16,
    prometheus: u16,
    alertmanager: u16,
}

impl Compose {
    /// Starts everything with two Coders, and returns when every service says that it is ready.
    ///
    /// # Panics
    /// When one does not, within five minutes.
    pub(crate) fn up() -> Self {
        let secrets = tempfile::tempdir().expect("a directory");
        succeed(Command::new(tree().join("docker/make-secrets")).arg(secrets.path()));
        let project = format!("yonin-test-{}", std::process::id());
        let [api, web, prometheus, alertmanager] = [(); 4].map(|()| free_port());
        let up = Self { project, secrets, api, web, prometheus, alertmanager };
        let labels = up.secrets.path().join("labels.yaml");
        std::fs::write(&labels, up.labels()).expect("written");
        succeed(&mut up.compose(&["up", "--no-build", "--wait", "--wait-timeout", "300", "--scale", "coder=2"]));
        up
    }

    /// So that a run that was killed can be told from what the machine's owner runs.
    fn labels(&self) -> String {
        let agents = ["planner", "architect", "coder", "tester", "store", "hints"];
        let environment = ["host", "web", "php", "mysql", "redis"];
        let services = agents.iter().chain(&environment).chain(&["prometheus", "alertmanager"]);
        let label = |name| format!("  {name}: {{labels: {{dev.yonin.test: \"{}\"}}}}\n", self.project);
        format!("services:\n{}", services.map(label).collect::<String>())
    }

    pub(crate) fn api(&self) -> String {
        format!("http://127.0.0.1:{}", self.api)
    }

    pub(crate) fn web(&self) -> String {
        format!("http://127.0.0.1:{}", self.web)
    }

    pub(crate) fn prometheus(&self) -> String {
        format!("http://127.0.0.1:{}", self.prometheus)
    }

    /// The key for people.
    pub(crate) fn key(&self) -> String {
        std::fs::read_to_string(self.secrets.path().join("api_key")).expect("a key")
    }

    /// The containers of a service.
    pub(crate) fn containers(&self, service: &str) -> Vec<String> {
        succeed(&mut self.compose(&["ps", "--quiet", service])).lines().map(str::to_owned).collect()
    }

    /// The container of a service that has one.
    pub(crate) fn container(&self, service: &str) -> String {
        self.containers(service).into_iter().next().unwrap_or_else(|| panic!("{service} runs"))
    }

    /// A container's address in one of the networks.
    pub(crate) fn address(&self, container: &str, network: &str) -> String {
        let template = format!("{{{{(index .NetworkSettings.Networks \"{}_{network}\").IPAddress}}}}", self.project);
        docker(&["inspect", "--format", &template, container])
    }

    /// What the services said.
    pub(crate) fn logs(&self, service: &str) -> String {
        let output = self.compose(&["logs", "--no-color", service]).output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn compose(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker-compose");
        command.args(["--project-name", &self.project, "--profile", "mysql", "--profile", "monitoring", "--file"]);
        command.arg(tree().join("docker/compose.yaml"));
        command.arg("--file").arg(self.secrets.path().join("labels.yaml"));
        command.args(arguments);
        command.env("YONIN_SECRETS", self.secrets.path());
        command.env("YONIN_API_PORT", self.api.to_string()).env("YONIN_WEB_PORT", self.web.to_string());
        command.env("YONIN_PROMETHEUS_PORT", self.prometheus.to_string());
        command.env("YONIN_ALERTMANAGER_PORT", self.alertmanager.to_string());
        command
    }
}

impl Drop for Compose {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for service in ["planner", "architect", "coder", "tester", "host", "php", "web", "prometheus"] {
                let logs = self.logs(service);
                let last: Vec<_> = logs.lines().rev().take(15).collect();
                eprintln!("-- {service}\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n"));
            }
        }
        // Should it fail, its containers carry a label by which the next run finds them.
        let _ = self.compose(&["down", "--volumes", "--timeout", "1"]).output();
    }
}

/// What Docker prints.
pub(crate) fn docker(arguments: &[&str]) -> String {
    succeed(Command::new("docker").args(arguments)).trim().to_owned()
}

/// Whether something opens a TCP connection from where this container is: from its networks, with its names.
pub(crate) fn reaches(container: &str, address: &str, port: u16) -> bool {
    !reached(container, [format!("{address}:{port}")]).is_empty()
}

/// Those of some addresses and ports that something opens a TCP connection to from where this container is, all tried at once.
pub(crate) fn reached(container: &str, of: impl IntoIterator<Item = String>) -> Vec<String> {
    const TRY: &str =
        r#"for at; do (timeout 2 bash -c 'exec 3<>"/dev/tcp/${0/://}"' "$at" 2>/dev/null && echo "$at") & done; wait"#;
    let network = format!("container:{container}");
    let mut command = Command::new("docker");
    command.args(["run", "--rm", "--network", &network, "debian:bookworm-slim", "bash", "-c", TRY, "bash"]);
    succeed(command.args(of)).lines().map(str::to_owned).collect()
}

/// What a command prints.
///
/// # Panics
/// When it fails.
pub(crate) fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("it runs");
    assert!(status.success(), "{command:?}: {status}\n{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("UTF-8")
}

fn tree() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the tree")
}

/// Free now. Compose says so if somebody takes it before it does.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}
