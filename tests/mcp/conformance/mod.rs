//! The conformance suite of the protocol: all that a revision requires on a server of its own ([`fixture`]), and what fits on each of our
//! services. What is not green is written down in `not-green.toml` with its reason; what turns green is to be taken out there.

#[expect(deprecated, reason = "the older revision has them, and the suite asks for them")]
pub(crate) mod fixture;

use fixture::Fixture;
use runtime::Store;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};
use tempfile::TempDir;
use tests::{
    clients::Clients,
    cluster::{Role, Setup, Stores},
    doorman::Doorman,
};

const REVISIONS: [&str; 2] = ["2026-07-28", "2025-11-25"];

/// What the suite can ask of a server that it knows nothing about.
const FIT: [&str; 5] = [
    "tools-list",
    "http-header-validation",
    "dns-rebinding-protection",
    "server-sse-multiple-streams",
    "input-required-result-unsupported-methods",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_revisions_require_is_there_on_sqlite() {
    let dir = TempDir::new().expect("a directory");
    required(Store::sqlite(&dir.path().join("jobs.db")).await.expect("a store")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_revisions_require_is_there_on_mysql() {
    let Some(server) = Stores::mysql() else { return };
    let dir = TempDir::new().expect("a directory");
    let location = server.prepare(dir.path()).remove(&Role::Planner).expect("a place for each agent");
    required(Store::open(&location).await.expect("a store")).await;
}

async fn required(store: Store) {
    let fixture = Fixture::start(store).await;
    for revision in REVISIONS {
        let suite = Suite::run(&fixture.url(), &["--requirements", revision]).await;
        let required = Suite::required(revision).await;
        let not_run: Vec<_> = required.difference(&suite.scenarios).collect();
        assert!(required.len() > 20 && not_run.is_empty(), "of {revision} were not run: {not_run:?}");
        suite.is_green_but_for(&NotGreen::read().of(revision));
        assert!(suite.is_content, "{revision}");
    }
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_service_passes_what_fits() {
    let cluster = Setup::new().start().await;
    for role in [Role::Planner, Role::Architect, Role::Coder, Role::Tester] {
        let doorman = Doorman::before(&cluster.proxy(role).origin(), &cluster.key_to(role)).await;
        for scenario in FIT {
            let url = format!("{}/mcp", doorman.origin());
            let suite = Suite::run(&url, &["--spec-version", "2026-07-28", "--scenario", scenario]).await;
            assert_eq!(suite.scenarios, BTreeSet::from([scenario.to_owned()]));
            suite.is_green_but_for(&BTreeSet::new());
        }
    }
    cluster.stop().await;
}

/// What a run of the suite came to.
struct Suite {
    /// What it says itself: all that is required is there.
    is_content: bool,
    /// Those that were run.
    scenarios: BTreeSet<String>,
    /// The checks that were not passed, each with what is said about it. `scenario:check`.
    not_green: BTreeMap<String, String>,
}

impl Suite {
    async fn run(url: &str, arguments: &[&str]) -> Self {
        let results = TempDir::new().expect("a directory");
        let mut command = Clients::installed().npm("conformance");
        command.args(["server", "--url", url, "--output-dir"]).arg(results.path()).args(arguments);
        let output = command.output().await.expect("Node runs");
        let suite = Self { is_content: output.status.success(), ..Self::read(results.path()) };
        assert!(!suite.scenarios.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        suite
    }

    /// The scenarios for servers of a revision: those that count, and those that are only looked at.
    async fn required(revision: &str) -> BTreeSet<String> {
        let mut command = Clients::installed().npm("conformance");
        let output = command.args(["list", "--requirements", revision]).output().await.expect("Node runs");
        let text = String::from_utf8(output.stdout).expect("text");
        let mut server = false;
        let mut scenarios = BTreeSet::new();
        for line in text.lines().map(str::trim) {
            if line.ends_with(':') {
                server = line.starts_with("Server scenarios");
            }
            let Some(scenario) = line.strip_prefix("- ") else { continue };
            match scenario.strip_suffix(" [server]") {
                Some(looked_at) => scenarios.insert(looked_at.to_owned()),
                None => server && scenarios.insert(scenario.to_owned()),
            };
        }
        scenarios
    }

    /// `server-<scenario>-<time>/checks.json`
    fn read(results: &Path) -> Self {
        let (mut scenarios, mut not_green) = (BTreeSet::new(), BTreeMap::new());
        for entry in fs::read_dir(results).expect("a directory") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("text");
            let (named, _time) = name.rsplit_once('T').expect("a time");
            let scenario = named.strip_prefix("server-").and_then(|it| it.get(..it.len() - "-2026-07-28".len()));
            let scenario = scenario.expect("a name and a day").to_owned();
            let checks = fs::read_to_string(entry.path().join("checks.json")).expect("checks");
            let checks: Vec<Check> = serde_json::from_str(&checks).expect("checks");
            for check in checks.into_iter().filter(|check| matches!(check.status.as_str(), "FAILURE" | "WARNING")) {
                not_green.insert(format!("{scenario}:{}", check.id), check.error_message.unwrap_or_default());
            }
            scenarios.insert(scenario);
        }
        Self { is_content: false, scenarios, not_green }
    }

    fn is_green_but_for(&self, known: &BTreeSet<String>) {
        let seen: BTreeSet<_> = self.not_green.keys().cloned().collect();
        let why = |check: &String| format!("{check}: {}", self.not_green[check]);
        let broken: Vec<_> = seen.difference(known).map(why).collect();
        let mended: Vec<_> = known.difference(&seen).collect();
        assert!(broken.is_empty() && mended.is_empty(), "not green: {broken:#?}\ngreen, and listed: {mended:#?}");
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    id: String,
    status: String,
    error_message: Option<String>,
}

/// For each revision the checks that are not passed, with the reason.
#[derive(Deserialize)]
struct NotGreen(BTreeMap<String, BTreeMap<String, String>>);

impl NotGreen {
    fn read() -> Self {
        toml::from_str(include_str!("not-green.toml")).expect("checks with their reasons")
    }

    fn of(&self, revision: &str) -> BTreeSet<String> {
        self.0.get(revision).map(|checks| checks.keys().cloned().collect()).unwrap_or_default()
    }
}
