use super::{Bearer, Credential, Fingerprint, Principal};
use http::HeaderMap;
use protocol::{Code, Problem};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

type Known = HashMap<Fingerprint, Principal>;

/// Everybody who may call a service because its configuration says so. Cheap to clone.
///
/// ```
/// use protocol::Role;
/// use runtime::{Callers, Credential, Principal};
/// let key = Credential::random();
/// let callers = Callers::nobody().and(&key, Principal::person("me", Role::Admin));
/// let mut headers = http::HeaderMap::new();
/// assert!(callers.authenticate(&headers).is_err());
/// headers.insert("authorization", format!("Bearer {}", key.reveal()).parse().unwrap());
/// assert_eq!(callers.authenticate(&headers).unwrap(), Principal::person("me", Role::Admin));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Callers {
    // Looking a hash up takes a time that says nothing about the key: comparing keys would.
    fixed: Arc<Known>,
    /// Those that are in files, which may change.
    files: Vec<Arc<RwLock<Known>>>,
}

impl Callers {
    /// Nobody.
    #[must_use]
    pub fn nobody() -> Self {
        Self::default()
    }

    /// And the holder of this credential. A name may have several: while one takes the place of another, both are good.
    #[must_use]
    pub fn and(self, credential: &Credential, principal: Principal) -> Self {
        self.and_fingerprint(credential.fingerprint(), principal)
    }

    /// And the holder of the credential with this fingerprint.
    #[must_use]
    pub fn and_fingerprint(mut self, fingerprint: Fingerprint, principal: Principal) -> Self {
        Arc::make_mut(&mut self.fixed).insert(fingerprint, principal);
        self
    }

    /// And these, who may be others later on.
    pub(crate) fn and_file(mut self, known: Known) -> (Self, InFile) {
        let shared = Arc::new(RwLock::new(known));
        self.files.push(Arc::clone(&shared));
        (self, InFile(shared))
    }

    /// Whose fingerprint that is.
    pub(crate) fn find(&self, fingerprint: &Fingerprint) -> Option<Principal> {
        let in_file =
            |file: &Arc<RwLock<Known>>| file.read().unwrap_or_else(PoisonError::into_inner).get(fingerprint).cloned();
        self.fixed.get(fingerprint).cloned().or_else(|| self.files.iter().find_map(in_file))
    }

    /// The people among them, by name.
    pub(crate) fn people(&self) -> Vec<Principal> {
        let mut people: Vec<_> = self.fixed.values().cloned().collect();
        for file in &self.files {
            people.extend(file.read().unwrap_or_else(PoisonError::into_inner).values().cloned());
        }
        people.retain(|principal| matches!(principal, Principal::Person { .. }));
        people.sort_by(|one, other| one.name().cmp(other.name()));
        people
    }

    /// The caller behind an `Authorization` header.
    ///
    /// # Errors
    /// [`protocol::Code::Unauthorized`] when there is no bearer key, or an unknown one.
    pub fn authenticate(&self, headers: &HeaderMap) -> Result<Principal, Problem> {
        let found = match Bearer::of(headers) {
            Bearer::Key(fingerprint) => self.find(&fingerprint),
            Bearer::Nothing | Bearer::Malformed => None,
        };
        found.ok_or_else(|| Code::Unauthorized.problem("no key, or none that is known here"))
    }
}

/// Where the callers of a file are put when it has changed.
#[derive(Debug)]
pub(crate) struct InFile(Arc<RwLock<Known>>);

impl InFile {
    /// These instead of those before.
    pub(crate) fn replace(&self, known: Known) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::AUTHORIZATION;
    use protocol::Role;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().expect("a header"))])
    }

    #[test]
    fn only_a_known_bearer_key_gets_in() {
        let (known, other) = (Credential::random(), Credential::random());
        let callers = Callers::nobody().and(&known, Principal::service("planner"));
        let good = headers(&format!("bearer {}", known.reveal()));
        assert_eq!(callers.authenticate(&good).expect("known"), Principal::service("planner"));
        for bad in [format!("Bearer {}", other.reveal()), format!("Basic {}", known.reveal()), "Bearer".to_owned()] {
            assert_eq!(callers.authenticate(&headers(&bad)).expect_err("not known").code, Code::Unauthorized);
        }
    }

    #[test]
    fn who_is_in_a_file_may_be_another_later() {
        let (old, new) = (Credential::random(), Credential::random());
        let known = |key: &Credential| Known::from([(key.fingerprint(), Principal::person("mei", Role::Viewer))]);
        let (callers, file) = Callers::nobody().and_file(known(&old));
        assert!(callers.find(&old.fingerprint()).is_some());
        file.replace(known(&new));
        assert_eq!((callers.find(&old.fingerprint()), callers.people().len()), (None, 1));
        assert!(callers.find(&new.fingerprint()).is_some());
    }
}
