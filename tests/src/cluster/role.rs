use super::Setup;
use crate::proxy::Proxy;
use environment::local::Services;
use runtime::store::StoreLocation;
use std::{collections::BTreeMap, sync::Arc};
use tester::VerdictKey;

/// What people show to the Planner.
pub(super) const API_KEY: &str = "key-of-a-person";

/// What the Tester's signing key grows from.
const SEED: [u8; 32] = [7; 32];

/// What a process is. In the order in which they start, each needing only those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The environment's host.
    Host,
    /// Builds and deploys.
    Coder,
    /// Designs.
    Architect,
    /// Tests.
    Tester,
    /// Plans, and takes goals from people.
    Planner,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Host, Self::Coder, Self::Architect, Self::Tester, Self::Planner];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Coder => "coder",
            Self::Architect => "architect",
            Self::Tester => "tester",
            Self::Planner => "planner",
        }
    }

    /// The services that may call it.
    pub(super) fn callers(self) -> &'static [Self] {
        match self {
            Self::Host => &[Self::Coder, Self::Tester],
            Self::Coder => &[Self::Planner, Self::Architect],
            Self::Architect | Self::Tester => &[Self::Planner],
            Self::Planner => &[],
        }
    }

    pub(super) fn key(self) -> String {
        format!("key-of-{}", self.name())
    }
}

/// How the processes know each other.
pub(super) struct Wiring<'a> {
    pub(super) setup: &'a Setup,
    pub(super) environment: &'a Services,
    pub(super) proxies: &'a BTreeMap<Role, Arc<Proxy>>,
    pub(super) stores: &'a BTreeMap<Role, StoreLocation>,
}

impl Wiring<'_> {
    /// The environment variables of a process, all but where it listens.
    pub(super) fn variables(&self, role: Role) -> Vec<(String, String)> {
        let callers: Vec<_> =
            role.callers().iter().map(|caller| format!("{}={}", caller.name(), caller.key())).collect();
        let mut variables = vec![("YONIN_KEY", role.key()), ("YONIN_CALLERS", callers.join(","))];
        variables.extend(match role {
            Role::Host => self.of_host(),
            Role::Coder => vec![("YONIN_HOST_URL", self.url(Role::Host))],
            Role::Architect => vec![("YONIN_CODER_URL", self.url(Role::Coder))],
            Role::Tester => vec![("YONIN_HOST_URL", self.url(Role::Host)), ("YONIN_SIGNING_KEY", hex::encode(SEED))],
            Role::Planner => vec![
                ("YONIN_ARCHITECT_URL", self.url(Role::Architect)),
                ("YONIN_CODER_URL", self.url(Role::Coder)),
                ("YONIN_TESTER_URL", self.url(Role::Tester)),
                ("YONIN_API_KEYS", format!("owner={API_KEY}")),
            ],
        });
        if let Some(store) = self.stores.get(&role) {
            variables.push(("YONIN_STORE_URL", url_of(store)));
            variables.push(("YONIN_LEASE_SECONDS", self.setup.lease_seconds.to_string()));
            variables.extend(self.setup.hints.clone().map(|url| ("YONIN_HINTS_URL", url)));
        }
        let own = self.setup.variables.iter().filter(|(of, ..)| *of == role);
        let given = own.map(|(_, name, value)| (name.clone(), value.clone()));
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(given).collect()
    }

    fn of_host(&self) -> Vec<(&'static str, String)> {
        let config = self.environment.host_config(VerdictKey::from_seed(&SEED).public());
        vec![
            ("YONIN_ENV_ROOT", config.root.display().to_string()),
            ("YONIN_ENV_POOLS", config.pools.display().to_string()),
            ("YONIN_ENV_SOCKETS", config.sockets.display().to_string()),
            ("YONIN_ENV_PUBLIC", config.public),
            ("YONIN_ENV_WEB", config.web),
            ("YONIN_ENV_MYSQL_URL", config.mysql),
            ("YONIN_ENV_REDIS_URL", config.redis),
            ("YONIN_TESTER_PUBLIC_KEY", hex::encode(config.tester.to_bytes())),
        ]
    }

    fn url(&self, role: Role) -> String {
        self.proxies[&role].origin()
    }
}

fn url_of(store: &StoreLocation) -> String {
    match store {
        StoreLocation::File(file) => file.display().to_string(),
        StoreLocation::Server { url, .. } => url.clone(),
    }
}
