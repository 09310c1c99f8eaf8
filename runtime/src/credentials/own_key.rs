use super::Credential;
use std::sync::{Arc, PoisonError, RwLock};

/// What a service shows to those it calls. It may change while the service runs: calls that begin later show the new one. Cheap to
/// clone; clones change together.
#[derive(Debug, Clone)]
pub struct OwnKey(Arc<RwLock<Arc<Credential>>>);

impl OwnKey {
    /// The credential of this moment.
    #[must_use]
    pub fn current(&self) -> Arc<Credential> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on this one.
    pub fn replace(&self, credential: Credential) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(credential);
    }
}

impl From<Credential> for OwnKey {
    fn from(credential: Credential) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(credential))))
    }
}
