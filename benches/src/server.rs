use anyhow::{Context as _, ensure};
use runtime::store::StoreLocation;
use std::{fmt, process::Command};
use tempfile::TempDir;

/// What keeps jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// A file.
    Sqlite,
    /// The MariaDB that `./dev bench` started.
    MariaDb,
    /// The MySQL that `./dev bench` started.
    MySql,
}

impl Server {
    /// Those that are there. MySQL is not on every machine.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let all = [Self::Sqlite, Self::MariaDb, Self::MySql];
        all.into_iter().filter(|server| *server == Self::Sqlite || server.origin().is_ok()).collect()
    }

    /// An empty place on it; gone when dropped, or with the server.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn place(self) -> anyhow::Result<Place> {
        if self == Self::Sqlite {
            return Ok(Place::File(TempDir::new()?));
        }
        let (origin, schema) =
            (self.origin()?, format!("bench_{}", protocol::JobId::fresh().to_string().replace('-', "")));
        let address = origin.rsplit('@').next().and_then(|address| address.split_once(':'));
        let (host, port) = address.context("expected mysql://root@host:port")?;
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "--user=root", "--skip-ssl", "--host", host, "--port", port]);
        let made = client.arg("--execute").arg(format!("create database {schema}")).output()?;
        ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Ok(Place::Schema(format!("{origin}/{schema}")))
    }

    fn origin(self) -> anyhow::Result<String> {
        let name = match self {
            Self::MySql => "YONIN_TEST_MYSQL",
            _ => "YONIN_TEST_MARIADB",
        };
        std::env::var(name).with_context(|| format!("{name} is not set: `./dev bench` starts the servers"))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sqlite => "SQLite",
            Self::MariaDb => "MariaDB",
            Self::MySql => "MySQL",
        })
    }
}

/// Where a store can be made.
#[derive(Debug)]
pub enum Place {
    /// A directory of its own.
    File(TempDir),
    /// The URL of an empty schema.
    Schema(String),
}

impl Place {
    /// The store in it, with at most so many connections of one replica when it is on a server.
    #[must_use]
    pub fn store(&self, connections: u32) -> StoreLocation {
        match self {
            Self::File(directory) => StoreLocation::File(directory.path().join("store.db")),
            Self::Schema(url) => StoreLocation::Server { url: url.clone(), connections },
        }
    }
}
