//! Everything in one process: a private environment, its host, and four agents that talk to each other over HTTP and MCP on
//! loopback, each with a credential of its own.

mod addresses;
mod data_dir;
mod keys;

pub use addresses::{Addresses, Agents};

use crate::{Failure, connection::Connection};
use data_dir::DataDir;
use environment::local::{Durability, LocalConfig, Services};
use keys::{Keys, ServiceName};
use planner::{Peers, PlannerConfig};
use protocol::{Code, Problem, Role};
use runtime::{
    Callers, Hints, Peer, Principal, Running, Service, ServiceError, Store, config::Reader, job::Timing, model::Models,
    store::StoreLocation,
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tester::{TesterConfig, VerdictKey};

/// How to run everything.
pub struct Options {
    /// Where everything is kept. Starting again on the same directory finds the same work.
    pub data_dir: PathBuf,
    /// Where the agents keep their jobs.
    pub stores: Stores,
    /// A Redis that carries wake-up hints between this process and others on the same store: `redis://host:port`.
    pub hints: Option<String>,
    /// Apps answer at `<app>.<domain>`.
    pub domain: String,
    /// The API's port; a free one when `None`.
    pub api_port: Option<u16>,
    /// Nginx's port; a free one when `None`.
    pub web_port: Option<u16>,
    /// What must survive a loss of power.
    pub durability: Durability,
    /// What writes the code where no model does.
    pub coder: Arc<dyn coder::Engine>,
    /// What thinks.
    pub models: AgentModels,
}

/// The language models of each agent; the offline engine thinks for those that have none.
#[derive(Debug, Clone, Default)]
pub struct AgentModels {
    /// The Planner's.
    pub planner: Option<Models>,
    /// The Architect's.
    pub architect: Option<Models>,
    /// The Coder's.
    pub coder: Option<Models>,
    /// The Tester's.
    pub tester: Option<Models>,
}

impl AgentModels {
    /// What the environment says: the settings of [`runtime::model::ModelConfig`].
    ///
    /// # Errors
    /// [`Code::BadConfiguration`], with every mistake.
    pub fn from_environment() -> Result<Self, Failure> {
        let mut reader = Reader::of_process();
        let models = Self {
            planner: Models::read(&mut reader, "planner"),
            architect: Models::read(&mut reader, "architect"),
            coder: Models::read(&mut reader, "coder"),
            tester: Models::read(&mut reader, "tester"),
        };
        let mut mistakes = reader.finish().err().unwrap_or_default();
        mistakes.dedup();
        if mistakes.is_empty() { Ok(models) } else { Err(Code::BadConfiguration.problem(mistakes.join("; ")).into()) }
    }
}

impl Options {
    /// `localhost` as domain, free ports, the built-in engine.
    #[must_use]
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            stores: Stores::Dir(data_dir.clone()),
            data_dir,
            hints: None,
            domain: "localhost".to_owned(),
            api_port: None,
            web_port: None,
            durability: Durability::Durable,
            coder: Arc::new(coder::Blueprint),
            models: AgentModels::default(),
        }
    }
}

/// Where the agents keep their jobs.
#[derive(Debug, Clone)]
pub enum Stores {
    /// Each in a SQLite file in this directory.
    Dir(PathBuf),
    /// All in one schema of a MySQL or MariaDB server.
    Server(StoreLocation),
}

/// Everything, at work. Dropping it ends the servers at once; [`Up::stop`] lets all end in order.
pub struct Up {
    addresses: Addresses,
    first_start: bool,
    /// In the order in which they stop: who gives work first, who is needed for it last.
    services: Vec<Running>,
    environment: Services,
    data_dir: DataDir,
}

impl Up {
    /// Jobs hand back what they were doing, and requests are answered, within this time; then the servers stop.
    const DRAIN: Duration = Duration::from_secs(5);

    /// Starts everything and returns when all answer.
    ///
    /// # Errors
    /// A program is missing, a port that was asked for is taken, the directory is in use or cannot be written.
    pub async fn start(options: Options) -> Result<Self, Failure> {
        let data_dir = DataDir::take(&options.data_dir).await?;
        let (keys, first_start) = Keys::load_or_make(&data_dir.file("keys.json"))?;
        let environment = Services::start(LocalConfig {
            domain: options.domain,
            web_port: options.web_port,
            durability: options.durability,
            ..LocalConfig::new(data_dir.file("environment"))
        });
        let environment = environment.await.map_err(Problem::from)?;
        let started = match Team::new(&keys, options.stores, options.hints.as_deref()) {
            Ok(mut team) => {
                team.start(&environment, options.api_port, options.coder, options.models).await.map(|at| (team, at))
            }
            Err(failure) => Err(failure),
        };
        match started {
            Ok((team, (host, agents))) => {
                let addresses = addresses(&environment, &keys, host, agents);
                let services = team.services.into_iter().rev().collect();
                Connection { api: addresses.api.clone(), key: addresses.key.clone() }.write(data_dir.path())?;
                Ok(Self { addresses, first_start, services, environment, data_dir })
            }
            Err(failure) => {
                environment.stop().await;
                Err(failure)
            }
        }
    }

    /// Like [`Up::start`], unless told to stop before everything answers: then what was started ends in order, and there is
    /// nothing. A start is never dropped half-way, since a server that is being started then could outlive this process.
    ///
    /// # Errors
    /// As [`Up::start`].
    pub async fn start_until(options: Options, told: impl Future<Output = ()>) -> Result<Option<Self>, Failure> {
        let mut start = Box::pin(Self::start(options));
        tokio::select! {
            up = &mut start => up.map(Some),
            () = told => {
                if let Ok(up) = start.await {
                    up.stop().await;
                }
                Ok(None)
            }
        }
    }

    /// Where everything answers.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The keys were made at this start: nobody has seen them before.
    #[must_use]
    pub fn is_first_start(&self) -> bool {
        self.first_start
    }

    /// Stops everything in order, within 20 s.
    pub async fn stop(self) {
        Connection::remove(self.data_dir.path());
        futures::future::join_all(self.services.into_iter().map(|service| service.stop(Self::DRAIN))).await;
        self.environment.stop().await;
    }
}

fn addresses(environment: &Services, keys: &Keys, host: String, agents: Agents) -> Addresses {
    Addresses {
        api: agents.planner.clone(),
        mcp: format!("{}/mcp", agents.planner),
        web: environment.web(),
        agents,
        host,
        mysql: environment.mysql_reader(),
        redis: environment.redis_reader(),
        key: keys.api().to_owned(),
    }
}

/// The services as they are started, each knowing those before it.
struct Team<'a> {
    keys: &'a Keys,
    stores: Stores,
    hints: Hints,
    services: Vec<Running>,
}

impl Team<'_> {
    /// One process owns its stores, so a lease only needs to outlast its own pauses; after a crash it is waited for.
    const TIMING: fn() -> Timing =
        || Timing { lease: Duration::from_secs(10), heartbeat: Duration::from_secs(3), ..Timing::default() };
    const SLOTS: usize = 8;

    fn new<'a>(keys: &'a Keys, stores: Stores, hints: Option<&str>) -> Result<Team<'a>, Failure> {
        let hints = match hints.map(Hints::over_redis) {
            None => Hints::in_process(),
            Some(Ok(hints)) => hints,
            Some(Err(error)) => return Err(Code::BadConfiguration.problem(format!("--redis: {error}")).into()),
        };
        Ok(Team { keys, stores, hints, services: Vec::new() })
    }

    async fn start(
        &mut self,
        environment: &Services,
        api_port: Option<u16>,
        engine: Arc<dyn coder::Engine>,
        models: AgentModels,
    ) -> Result<(String, Agents), Failure> {
        use ServiceName::{Architect, Coder, Planner, Tester};
        let key = VerdictKey::from_seed(self.keys.signing_seed());
        let host = environment::host::service(environment.host_config(key.public())).await?;
        let host = self.add(host.callers(self.keys.callers([Coder, Tester])), None).await?;

        let config =
            coder::CoderConfig { host: host.clone(), credential: self.keys.of(Coder).into(), models: models.coder };
        let coder = coder::service(&config, engine, self.store("coder").await?);
        let coder = self.agent(coder, self.keys.callers([Planner, Architect])).await?;

        let config = architect::ArchitectConfig {
            coder: coder.clone(),
            credential: self.keys.of(Architect).into(),
            models: models.architect,
        };
        let architect = architect::service(&config, self.store("architect").await?);
        let architect = self.agent(architect, self.keys.callers([Planner])).await?;

        let (host_url, credential) = (host.clone(), self.keys.of(Tester).into());
        let (validity, models_of_tester) = (TesterConfig::VALIDITY, models.tester);
        let config = TesterConfig { host: host_url, credential, key, validity, models: models_of_tester };
        let tester = tester::service(config, self.store("tester").await?);
        let tester = self.agent(tester, self.keys.callers([Planner])).await?;

        let peer = |origin: &str| Peer::new(origin, self.keys.of(Planner), Code::PeerUnavailable);
        let peers = Peers { architect: peer(&architect), coder: peer(&coder), tester: peer(&tester) };
        let config = PlannerConfig { peers, engine: models.planner.into() };
        let owner = Principal::person("owner", Role::Admin);
        let people = Callers::nobody().and(&runtime::Credential::new(self.keys.api()), owner);
        let planner = planner::service(config, self.store("planner").await?, self.hints.clone(), people);
        let planner = self.add(planner.worker(Self::SLOTS, (Self::TIMING)()), api_port).await?;
        Ok((host, Agents { planner, architect, coder, tester }))
    }

    async fn store(&self, agent: &str) -> Result<Store, Failure> {
        let location = match &self.stores {
            Stores::Dir(dir) => StoreLocation::File(dir.join(format!("{agent}.db"))),
            Stores::Server(location) => location.clone(),
        };
        let opened = Store::open(&location).await;
        opened.map_err(|error| Code::StoreUnavailable.problem(format!("{location:?}: {error}")).into())
    }

    async fn agent(&mut self, service: Service, callers: Callers) -> Result<String, Failure> {
        let service = service.callers(callers).hints(self.hints.clone()).worker(Self::SLOTS, (Self::TIMING)());
        self.add(service, None).await
    }

    async fn add(&mut self, service: Service, port: Option<u16>) -> Result<String, Failure> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
        let running = service.bind(address).await.map_err(refused)?.start();
        let origin = running.origin().to_owned();
        self.services.push(running);
        Ok(origin)
    }
}

fn refused(error: ServiceError) -> Failure {
    match error {
        ServiceError::PortTaken(address) => Code::PortTaken.problem(format!("{address} is taken")).into(),
        ServiceError::Io(error) => Failure::io("cannot listen")(error),
        other => Code::Internal.problem(other.to_string()).into(),
    }
}
