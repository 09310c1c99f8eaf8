//! An installation as on a cluster: separate processes, several of each agent if wanted, on a store that they share.

mod look;
mod replica;
mod role;
mod setup;

pub use look::look;
pub use replica::{Replica, run_agent};
pub use role::Role;
pub use setup::{Setup, Stores};

use crate::{
    front::Front,
    process::{open_to_all, orphans},
    proxy::Proxy,
    servers::StoreServer,
};
use environment::local::{Durability, LocalConfig, Services};
use role::Wiring;
use std::{collections::BTreeMap, ops::Deref, path::Path, sync::Arc};
use tempfile::TempDir;

/// A host, four agents, each one process or several, and the servers of their environment. The test keeps the servers, and may kill,
/// stop and restart the others. Whoever calls an agent goes through its [`Proxy`].
///
/// ```no_run
/// # async fn example() {
/// use tests::cluster::{Role, Setup};
///
/// let mut cluster = Setup::new().replicas(Role::Coder, 3).start().await;
/// cluster.replica(Role::Coder, 1).kill();
/// cluster.goal(&cluster.fresh_app(), "posts(title:string!)").succeed().await;
/// cluster.replica(Role::Coder, 1).restart(&[]).await;
/// cluster.stop().await;
/// # }
/// ```
pub struct Cluster {
    front: Front,
    replicas: BTreeMap<Role, Vec<Replica>>,
    proxies: BTreeMap<Role, Arc<Proxy>>,
    environment: Option<Services>,
    server: Option<StoreServer>,
    stores: Vec<runtime::store::StoreLocation>,
    // Last: everything else writes into it.
    dir: TempDir,
}

impl Cluster {
    async fn start(setup: Setup) -> Self {
        let dir = tempfile::Builder::new().prefix("yonin-cluster-").tempdir().expect("a directory");
        // The servers run as users of their own and must pass through.
        open_to_all(&dir);
        let config = LocalConfig { durability: Durability::Fast, ..LocalConfig::new(dir.path().join("environment")) };
        let environment = Services::start(config).await.expect("the environment's servers start");
        let (server, stores) = match &setup.stores {
            Stores::Own(kind) => {
                let server = StoreServer::start(kind.clone());
                let stores = Stores::Server(server.url());
                (Some(server), stores)
            }
            shared => (None, shared.clone()),
        };
        let stores = stores.prepare(dir.path());
        let proxies: BTreeMap<_, _> = Role::ALL.into_iter().map(|role| (role, Arc::new(Proxy::start()))).collect();
        let wiring = Wiring { setup: &setup, environment: &environment, proxies: &proxies, stores: &stores };
        let mut replicas = BTreeMap::new();
        for role in Role::ALL {
            let variables = wiring.variables(role);
            let (count, proxy) = (setup.count(role), &proxies[&role]);
            let replica = |index| Replica::new(role, index, variables.clone(), dir.path(), Arc::clone(proxy));
            let mut of_role: Vec<_> = (0..count).map(replica).collect();
            futures::future::join_all(of_role.iter_mut().map(|replica| replica.restart(&[]))).await;
            replicas.insert(role, of_role);
        }
        let front = Front::new(&proxies[&Role::Planner].origin(), &environment.web(), role::API_KEY);
        let stores = stores.into_values().collect();
        Self { front, replicas, proxies, environment: Some(environment), server, stores, dir }
    }

    /// One of the processes of an agent, or of the host; the first is 0.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn replica(&mut self, role: Role, index: usize) -> &mut Replica {
        &mut self.replicas.get_mut(&role).expect("every role has some")[index]
    }

    /// All processes of an agent, or of the host.
    pub fn replicas(&mut self, role: Role) -> &mut [Replica] {
        self.replicas.get_mut(&role).expect("every role has some")
    }

    /// What stands before the processes of an agent, or of the host.
    #[must_use]
    pub fn proxy(&self, role: Role) -> &Proxy {
        &self.proxies[&role]
    }

    /// The host's tools, as this service calls them.
    #[must_use]
    pub fn host_as(&self, role: Role) -> runtime::Peer {
        let key = runtime::Credential::new(role.key());
        runtime::Peer::new(&self.proxy(Role::Host).origin(), key, protocol::Code::HostUnavailable)
    }

    /// A key that this agent knows: one of a service that calls it, a person's for the Planner.
    ///
    /// # Panics
    /// Never: somebody calls each of them.
    #[must_use]
    pub fn key_to(&self, role: Role) -> String {
        match role {
            Role::Planner => role::API_KEY.to_owned(),
            other => other.callers().first().expect("somebody calls it").key(),
        }
    }

    /// The servers of the environment.
    ///
    /// # Panics
    /// Never: they are there until the end.
    #[must_use]
    pub fn environment(&self) -> &Services {
        self.environment.as_ref().expect("they are there until the end")
    }

    /// The server that the agents keep their jobs on, when it is this cluster's own.
    ///
    /// # Panics
    /// When it is not.
    pub fn store_server(&mut self) -> &mut StoreServer {
        self.server.as_mut().expect("the stores are `Stores::Own`")
    }

    /// The directory with the environment's `apps` and `previews`.
    #[must_use]
    pub fn environment_dir(&self) -> std::path::PathBuf {
        self.dir.path().join("environment")
    }

    /// Where each process writes its log, and the environment's servers write theirs.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Where the jobs are: one place for each agent, or one for all.
    #[must_use]
    pub fn stores(&self) -> &[runtime::store::StoreLocation] {
        &self.stores
    }

    /// What a query finds in the store that all agents share: rows, their cells separated by tabs.
    ///
    /// # Panics
    /// When the agents have files, or the server does not answer.
    #[must_use]
    pub fn rows(&self, sql: &str) -> Vec<String> {
        look(&self.stores[0], sql).expect("the server answers")
    }

    /// Stops everything in order. Every test ends with it.
    ///
    /// # Panics
    /// When a process does not stop, ends badly, or leaves another behind.
    pub async fn stop(mut self) {
        // Who gives work first, who is needed for it last.
        for role in Role::ALL.into_iter().rev() {
            futures::future::join_all(self.replicas(role).iter_mut().map(Replica::stop)).await;
        }
        self.environment.take().expect("it is stopped once").stop().await;
        self.server = None;
        assert_eq!(orphans(), Vec::<String>::new(), "left behind");
    }
}

impl Deref for Cluster {
    type Target = Front;

    fn deref(&self) -> &Front {
        &self.front
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        assert!(self.environment.is_none() || std::thread::panicking(), "a test ends with `cluster.stop().await`");
    }
}
