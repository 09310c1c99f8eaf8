//! What every service is told by its environment.

use super::{Reader, listen::Listen};
use crate::{Callers, Credential, Principal, Service, credentials::Fingerprint};
use std::{net::SocketAddr, str::FromStr};

/// What every service is told by its environment.
///
/// | variable | meaning |
/// |---|---|
/// | `YONIN_LISTEN` | address or name, and port; `0.0.0.0:8080` |
/// | `YONIN_ALLOWED_HOSTS` | names it is reached under besides loopback, separated by commas |
/// | `YONIN_KEY` | its own credential, shown to the services it calls |
/// | `YONIN_CALLERS` | services that may call it: `planner=KEY,coder=sha256:HEX` |
/// | `YONIN_API_KEYS` | people who may call it, written the same way |
///
/// Each can be given in a file instead: `YONIN_KEY_FILE=/run/secrets/key`.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Names it is reached under besides loopback.
    pub allowed_hosts: Vec<String>,
    /// Its own credential.
    pub key: Credential,
    /// Who may call it.
    pub callers: Callers,
}

impl ServiceConfig {
    /// Reads what a service needs; mistakes stay in the reader.
    pub fn read(reader: &mut Reader) -> Self {
        let services: Keys = reader.or("YONIN_CALLERS", Keys::default());
        let people: Keys = reader.or("YONIN_API_KEYS", Keys::default());
        let callers = services.admit(Callers::nobody(), Principal::Service);
        Self {
            listen: Self::listen(reader),
            allowed_hosts: reader.or("YONIN_ALLOWED_HOSTS", Names::default()).0,
            key: Credential::new(reader.required::<Key>("YONIN_KEY").0),
            callers: people.admit(callers, Principal::Person),
        }
    }

    /// Where it listens; mistakes stay in the reader.
    pub(crate) fn listen(reader: &mut Reader) -> SocketAddr {
        reader.or("YONIN_LISTEN", Listen::default()).0
    }

    /// The service, told who may call it, and under which names.
    #[must_use]
    pub fn apply(&self, service: Service) -> Service {
        service.callers(self.callers.clone()).allowed_hosts(self.allowed_hosts.iter().cloned())
    }
}

#[derive(Default)]
struct Names(Vec<String>);

impl FromStr for Names {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names: Vec<_> = parts(text).map(str::to_owned).collect();
        if names.iter().any(|name| name.contains(['/', ' '])) {
            return Err("expected host names separated by commas");
        }
        Ok(Self(names))
    }
}

/// A key as it can stand in a header.
#[derive(Default)]
struct Key(String);

impl FromStr for Key {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("a key is one or more visible ASCII characters");
        }
        Ok(Self(text.to_owned()))
    }
}

/// Names and what recognises their keys. Its errors tell positions, never keys.
#[derive(Default)]
struct Keys(Vec<(String, Fingerprint)>);

impl Keys {
    fn admit(self, callers: Callers, principal: fn(String) -> Principal) -> Callers {
        self.0.into_iter().fold(callers, |callers, (name, key)| callers.and_fingerprint(key, principal(name)))
    }
}

impl FromStr for Keys {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parts(text)
            .enumerate()
            .map(|(index, part)| key(part).map_err(|error| format!("entry {}: {error}", index + 1)))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn key(part: &str) -> Result<(String, Fingerprint), &'static str> {
    let (name, key) = part.split_once('=').ok_or("expected NAME=KEY")?;
    let (name, Key(key)) = (name.trim(), key.trim().parse()?);
    if name.is_empty() {
        return Err("the name is empty");
    }
    let fingerprint = if key.starts_with("sha256:") {
        key.parse().map_err(|_| "expected 64 hex digits after sha256:")?
    } else {
        Credential::new(key).fingerprint()
    };
    Ok((name.to_owned(), fingerprint))
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
        let hash = "me=sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let (config, mistakes) =
            read(&[("YONIN_KEY", "k"), ("YONIN_CALLERS", "planner=xyz"), ("YONIN_API_KEYS", hash)]);
        assert_eq!(mistakes, Vec::<String>::new());
        let who = |key: &str| {
            let value = format!("Bearer {key}").parse().expect("a header");
            config.callers.authenticate(&http::HeaderMap::from_iter([(http::header::AUTHORIZATION, value)])).ok()
        };
        assert_eq!(who("abc"), Some(Principal::Person("me".to_owned())));
        assert_eq!(who("xyz"), Some(Principal::Service("planner".to_owned())));
        assert_eq!(who("k"), None);
    }
}
