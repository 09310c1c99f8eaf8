//! What every service is told by its environment.

use super::{Reader, listen::Listen, reread::Reread};
use crate::{
    Callers, Credential, OwnKey, Principal, Service,
    credentials::Fingerprint,
    service::{Limits, Rate, hosts::Name},
};
use protocol::Role;
use std::{collections::HashMap, net::SocketAddr, str::FromStr};

/// What every service is told by its environment.
///
/// | variable | meaning |
/// |---|---|
/// | `YONIN_LISTEN` | address or name, and port; `0.0.0.0:8080` |
/// | `YONIN_METRICS_LISTEN` | one more address or name, and port, where there is nothing but `/metrics` |
/// | `YONIN_ALLOWED_HOSTS` | names it is reached under besides loopback and its own in the cluster, separated by commas |
/// | `YONIN_PUBLIC_URL` | where people reach it through a proxy, `https://yonin.example.com`; where each request was sent to |
/// | `YONIN_KEY` | its own credential, shown to the services it calls |
/// | `YONIN_CALLERS` | services that may call it: `planner=KEY,coder=sha256:HEX` |
/// | `YONIN_API_KEYS` | people who may call it, written the same way, a role after the name: `mei=KEY,ann:viewer=sha256:HEX`; admin unless given |
/// | `YONIN_RATE_LIMIT` | requests a second, and at once, of each person: `500/1000` |
/// | `YONIN_STRANGER_RATE_LIMIT` | the same of each address that shows no good key: `50/200` |
///
/// Each can be given in a file instead: `YONIN_KEY_FILE=/run/secrets/key`. The files of `YONIN_KEY`, `YONIN_CALLERS` and
/// `YONIN_API_KEYS` are read again when they change. A name may stand there twice: while one key takes the place of another, both
/// are good.
#[derive(Debug)]
pub struct ServiceConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Names it is reached under besides loopback.
    pub allowed_hosts: Vec<String>,
    /// Its own credential.
    pub key: OwnKey,
    /// Who may call it.
    pub callers: Callers,
    metrics: Option<SocketAddr>,
    public_url: Option<String>,
    limits: Limits,
    reread: Vec<Reread>,
}

impl ServiceConfig {
    /// Reads what a service needs; mistakes stay in the reader.
    pub fn read(reader: &mut Reader) -> Self {
        let key = OwnKey::from(reader.required::<Key>("YONIN_KEY").credential());
        let mut reread = Vec::new();
        reread.extend(reader.file("YONIN_KEY").map(|path| {
            let (shown, own) = (key.current().reveal().to_owned(), key.clone());
            Reread::new("YONIN_KEY", path, shown, move |text| {
                own.replace(text.parse::<Key>()?.credential());
                Ok(())
            })
        }));
        let services = admit::<Services>(reader, "YONIN_CALLERS", Callers::nobody(), &mut reread);
        let callers = admit::<People>(reader, "YONIN_API_KEYS", services, &mut reread);
        let limits = Limits::default();
        Self {
            listen: Self::listen(reader),
            metrics: reader.optional::<Listen>("YONIN_METRICS_LISTEN").map(|listen| listen.0),
            allowed_hosts: reader.or("YONIN_ALLOWED_HOSTS", Names::default()).0,
            key,
            callers,
            public_url: reader.optional::<Origin>("YONIN_PUBLIC_URL").map(|origin| origin.0),
            limits: Limits {
                people: reader.or("YONIN_RATE_LIMIT", limits.people),
                strangers: reader.or("YONIN_STRANGER_RATE_LIMIT", limits.strangers),
            },
            reread,
        }
    }

    /// Where it listens; mistakes stay in the reader.
    pub(crate) fn listen(reader: &mut Reader) -> SocketAddr {
        reader.or("YONIN_LISTEN", Listen::default()).0
    }

    /// The service, told who may call it, how often and under which names; and to look for changes of that as long as it runs.
    #[must_use]
    pub fn apply(self, service: Service) -> Service {
        let service = service.callers(self.callers).allowed_hosts(self.allowed_hosts).limits(self.limits);
        let service = self.public_url.into_iter().fold(service, Service::public_url);
        let service = self.metrics.into_iter().fold(service, Service::metrics_at);
        self.reread.into_iter().fold(service, |service, file| service.upkeep(file.run()))
    }
}

/// Callers in addition to others: for good when they stand in the variable, until they change when they stand in a file.
fn admit<T>(reader: &mut Reader, variable: &'static str, others: Callers, reread: &mut Vec<Reread>) -> Callers
where
    T: FromStr<Err = String> + Default + Into<HashMap<Fingerprint, Principal>>,
{
    let text: String = reader.or(variable, String::new());
    let given = text.parse::<T>().unwrap_or_else(|error| {
        reader.mistake(format!("{variable}: {error}"));
        T::default()
    });
    let Some(path) = reader.file(variable) else {
        let add = |callers: Callers, (key, principal)| callers.and_fingerprint(key, principal);
        return given.into().into_iter().fold(others, add);
    };
    let (callers, in_file) = others.and_file(given.into());
    reread.push(Reread::new(variable, path, text, move |text| {
        in_file.replace(text.parse::<T>()?.into());
        Ok(())
    }));
    callers
}

#[derive(Default)]
struct Names(Vec<String>);

impl FromStr for Names {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names: Vec<_> = parts(text).map(str::to_owned).collect();
        if names.iter().any(|name| Name::given(name).is_none()) {
            return Err("expected host names separated by commas");
        }
        Ok(Self(names))
    }
}

/// Where people reach the service, without a path.
struct Origin(String);

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let origin = text.strip_suffix('/').unwrap_or(text);
        match origin.split_once("://") {
            Some(("http" | "https", host)) if Name::of(host).is_some() => Ok(Self(origin.to_owned())),
            _ => Err("expected https://host or https://host:port"),
        }
    }
}

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (per_second, burst) = text.split_once('/').ok_or(EXPECTED_RATE)?;
        match (per_second.trim().parse(), burst.trim().parse()) {
            (Ok(per_second @ 1..=1_000_000), Ok(burst @ 1..=1_000_000)) => Ok(Self { per_second, burst }),
            _ => Err(EXPECTED_RATE),
        }
    }
}

const EXPECTED_RATE: &str = "expected PER_SECOND/AT_ONCE, two numbers from 1 to 1000000";

/// A key as it can stand in a header.
#[derive(Default)]
struct Key(String);

impl Key {
    fn credential(self) -> Credential {
        Credential::new(self.0)
    }
}

impl FromStr for Key {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("a key is one or more visible ASCII characters");
        }
        Ok(Self(text.to_owned()))
    }
}

/// Services by what recognises their keys. Errors tell positions, never keys.
#[derive(Default)]
struct Services(HashMap<Fingerprint, Principal>);

/// People, the same way. Each is an admin unless another role follows the name.
#[derive(Default)]
struct People(HashMap<Fingerprint, Principal>);

impl From<Services> for HashMap<Fingerprint, Principal> {
    fn from(services: Services) -> Self {
        services.0
    }
}

impl From<People> for HashMap<Fingerprint, Principal> {
    fn from(people: People) -> Self {
        people.0
    }
}

impl FromStr for Services {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        keys(text, |name| Ok(Principal::service(name))).map(Self)
    }
}

impl FromStr for People {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let person = |text: &str| {
            let (name, role) = text.split_once(':').unwrap_or((text, Role::Admin.as_str()));
            let role = role.trim().parse().map_err(|_| "expected NAME:viewer=, NAME:operator= or NAME:admin=")?;
            if name.is_empty() { Err("the name is empty") } else { Ok(Principal::person(name, role)) }
        };
        keys(text, person).map(Self)
    }
}

fn keys(
    text: &str,
    named: impl Fn(&str) -> Result<Principal, &'static str>,
) -> Result<HashMap<Fingerprint, Principal>, String> {
    let told = |(index, part)| key(part, &named).map_err(|error| format!("entry {}: {error}", index + 1));
    parts(text).enumerate().map(told).collect()
}

fn key(
    part: &str,
    named: impl Fn(&str) -> Result<Principal, &'static str>,
) -> Result<(Fingerprint, Principal), &'static str> {
    let (name, key) = part.split_once('=').ok_or("expected NAME=KEY")?;
    let (name, key) = (name.trim(), key.trim().parse::<Key>()?);
    if name.is_empty() {
        return Err("the name is empty");
    }
    let fingerprint = if key.0.starts_with("sha256:") {
        key.0.parse().map_err(|_| "expected 64 hex digits after sha256:")?
    } else {
        key.credential().fingerprint()
    };
    Ok((fingerprint, named(name)?))
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> (ServiceConfig, Vec<String>) {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut reader = Reader::of(variables);
        let config = ServiceConfig::read(&mut reader);
        (config, reader.finish().err().unwrap_or_default())
    }

    #[test]
    fn a_key_is_all_that_must_be_given() {
        let (config, mistakes) = read(&[("YONIN_KEY", "k")]);
        assert_eq!(mistakes, Vec::<String>::new());
        assert_eq!(config.listen.port(), 8080);
    }

    #[test]
    fn every_mistake_is_told_at_once_and_no_key_with_it() {
        let (_, mistakes) = read(&[
            ("YONIN_LISTEN", "nowhere"),
            ("YONIN_CALLERS", "planner=secret,secret"),
            ("YONIN_API_KEYS", "me=sha256:secret"),
        ]);
        assert_eq!(mistakes.len(), 4, "{mistakes:?}");
        assert!(mistakes.iter().all(|mistake| !mistake.contains("secret")), "{mistakes:?}");
    }

    #[test]
    fn a_key_that_cannot_stand_in_a_header_is_a_mistake() {
        for bad in ["", "two words", "鍵", "line\n"] {
            let (_, mistakes) = read(&[("YONIN_KEY", bad)]);
            assert_eq!(mistakes, ["YONIN_KEY: a key is one or more visible ASCII characters"], "{bad:?}");
        }
    }

    #[test]
    fn people_and_services_are_told_apart() {
        let hash = "ann:viewer=k2, ann:operator=k3, me=sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let (config, mistakes) =
            read(&[("YONIN_KEY", "k"), ("YONIN_CALLERS", "planner=xyz"), ("YONIN_API_KEYS", hash)]);
        assert_eq!(mistakes, Vec::<String>::new());
        let who = |key: &str| {
            let value = format!("Bearer {key}").parse().expect("a header");
            config.callers.authenticate(&http::HeaderMap::from_iter([(http::header::AUTHORIZATION, value)])).ok()
        };
        assert_eq!(who("abc"), Some(Principal::person("me", Role::Admin)));
        assert_eq!(who("k2"), Some(Principal::person("ann", Role::Viewer)));
        assert_eq!(who("k3"), Some(Principal::person("ann", Role::Operator)), "one name, two keys");
        assert_eq!(who("xyz"), Some(Principal::service("planner")));
        assert_eq!(who("k"), None);
    }

    #[test]
    fn what_is_no_name_role_rate_or_origin_is_a_mistake() {
        for (name, bad) in [
            ("YONIN_API_KEYS", "mei:boss=k"),
            ("YONIN_API_KEYS", ":admin=k"),
            ("YONIN_ALLOWED_HOSTS", "a/b"),
            ("YONIN_ALLOWED_HOSTS", "http://planner"),
            ("YONIN_PUBLIC_URL", "yonin.example.com"),
            ("YONIN_PUBLIC_URL", "https://yonin.example.com/below"),
            ("YONIN_RATE_LIMIT", "0/5"),
            ("YONIN_RATE_LIMIT", "100"),
            ("YONIN_STRANGER_RATE_LIMIT", "many/more"),
        ] {
            let (_, mistakes) = read(&[("YONIN_KEY", "k"), (name, bad)]);
            assert_eq!(mistakes.len(), 1, "{name}={bad}: {mistakes:?}");
            assert!(mistakes[0].starts_with(name), "{mistakes:?}");
        }
        let good =
            [("YONIN_KEY", "k"), ("YONIN_ALLOWED_HOSTS", "planner, ::1,[::1]:80"), ("YONIN_RATE_LIMIT", "10/20")];
        let (config, mistakes) = read(&good);
        assert_eq!((mistakes, config.limits.people), (vec![], Rate { per_second: 10, burst: 20 }));
    }
}
