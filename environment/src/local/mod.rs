//! A private Nginx, PHP-FPM, MariaDB and Redis on free loopback ports: for `yonin up`, the demo and the tests alike.
//!
//! ```no_run
//! # async fn example() -> Result<(), environment::local::LocalError> {
//! use environment::local::{LocalConfig, Services};
//!
//! let services = Services::start(LocalConfig::new("/var/lib/shop")).await?;
//! println!("apps answer below {}", services.web());
//! services.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! As root every server works as a user of its own; as anybody else all work as that user. They end with this process, also
//! when it is killed.

mod error;
mod fpm;
mod mariadb;
mod nginx;
mod pools;
mod ports;
mod process;
mod programs;
mod redis;
mod secrets;
mod supervised;

pub use error::LocalError;
pub use nginx::{NginxConfig, configuration as nginx_configuration};
pub use pools::PoolSupervisor;
pub(crate) use process::may_switch;
pub(crate) use programs::Php;
pub(crate) use secrets::password;

use nix::sys::signal::Signal;
use process::{Daemon, Owner, Spawner};
use programs::Programs;
use protocol::Digest;
use secrets::Secrets;
use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use supervised::{Ending, Supervised};

/// What to start.
#[derive(Debug, Clone)]
pub struct LocalConfig {
    /// Where everything is kept. Starting again on the same directory finds the same data.
    pub dir: PathBuf,
    /// The domain below which apps answer.
    pub domain: String,
    /// Nginx's port; any free one when `None`.
    pub web_port: Option<u16>,
    /// MariaDB's port; any free one when `None`.
    pub mysql_port: Option<u16>,
    /// Redis's port; any free one when `None`.
    pub redis_port: Option<u16>,
    /// What must survive.
    pub durability: Durability,
}

/// What must survive a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// What was committed.
    Durable,
    /// Nothing: for tests.
    Fast,
}

impl LocalConfig {
    /// `localhost` as domain, free ports, durable.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            domain: "localhost".to_owned(),
            web_port: None,
            mysql_port: None,
            redis_port: None,
            durability: Durability::Durable,
        }
    }
}

/// The servers at work. One that dies is started again. Dropping it ends them at once; [`Services::stop`] lets them end in order.
#[derive(Debug)]
pub struct Services {
    ground: Arc<Ground>,
    ports: Ports,
    nginx: Supervised,
    pools: PoolSupervisor,
    mariadb: Supervised,
    redis: Supervised,
}

/// What the servers are started from, the first time and after one has died.
#[derive(Debug)]
struct Ground {
    spawner: Spawner,
    programs: Programs,
    layout: Layout,
    secrets: Secrets,
    domain: String,
    durability: Durability,
}

impl Ground {
    async fn mariadb(&self, port: u16) -> Result<Daemon, LocalError> {
        let Self { spawner, programs, layout, secrets, durability, .. } = self;
        mariadb::start(spawner, programs, &layout.mysql, port, secrets, *durability).await
    }

    async fn redis(&self, port: u16) -> Result<Daemon, LocalError> {
        let Self { spawner, programs, layout, secrets, durability, .. } = self;
        redis::start(spawner, programs, &layout.redis, port, secrets, *durability).await
    }

    async fn nginx(&self, port: u16) -> Result<Daemon, LocalError> {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let Layout { root, sockets, nginx, .. } = &self.layout;
        let config = NginxConfig { listen, domain: &self.domain, root, sockets, scratch: nginx };
        nginx::start(&self.spawner, &self.programs, &config).await
    }
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    web: u16,
    mysql: u16,
    redis: u16,
}

/// A start with ports of our own choice is tried so often, since somebody may take one between the choice and its use.
const ATTEMPTS: usize = 3;

impl Services {
    /// For requests under way when Nginx stops.
    const ANSWERS: Duration = Duration::from_secs(2);
    /// For what must be written down when a server stops.
    const DEADLINE: Duration = Duration::from_secs(12);

    /// Starts all of them side by side and returns when all answer: within a second on a directory that was used before.
    ///
    /// # Errors
    /// [`LocalError`]: a program is missing, a port that was asked for is taken, no space, a server does not start.
    pub async fn start(config: LocalConfig) -> Result<Self, LocalError> {
        let programs = Programs::find()?;
        let layout = Layout::make(&config.dir)?;
        let secrets = Secrets::load_or_make(&layout.secrets)?;
        // Looked at before anything starts, so that a taken port leaves nothing to be ended.
        for port in [config.web_port, config.mysql_port, config.redis_port].into_iter().flatten() {
            ports::pick(Some(port))?;
        }
        let spawner = Spawner::new()?;
        let LocalConfig { domain, durability, .. } = config;
        let ground = Arc::new(Ground { spawner, programs, layout, secrets, domain, durability });
        let Layout { pools, sockets, .. } = &ground.layout;
        let (mariadb, redis, nginx, pools) = tokio::try_join!(
            on_port(config.mysql_port, async |port| ground.mariadb(port).await),
            on_port(config.redis_port, async |port| ground.redis(port).await),
            on_port(config.web_port, async |port| ground.nginx(port).await),
            PoolSupervisor::start_with(pools, sockets, ground.spawner.clone()),
        )?;
        let ports = Ports { web: nginx.0, mysql: mariadb.0, redis: redis.0 };
        let (again, ending) = (Arc::clone(&ground), Ending { signal: Signal::SIGTERM, deadline: Self::DEADLINE });
        let mariadb = Supervised::keep(mariadb.1, ending, move || {
            let ground = Arc::clone(&again);
            async move { ground.mariadb(ports.mysql).await }
        });
        let again = Arc::clone(&ground);
        let redis = Supervised::keep(redis.1, ending, move || {
            let ground = Arc::clone(&again);
            async move { ground.redis(ports.redis).await }
        });
        let (again, ending) = (Arc::clone(&ground), Ending { signal: Signal::SIGQUIT, deadline: Self::ANSWERS });
        let nginx = Supervised::keep(nginx.1, ending, move || {
            let ground = Arc::clone(&again);
            async move { ground.nginx(ports.web).await }
        });
        tracing::info!(
            web.port = ports.web,
            mysql.port = ports.mysql,
            redis.port = ports.redis,
            "The environment is up"
        );
        Ok(Self { ground, ports, nginx, pools, mariadb, redis })
    }

    /// Ends them in order: what takes requests first, what keeps data last. Takes at most 20 seconds.
    pub async fn stop(self) {
        self.nginx.stop().await;
        tokio::join!(self.pools.stop(), self.mariadb.stop(), self.redis.stop());
    }

    /// Nginx: `http://127.0.0.1:41234`. Apps answer there by their `Host` header.
    #[must_use]
    pub fn web(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.web)
    }

    /// MariaDB under the host's account: `mysql://user:password@127.0.0.1:port/`.
    #[must_use]
    pub fn mysql_admin(&self) -> String {
        self.mysql(mariadb::ADMIN, &self.ground.secrets.admin)
    }

    /// MariaDB under an account that reads everything.
    #[must_use]
    pub fn mysql_reader(&self) -> String {
        self.mysql(mariadb::READER, &self.ground.secrets.reader)
    }

    /// Redis under the host's account: `redis://user:password@127.0.0.1:port/0`.
    #[must_use]
    pub fn redis_admin(&self) -> String {
        self.redis(redis::ADMIN, &self.ground.secrets.admin)
    }

    /// Redis under an account that reads everything.
    #[must_use]
    pub fn redis_reader(&self) -> String {
        self.redis(redis::READER, &self.ground.secrets.reader)
    }

    /// What a host on these servers needs to know.
    #[must_use]
    pub fn host_config(&self, tester: ed25519_dalek::VerifyingKey) -> crate::host::HostConfig {
        crate::host::HostConfig {
            root: self.ground.layout.root.clone(),
            pools: self.ground.layout.pools.clone(),
            sockets: self.ground.layout.sockets.clone(),
            public: format!("{}:{}", self.ground.domain, self.ports.web),
            web: self.web(),
            mysql: self.mysql_admin(),
            redis: self.redis_admin(),
            tester,
        }
    }

    fn mysql(&self, user: &str, password: &str) -> String {
        format!("mysql://{user}:{password}@127.0.0.1:{}/", self.ports.mysql)
    }

    fn redis(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@127.0.0.1:{}/0", self.ports.redis)
    }
}

/// Starts a server on the port asked for, or on a free one.
async fn on_port<F>(asked: Option<u16>, start: F) -> Result<(u16, Daemon), LocalError>
where
    F: AsyncFn(u16) -> Result<Daemon, LocalError>,
{
    let mut attempt = 1;
    loop {
        let port = ports::pick(asked)?;
        match start(port).await {
            Ok(daemon) => return Ok((port, daemon)),
            Err(LocalError::NotStarted { output, .. })
                if asked.is_none() && attempt < ATTEMPTS && output.contains("Address already in use") =>
            {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Where everything is.
#[derive(Debug, Clone)]
struct Layout {
    root: PathBuf,
    secrets: PathBuf,
    pools: PathBuf,
    sockets: PathBuf,
    nginx: PathBuf,
    mysql: PathBuf,
    redis: PathBuf,
}

/// A socket's path may have 107 bytes; this leaves room for a pool's name.
const MAX_SOCKETS: usize = 107 - "/app-/fpm.sock".len() - 31;

impl Layout {
    fn make(dir: &Path) -> Result<Self, LocalError> {
        let dir = std::path::absolute(dir).map_err(LocalError::file("cannot find", dir))?;
        fs::create_dir_all(&dir).map_err(LocalError::file("cannot make the directory", &dir))?;
        let dir = dir.canonicalize().map_err(LocalError::file("cannot find", &dir))?;
        let root = if may_switch() && !others_may_enter(&dir)? { elsewhere(&dir) } else { dir };
        directory(&root, None, 0o711)?;
        let mut sockets = root.join("run");
        if sockets.as_os_str().len() > MAX_SOCKETS {
            sockets = std::env::temp_dir().join(format!("yonin-{}", digest(&root)));
        }
        let layout = Self {
            secrets: root.join("secrets.json"),
            pools: root.join("pools"),
            nginx: root.join("nginx"),
            mysql: root.join("mysql"),
            redis: root.join("redis"),
            sockets,
            root,
        };
        for dir in [&layout.pools, &layout.sockets, &layout.root.join("apps"), &layout.root.join("previews")] {
            directory(dir, None, 0o711)?;
        }
        Ok(layout)
    }
}

/// Where another user cannot enter a directory (one below `/root`, say), the servers' users cannot reach what is in it.
fn others_may_enter(dir: &Path) -> Result<bool, LocalError> {
    for above in dir.ancestors().skip(1) {
        let mode = fs::metadata(above).map_err(LocalError::file("cannot look at", above))?.mode();
        if mode & 0o001 == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn elsewhere(dir: &Path) -> PathBuf {
    let place = Path::new("/var/lib/yonin").join(digest(dir));
    tracing::info!(
        asked = %dir.display(), used = %place.display(),
        "Other users cannot enter the data directory, so the environment is kept elsewhere"
    );
    place
}

fn digest(path: &Path) -> String {
    Digest::of_bytes(path.as_os_str().as_encoded_bytes()).short()
}

/// Makes a directory, or makes one that exists right.
fn directory(path: &Path, owner: Option<Owner>, mode: u32) -> Result<(), LocalError> {
    let make = || {
        fs::create_dir_all(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        give(path, owner)
    };
    make().map_err(LocalError::file("cannot make the directory", path))
}

/// Writes a file of its own for a server.
fn write(path: &Path, bytes: &[u8], owner: Option<Owner>, mode: u32) -> Result<(), LocalError> {
    let make = || {
        fs::write(path, bytes)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        give(path, owner)
    };
    make().map_err(LocalError::file("cannot write", path))
}

fn give(path: &Path, owner: Option<Owner>) -> io::Result<()> {
    owner.map_or(Ok(()), |owner| chown(path, Some(owner.uid), Some(owner.gid)))
}
