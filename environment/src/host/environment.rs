use super::{
    HostConfig, HostError, Places, atomic,
    cache::{Cache, RedisAccount, RedisAdmin},
    config_php::{ConfigPhp, Server},
    database::{Account, Database, MysqlAdmin, Rights},
    home::{Accounts, Home},
    names::Names,
    pools::{PoolSpec, Pools},
    state::AppState,
    turn::{self, Turns},
};
use crate::local::Php;
use protocol::{AppName, Code, Digest, PreviewName, tools::Epoch, tools::host::Place};
use runtime::fail;
use std::{
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

/// The users that PHP works as are numbered from here.
const FIRST_UID: u32 = 210_000;

/// The environment's host. Cheap to clone. Its methods are the tools of [`protocol::tools::host`]: each may be repeated with
/// the same arguments, and an act goes on when its caller goes away.
#[derive(Clone)]
pub struct Host(pub(super) Arc<Shared>);

/// What all acts share.
pub(super) struct Shared {
    pub(super) config: HostConfig,
    pub(super) database: Database,
    pub(super) cache: Cache,
    pub(super) pools: Pools,
    pub(super) turns: Turns,
    pub(super) php: Php,
    mysql: Server,
    redis: Server,
    next_uid: Mutex<u32>,
}

impl Host {
    /// A host on this environment. Removes what a host that was killed left half made; MySQL and Redis need not answer yet.
    ///
    /// # Errors
    /// An address that is none, a missing program, directories that cannot be made.
    pub async fn start(config: HostConfig) -> Result<Self, HostError> {
        let places = Places { root: config.root.clone(), pools: config.pools.clone(), sockets: config.sockets.clone() };
        places.make().map_err(HostError::file("cannot make", &config.root))?;
        for dir in [config.root.join("apps"), config.root.join("previews")] {
            fs::create_dir_all(&dir).map_err(HostError::file("cannot make", dir))?;
        }
        let address = |url: &str, usual| {
            Server::of_url(url, usual).ok_or_else(|| Code::BadConfiguration.problem("a server's address is not a URL"))
        };
        let shared = Shared {
            database: Database::connect(&MysqlAdmin { url: config.mysql.clone() })?,
            cache: Cache::connect(&RedisAdmin { url: config.redis.clone() })?,
            pools: Pools::new(config.pools.clone(), config.sockets.clone()),
            turns: Turns::default(),
            php: Php::find()?,
            mysql: address(&config.mysql, 3306)?,
            redis: address(&config.redis, 6379)?,
            next_uid: Mutex::new(FIRST_UID),
            config,
        };
        let states = shared.states()?;
        for state in &states {
            shared.app_home(state).sweep(&state.wanted_releases())?;
        }
        atomic::sweep(&shared.config.pools).map_err(HostError::file("cannot clear", &shared.config.pools))?;
        let highest = states.iter().flat_map(AppState::uids).max();
        *shared.next_uid.lock().unwrap_or_else(PoisonError::into_inner) = highest.map_or(FIRST_UID, |uid| uid + 1);
        shared.readdress(&states).await?;
        let host = Self(Arc::new(shared));
        // From nothing on: who sees a counter for the first time does not see that it grew.
        for outcome in ["activated", "rolled_back"] {
            metrics::counter!("yonin_releases_total", "outcome" => outcome).increment(0);
        }
        host.keep_tidy();
        host.watch_servers();
        Ok(host)
    }

    /// Runs one act on an app, alone, at its place in the order of writers. The app must exist. What another act left half
    /// done is brought to an end first; one that goes on with it names it as its `request`.
    pub(super) async fn act<T, A, F>(
        &self,
        app: &AppName,
        epoch: Epoch,
        request: Option<Digest>,
        act: A,
    ) -> Result<T, HostError>
    where
        T: Send + 'static,
        A: FnOnce(Arc<Shared>, AppState) -> F + Send + 'static,
        F: Future<Output = Result<T, HostError>> + Send + 'static,
    {
        self.act_on(app, epoch, Missing::Refuse, request, act).await
    }

    /// Like [`Host::act`], on an app that is made when it does not exist.
    pub(super) async fn act_on<T, A, F>(
        &self,
        app: &AppName,
        epoch: Epoch,
        missing: Missing,
        request: Option<Digest>,
        act: A,
    ) -> Result<T, HostError>
    where
        T: Send + 'static,
        A: FnOnce(Arc<Shared>, AppState) -> F + Send + 'static,
        F: Future<Output = Result<T, HostError>> + Send + 'static,
    {
        let (shared, name) = (Arc::clone(&self.0), app.clone());
        let run = move || async move {
            let mut state = match (shared.state(&name)?, missing) {
                (Some(state), _) => state,
                (None, Missing::Make) => AppState::new(name.clone(), shared.fresh_uid()),
                (None, Missing::Refuse) => return Err(no_such_app(&name)),
            };
            let dir = shared.app_dir(&name);
            atomic::directory(&dir).map_err(HostError::file("cannot make", &dir))?;
            let newcomer = turn::enter(&mut state, &dir, epoch)?;
            if newcomer && state.saga.is_some() {
                shared.database.end_connections_of(Names::of_app(&name).schema.as_str()).await?;
            }
            if state.saga.as_ref().is_some_and(|saga| Some(saga.request()) != request) {
                shared.recover(&mut state).await?;
            }
            act(shared, state).await
        };
        self.0.turns.run(app, epoch, run).await
    }
}

/// What to do about an app that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Make,
    Refuse,
}

impl Shared {
    pub(super) fn app_dir(&self, app: &AppName) -> PathBuf {
        self.config.root.join("apps").join(app.as_str())
    }

    pub(super) fn preview_dir(&self, preview: &PreviewName) -> PathBuf {
        self.config.root.join("previews").join(preview.as_str())
    }

    pub(super) fn app_home(&self, state: &AppState) -> Home {
        Home { dir: self.app_dir(&state.app), uid: state.uid }
    }

    pub(super) fn state(&self, app: &AppName) -> Result<Option<AppState>, HostError> {
        AppState::load(&self.app_dir(app))
    }

    pub(super) fn save(&self, state: &AppState) -> Result<(), HostError> {
        state.save(&self.app_dir(&state.app))
    }

    /// Every app, by name.
    pub(super) fn states(&self) -> Result<Vec<AppState>, HostError> {
        let dir = self.config.root.join("apps");
        let entries = fs::read_dir(&dir).map_err(HostError::file("cannot list", &dir))?;
        let mut names: Vec<AppName> =
            entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        names.sort();
        names.iter().filter_map(|name| self.state(name).transpose()).collect()
    }

    /// The app that a preview is a branch of.
    pub(super) fn state_of_preview(&self, name: &PreviewName) -> Result<AppState, HostError> {
        let found = self.states()?.into_iter().find(|state| state.preview(name).is_some());
        found.ok_or_else(|| Code::PreviewGone.problem("there is no such preview; it may have expired").into())
    }

    /// The directory of a place, which must exist.
    pub(super) fn home_of(&self, place: &Place) -> Result<Home, HostError> {
        match place {
            Place::Live(app) => {
                let state = self.state(app)?.ok_or_else(|| no_such_app(app))?;
                Ok(self.app_home(&state))
            }
            Place::Preview(name) => {
                let state = self.state_of_preview(name)?;
                let uid = state.preview(name).map_or(state.uid, |preview| preview.uid);
                Ok(Home { dir: self.preview_dir(name), uid })
            }
        }
    }

    /// A number that no app and no preview has.
    pub(super) fn fresh_uid(&self) -> u32 {
        let mut next = self.next_uid.lock().unwrap_or_else(PoisonError::into_inner);
        *next += 1;
        *next - 1
    }

    /// Gives a place its accounts in MySQL and Redis, and tells its PHP of them. The schema must be there.
    pub(super) async fn settle(&self, home: &Home, names: &Names) -> Result<Digest, HostError> {
        let accounts = home.accounts()?;
        let schema = names.schema.as_str().to_owned();
        let account = |user: &str, password: &str, rights| Account {
            user: user.to_owned(),
            password: password.to_owned(),
            schema: schema.clone(),
            rights,
        };
        let key_user = |user: &str, password: &str, read_only| RedisAccount {
            user: user.to_owned(),
            password: password.to_owned(),
            prefix: names.prefix.clone(),
            read_only,
        };
        self.database.create_account(&account(&names.user, &accounts.user, Rights::ReadWrite)).await?;
        self.database.create_account(&account(&names.reader, &accounts.reader, Rights::ReadOnly)).await?;
        fail::point("account.after", names.schema.kind());
        self.cache.create_user(&key_user(&names.user, &accounts.user, false)).await?;
        self.cache.create_user(&key_user(&names.reader, &accounts.reader, true)).await?;
        fail::point("acl.after", names.schema.kind());
        home.write_config(&self.config_php(names, &accounts))
    }

    /// Makes the app's schema, accounts and directories, unless they are there.
    pub(super) async fn make_app(&self, state: &AppState) -> Result<(), HostError> {
        let (home, names) = (self.app_home(state), Names::of_app(&state.app));
        if home.config().exists() {
            return Ok(());
        }
        home.make()?;
        self.database.create_schema(names.schema.as_str()).await?;
        fail::point("schema.after", "app");
        // Written last, the configuration says that all of it is there.
        self.settle(&home, &names).await?;
        Ok(())
    }

    /// Tells every app's and preview's PHP where the servers are now: they may have moved since the host was last here.
    async fn readdress(&self, states: &[AppState]) -> Result<(), HostError> {
        let pools = self.pools.names()?;
        for state in states {
            let previews = state.previews.iter().filter(|preview| preview.ready).map(|preview| {
                let names = Names::of_preview(&preview.name);
                (self.preview_home(preview), names, super::preview::pool_of(&preview.name))
            });
            let app = (self.app_home(state), Names::of_app(&state.app), super::activate::app_pool(state));
            for (home, names, pool) in previews.chain([app]).filter(|(home, ..)| home.config().exists()) {
                home.write_config(&self.config_php(&names, &home.accounts()?))?;
                if pools.contains(&pool) {
                    self.open_pool(pool, &home).await?;
                }
            }
        }
        Ok(())
    }

    /// Starts the PHP of a place, and waits until it answers.
    pub(super) async fn open_pool(&self, name: String, home: &Home) -> Result<(), HostError> {
        let config = fs::read(home.config()).map_err(HostError::file("cannot read", home.config()))?;
        let spec = PoolSpec { name, home: home.dir.clone(), uid: home.uid, config: Digest::of_bytes(&config) };
        self.pools.open(&spec).await
    }

    pub(super) fn access(&self, home: &Home, place: &Place) -> Result<protocol::tools::host::Access, HostError> {
        let (names, accounts) = (Names::of(place), home.accounts()?);
        let Server { host, port } = &self.mysql;
        let mysql = format!("mysql://{}:{}@{host}:{port}/{}", names.reader, accounts.reader, names.schema);
        let Server { host, port } = &self.redis;
        let redis = format!("redis://{}:{}@{host}:{port}/0", names.reader, accounts.reader);
        Ok(protocol::tools::host::Access {
            web: self.config.web.clone(),
            host_header: self.host_header(place),
            mysql,
            redis,
            redis_prefix: names.prefix,
            secrets: [&accounts.user, &accounts.reader, &accounts.secret]
                .map(|secret| Digest::of_bytes(secret.as_bytes()))
                .to_vec(),
        })
    }

    /// Where a place answers, as people write it.
    pub(super) fn url(&self, place: &Place) -> String {
        format!("http://{}/", self.host_header(place))
    }

    fn host_header(&self, place: &Place) -> String {
        match place {
            Place::Live(app) => format!("{app}.{}", self.config.public),
            Place::Preview(preview) => format!("{preview}.preview.{}", self.config.public),
        }
    }

    fn config_php(&self, names: &Names, accounts: &Accounts) -> String {
        ConfigPhp { names, accounts, mysql: &self.mysql, redis: &self.redis }.text()
    }
}

pub(super) fn no_such_app(app: &AppName) -> HostError {
    Code::NotFound.problem(format!("there is no app {app}")).into()
}

/// Work on files, which may take a while, away from the threads that answer. It cannot be ended: its act's turn lasts until
/// it is done.
pub(super) async fn on_files<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HostError> + Send + 'static,
) -> Result<T, HostError> {
    let turn = turn::held();
    let work = move || {
        let done = work();
        drop(turn);
        done
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(error = %error, "Work on files broke off");
        Err(HostError::BrokenOff)
    })
}

/// A removal of what is not there is done.
pub(super) fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
