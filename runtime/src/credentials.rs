//! Who is calling. Keys are random, compared by their SHA-256, never logged.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, header::AUTHORIZATION};
use protocol::{Code, Problem};
use rand::Rng as _;
use sha2::{Digest as _, Sha256};
use std::{collections::HashMap, fmt, str::FromStr, sync::Arc};

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principal {
    /// Somebody with an API key of this name.
    Person(String),
    /// One of our services, by its name: `planner`, `architect`, `coder`, `tester`.
    Service(String),
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => write!(f, "person:{name}"),
            Self::Service(name) => write!(f, "service:{name}"),
        }
    }
}

/// A secret that proves who is calling. Its `Debug` shows nothing of it, and it can't be compared: the time that takes would tell
/// how much of a guess is right. Compare fingerprints.
#[derive(Clone)]
pub struct Credential(String);

impl Credential {
    /// A fresh one: `yonin_` and 32 random bytes in base64url.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0_u8; 32];
        rand::rng().fill_bytes(&mut bytes);
        Self(format!("yonin_{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The one that is written so.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for a header.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What others need to recognise it.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(&self.0).into())
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

/// The SHA-256 of a credential: enough to recognise it, not to use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// The text is not `sha256:` and 64 hex digits.
#[derive(Debug, thiserror::Error)]
#[error("not a fingerprint: expected sha256: and 64 hex digits")]
pub struct NotAFingerprint;

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        let mut bytes = [0; 32];
        let digits = text.strip_prefix("sha256:").ok_or(NotAFingerprint)?;
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| NotAFingerprint)?;
        Ok(Self(bytes))
    }
}

/// Everybody who may call a service. Cheap to clone.
///
/// ```
/// use runtime::{Callers, Credential, Principal};
/// let key = Credential::random();
/// let callers = Callers::nobody().and(&key, Principal::Person("me".to_owned()));
/// let mut headers = http::HeaderMap::new();
/// assert!(callers.authenticate(&headers).is_err());
/// headers.insert("authorization", format!("Bearer {}", key.reveal()).parse().unwrap());
/// assert_eq!(callers.authenticate(&headers).unwrap(), Principal::Person("me".to_owned()));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Callers {
    // Looking a hash up takes a time that says nothing about the key: comparing keys would.
    by_fingerprint: Arc<HashMap<Fingerprint, Principal>>,
}

impl Callers {
    /// Nobody.
    #[must_use]
    pub fn nobody() -> Self {
        Self::default()
    }

    /// And the holder of this credential.
    #[must_use]
    pub fn and(self, credential: &Credential, principal: Principal) -> Self {
        self.and_fingerprint(credential.fingerprint(), principal)
    }

    /// And the holder of the credential with this fingerprint.
    #[must_use]
    pub fn and_fingerprint(mut self, fingerprint: Fingerprint, principal: Principal) -> Self {
        Arc::make_mut(&mut self.by_fingerprint).insert(fingerprint, principal);
        self
    }

    /// The caller behind an `Authorization` header.
    ///
    /// # Errors
    /// [`protocol::Code::Unauthorized`] when there is no bearer key, or an unknown one.
    pub fn authenticate(&self, headers: &HeaderMap) -> Result<Principal, Problem> {
        let header =
            headers.get(AUTHORIZATION).ok_or_else(|| unauthorized("send a key: `Authorization: Bearer KEY`"))?;
        let key = header
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, key)| Credential::new(key.trim()))
            .ok_or_else(|| unauthorized("the Authorization header is not `Bearer KEY`"))?;
        self.by_fingerprint.get(&key.fingerprint()).cloned().ok_or_else(|| unauthorized("the key is not known here"))
    }
}

fn unauthorized(detail: &str) -> Problem {
    Code::Unauthorized.problem(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().expect("a header"))])
    }

    #[test]
    fn only_a_known_bearer_key_gets_in() {
        let (known, other) = (Credential::random(), Credential::random());
        let callers = Callers::nobody().and(&known, Principal::Service("planner".to_owned()));
        let good = headers(&format!("bearer {}", known.reveal()));
        assert_eq!(callers.authenticate(&good).expect("known"), Principal::Service("planner".to_owned()));
        for bad in [format!("Bearer {}", other.reveal()), format!("Basic {}", known.reveal()), "Bearer".to_owned()] {
            assert_eq!(callers.authenticate(&headers(&bad)).expect_err("not known").code, Code::Unauthorized);
        }
    }

    #[test]
    fn a_credential_never_shows_itself() {
        let credential = Credential::random();
        assert!(credential.reveal().starts_with("yonin_"));
        assert_eq!(credential.reveal().len(), 6 + 43);
        assert!(!format!("{credential:?}").contains(credential.reveal()));
    }

    #[test]
    fn a_fingerprint_is_as_good_as_the_key() {
        let key = Credential::new("abc");
        let written = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(written.parse::<Fingerprint>().expect("a fingerprint"), key.fingerprint());
        assert!("abc".parse::<Fingerprint>().is_err());
    }
}
