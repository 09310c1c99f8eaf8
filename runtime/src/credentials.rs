//! Who is calling. Keys are random, compared by their SHA-256, never logged.

use protocol::Problem;
use std::fmt;

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

/// A secret that proves who is calling. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential(String);

impl Credential {
    /// A fresh one: `yonin_` and 32 random bytes in base64url.
    #[must_use]
    pub fn random() -> Self {
        todo!()
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
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

/// Everybody who may call a service.
#[derive(Debug, Clone, Default)]
pub struct Callers {
    // SHA-256 of the key -> principal
}

impl Callers {
    /// Nobody.
    #[must_use]
    pub fn nobody() -> Self {
        Self::default()
    }

    /// And the holder of this credential.
    #[must_use]
    pub fn and(self, _credential: &Credential, _principal: Principal) -> Self {
        todo!()
    }

    /// The caller behind an `Authorization` header.
    ///
    /// # Errors
    /// [`protocol::Code::Unauthorized`] when there is no bearer key, or an unknown one.
    pub fn authenticate(&self, _headers: &axum::http::HeaderMap) -> Result<Principal, Problem> {
        todo!()
    }
}
