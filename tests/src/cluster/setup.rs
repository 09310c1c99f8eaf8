use super::{Cluster, Role};
use crate::servers::StoreKind;
use protocol::TaskId;
use runtime::store::StoreLocation;
use std::{collections::BTreeMap, path::Path, process::Command};

/// What to start.
#[derive(Debug, Clone)]
pub struct Setup {
    pub(super) stores: Stores,
    pub(super) hints: Option<String>,
    pub(super) lease_seconds: u64,
    counts: BTreeMap<Role, usize>,
    pub(super) variables: Vec<(Role, String, String)>,
}

/// Where the agents keep their jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stores {
    /// Each in a SQLite file.
    Sqlite,
    /// All in one new schema of this server: `mysql://user:password@host:port`.
    Server(String),
    /// All on a server that this cluster alone has, and a test may end.
    Own(StoreKind),
}

impl Stores {
    /// All in a new schema of the MariaDB that the test run started.
    ///
    /// # Panics
    /// When it started none.
    #[must_use]
    pub fn mariadb() -> Self {
        Self::Server(std::env::var("YONIN_TEST_MARIADB").expect("the test run starts a MariaDB: ./dev databases"))
    }

    /// All in a new schema of the MySQL that the test run started. `None` where there is no MySQL; the test run says so.
    #[must_use]
    pub fn mysql() -> Option<Self> {
        std::env::var("YONIN_TEST_MYSQL").ok().map(Self::Server)
    }

    /// The place of each agent's jobs, made if it is not there yet.
    ///
    /// # Panics
    /// When the server does not answer, or is a cluster's own.
    #[must_use]
    pub fn prepare(&self, dir: &Path) -> BTreeMap<Role, StoreLocation> {
        let agents = Role::ALL.into_iter().filter(|role| *role != Role::Host);
        let place = |url: String| url.parse::<StoreLocation>().expect("the URL of a store");
        match self {
            Self::Sqlite => {
                let file = |role: Role| format!("{}/{}.db", dir.display(), role.name());
                agents.map(|role| (role, place(file(role)))).collect()
            }
            Self::Own(_) => panic!("a cluster starts its own server"),
            Self::Server(server) => {
                let schema = fresh_schema(server);
                agents.map(|role| (role, place(format!("{server}/{schema}")))).collect()
            }
        }
    }
}

/// Makes a schema with the server's own client: the tree's SQL is not the tests' to use.
fn fresh_schema(server: &str) -> String {
    let schema = format!("cluster_{}", TaskId::fresh().to_string().replace('-', ""));
    let address = server.rsplit('@').next().expect("an address");
    let (host, port) = address.rsplit_once(':').expect("a port");
    let mut client = Command::new("mariadb");
    client.args(["--no-defaults", "--user=root", "--skip-ssl", "--host", host, "--port", port]);
    let made =
        client.arg("--execute").arg(format!("create database {schema}")).output().expect("the client is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    schema
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// One process each, SQLite, no Redis for hints, a lease of one second.
    #[must_use]
    pub fn new() -> Self {
        Self { stores: Stores::Sqlite, hints: None, lease_seconds: 1, counts: [].into(), variables: vec![] }
    }

    /// Where the agents keep their jobs.
    #[must_use]
    pub fn stores(mut self, stores: Stores) -> Self {
        self.stores = stores;
        self
    }

    /// Hints go over this Redis: `redis://host:port`.
    #[must_use]
    pub fn hints(mut self, url: impl Into<String>) -> Self {
        self.hints = Some(url.into());
        self
    }

    /// How long a claim outlives its worker.
    #[must_use]
    pub fn lease(mut self, seconds: u64) -> Self {
        self.lease_seconds = seconds;
        self
    }

    /// So many processes of this agent.
    #[must_use]
    pub fn replicas(mut self, role: Role, count: usize) -> Self {
        self.counts.insert(role, count);
        self
    }

    /// An environment variable for an agent, or the host.
    #[must_use]
    pub fn variable(mut self, role: Role, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((role, name.to_owned(), value.into()));
        self
    }

    /// Starts it all, and returns when everybody is ready.
    ///
    /// # Panics
    /// When something does not start.
    pub async fn start(self) -> Cluster {
        Cluster::start(self).await
    }

    pub(super) fn count(&self, role: Role) -> usize {
        self.counts.get(&role).copied().unwrap_or(1)
    }
}
