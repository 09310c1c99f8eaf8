use super::{Callers, Fingerprint, Keys, Principal};
use protocol::{Code, KeyId, Problem};

/// Something that knows who is behind a credential. A service asks its authorities one after the other.
///
/// This is where another way of proving who one is belongs, such as the signed tokens of an OpenID provider. It would be one more
/// variant, which looks at what `Bearer` found, checks signature, issuer, audience and time, and makes of the token's
/// claims the same [`Principal`]: a name and a role. Nothing after this would notice. The provider's address would also stand in the
/// service's protected resource metadata, as one of its `authorization_servers`.
#[derive(Debug, Clone)]
pub enum Authority {
    /// The configuration.
    Configuration(Callers),
    /// API keys in the store.
    Keys(Keys),
}

/// A caller, and what proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proven {
    pub(crate) principal: Principal,
    /// The key of the store that it is known by.
    pub(crate) key: Option<KeyId>,
}

/// Why nobody is known behind a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It showed nothing.
    NothingShown,
    /// What it showed is not known, is no key, has ended or was revoked. These are told alike.
    Unknown,
    /// Nobody can tell at the moment.
    Undecided(Problem),
}

impl Refusal {
    /// What the caller hears.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::NothingShown => Code::Unauthorized.problem("send a key: `Authorization: Bearer KEY`"),
            Self::Unknown => Code::Unauthorized.problem("the key is not known here, has expired or was revoked"),
            Self::Undecided(problem) => problem.clone(),
        }
    }
}

impl Authority {
    /// Who that is, as far as can be told without waiting.
    pub(crate) fn recall(&self, fingerprint: &Fingerprint) -> Option<Proven> {
        match self {
            Self::Configuration(callers) => callers.find(fingerprint).map(|principal| Proven { principal, key: None }),
            Self::Keys(keys) => keys.recall(fingerprint),
        }
    }

    /// Whether it knew that one not long ago, good or not by now.
    pub(crate) fn knew(&self, fingerprint: &Fingerprint) -> bool {
        match self {
            Self::Configuration(_) => false,
            Self::Keys(keys) => keys.knew(fingerprint),
        }
    }

    /// Who that is.
    pub(crate) async fn find(&self, fingerprint: &Fingerprint) -> Result<Option<Proven>, Problem> {
        match self {
            Self::Configuration(_) => Ok(self.recall(fingerprint)),
            Self::Keys(keys) => keys.find(fingerprint).await,
        }
    }
}
