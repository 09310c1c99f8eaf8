//! What an agent that has jobs is told by its environment.

use super::Reader;
use crate::{Hints, Service, job::Timing, store::StoreLocation};
use std::{str::FromStr, time::Duration};

/// Where an agent keeps its jobs, and how it works on them.
///
/// | variable | meaning |
/// |---|---|
/// | `YONIN_STORE_URL` | `mysql://user:password@host:port/schema`, `sqlite:///var/lib/yonin/planner.db`, or a path; `NAME.db` in the working directory |
/// | `YONIN_STORE_CONNECTIONS` | connections to a MySQL store at most; 8 |
/// | `YONIN_HINTS_URL` | `redis://host:port`: wake-up hints between replicas; without it they poll |
/// | `YONIN_SLOTS` | jobs at once; 4 |
/// | `YONIN_QUEUE_LIMIT` | jobs that may be queued before callers get 429; 100,000 |
/// | `YONIN_RETENTION_DAYS` | days that ended jobs are kept; 30 |
/// | `YONIN_LEASE_SECONDS` | how long a claim outlives its worker's last sign of life; 30 |
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Where its jobs are.
    pub location: StoreLocation,
    /// The Redis that carries hints.
    hints: Option<String>,
    slots: usize,
    longest_queue: u64,
    retention: Duration,
    timing: Timing,
}

impl StoreConfig {
    /// Reads what an agent of this name needs; mistakes stay in the reader.
    pub fn read(reader: &mut Reader, name: &'static str) -> Self {
        let file = StoreLocation::File(format!("{name}.db").into());
        let mut location = reader.or("YONIN_STORE_URL", file);
        let most = reader.or("YONIN_STORE_CONNECTIONS", Number::<2, 1024>(StoreLocation::CONNECTIONS.into())).0;
        if let StoreLocation::Server { connections, .. } = &mut location {
            *connections = u32::try_from(most).unwrap_or(StoreLocation::CONNECTIONS);
        }
        let lease = Duration::from_secs(reader.or("YONIN_LEASE_SECONDS", Number::<1, 3600>(30)).0);
        let days = reader.or("YONIN_RETENTION_DAYS", Number::<1, 36_500>(30)).0;
        Self {
            location,
            hints: reader.optional::<RedisUrl>("YONIN_HINTS_URL").map(|url| url.0),
            slots: usize::try_from(reader.or("YONIN_SLOTS", Number::<1, 1024>(4)).0).unwrap_or(4),
            longest_queue: reader.or("YONIN_QUEUE_LIMIT", Number::<1, 1_000_000_000>(100_000)).0,
            retention: Duration::from_secs(days * 24 * 3600),
            timing: Timing { lease, heartbeat: lease / 3, ..Timing::default() },
        }
    }

    /// The hints between this process and the others.
    ///
    /// # Errors
    /// When the URL is none of Redis.
    pub fn hints(&self) -> Result<Hints, redis::RedisError> {
        self.hints.as_deref().map_or_else(|| Ok(Hints::in_process()), Hints::over_redis)
    }

    /// The service, told how it works on its jobs.
    #[must_use]
    pub fn apply(&self, service: Service) -> Service {
        service.worker(self.slots, self.timing).longest_queue(self.longest_queue).retention(self.retention)
    }
}

/// A whole number within bounds.
struct Number<const LEAST: u64, const MOST: u64>(u64);

impl<const LEAST: u64, const MOST: u64> FromStr for Number<LEAST, MOST> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(number) if (LEAST..=MOST).contains(&number) => Ok(Self(number)),
            _ => Err(format!("expected a number from {LEAST} to {MOST}")),
        }
    }
}

struct RedisUrl(String);

impl FromStr for RedisUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = redis::Client::open(text).is_ok();
        if known { Ok(Self(text.to_owned())) } else { Err("expected redis://[user:password@]host:port") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn read(variables: &[(&str, &str)]) -> (StoreConfig, Vec<String>) {
        let mut reader = Reader::of(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let config = StoreConfig::read(&mut reader, "planner");
        (config, reader.finish().err().unwrap_or_default())
    }

    #[test]
    fn nothing_must_be_given() {
        let (config, mistakes) = read(&[]);
        assert_eq!(mistakes, Vec::<String>::new());
        assert_eq!(config.location, StoreLocation::File(PathBuf::from("planner.db")));
        assert_eq!((config.slots, config.longest_queue, config.timing), (4, 100_000, Timing::default()));
    }

    #[test]
    fn stores_are_files_or_schemas_on_servers() {
        for (text, file) in [("sqlite:///a/b.db", "/a/b.db"), ("sqlite:b.db", "b.db"), ("/a/b.db", "/a/b.db")] {
            assert_eq!(text.parse(), Ok(StoreLocation::File(PathBuf::from(file))));
        }
        let (config, mistakes) =
            read(&[("YONIN_STORE_URL", "mysql://u:secret@store/yonin"), ("YONIN_STORE_CONNECTIONS", "3")]);
        assert_eq!(mistakes, Vec::<String>::new());
        let url = "mysql://u:secret@store/yonin".to_owned();
        assert_eq!(config.location, StoreLocation::Server { url, connections: 3 });
        assert!(!format!("{config:?}").contains("secret"));
        for wrong in ["postgres://x", "mysql://store", "mysql://store/", "mysql:///yonin", ""] {
            assert!(wrong.parse::<StoreLocation>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_mistake_is_told_at_once_and_no_password_with_it() {
        let (_, mistakes) = read(&[
            ("YONIN_STORE_URL", "mysql://root:secret@store"),
            ("YONIN_HINTS_URL", "http://:secret@hints"),
            ("YONIN_SLOTS", "0"),
            ("YONIN_QUEUE_LIMIT", "many"),
            ("YONIN_RETENTION_DAYS", "-1"),
        ]);
        assert_eq!(mistakes.len(), 5, "{mistakes:?}");
        assert!(mistakes.iter().all(|mistake| !mistake.contains("secret")), "{mistakes:?}");
    }
}
