use super::{Callers, Credential, Fingerprint, Principal, Proven};
use crate::{
    Hints, Store,
    job::unavailable,
    store::{NewApiKey, Which},
};
use protocol::{
    Code, KeyId, Problem, Role,
    keys::{CreateKey, KeyList, KeyRecord, KeySource, KeyState, NewKey},
};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

/// How long a key is taken for good without asking the store again: the longest that a replica which hears no hint takes a revoked
/// one.
const FRESH: Duration = Duration::from_secs(2);

/// Keys that are remembered. Those beyond are asked about each time.
const REMEMBERED: usize = 4_096;

/// What somebody must be to make keys, see them and revoke them.
const MANAGES: Role = Role::Admin;

/// The API keys of people who use a service: those in its store, and beside them those of its configuration. Cheap to clone.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    store: Store,
    hints: Hints,
    configured: Callers,
    recent: RwLock<HashMap<Fingerprint, Recent>>,
}

/// What the store said of a key a moment ago.
struct Recent {
    proven: Proven,
    until: Instant,
    /// Nothing that was read before the last change counts.
    change: u64,
}

impl Keys {
    /// The keys of the service of this name.
    #[must_use]
    pub fn new(service: &str, store: &Store, hints: Hints, configured: Callers) -> Self {
        Self(Arc::new(Inner { store: store.of(service), hints, configured, recent: RwLock::default() }))
    }

    /// Makes a key. It is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`Code::InsufficientRole`] for everybody but an admin; [`Code::NameTaken`] for a name that has keys, unless one more is asked
    /// for; [`Code::BadRequest`]; [`Code::StoreUnavailable`].
    pub async fn create(&self, caller: &Principal, wanted: CreateKey) -> Result<NewKey, Problem> {
        caller.require(MANAGES)?;
        wanted.validate()?;
        let Inner { store, .. } = &*self.0;
        let key = Credential::random();
        let row = NewApiKey {
            id: KeyId::fresh(),
            fingerprint: key.fingerprint(),
            name: wanted.name,
            role: wanted.role,
            created_by: caller.name().to_owned(),
            lives: wanted.expires_in_seconds.map(Duration::from_secs),
        };
        let made = if wanted.another {
            store.insert_api_key(&row).await.map(|()| true)
        } else if self.configured(|known| known == row.name.as_str()).is_empty() {
            store.insert_first_api_key(&row).await
        } else {
            Ok(false)
        };
        if !made.map_err(unavailable)? {
            let detail = format!("{} has keys: say `another` for one more of the same caller", row.name);
            return Err(Code::NameTaken.problem(detail));
        }
        tracing::info!(key.id = %row.id, key.name = %row.name, key.role = %row.role, %caller, "A key was made");
        let about = store.api_keys(Some(&Which::One(row.id))).await.map_err(unavailable)?.pop();
        let about = about.ok_or_else(|| Code::Internal.problem("the key is gone already"))?;
        Ok(NewKey { key: key.reveal().to_owned(), about })
    }

    /// All keys, without the keys themselves: those of the configuration first, then the newest.
    ///
    /// # Errors
    /// [`Code::InsufficientRole`] for everybody but an admin; [`Code::StoreUnavailable`].
    pub async fn list(&self, caller: &Principal) -> Result<KeyList, Problem> {
        caller.require(MANAGES)?;
        let mut keys = self.configured(|_| true);
        keys.extend(self.0.store.api_keys(None).await.map_err(unavailable)?);
        Ok(KeyList { keys })
    }

    /// Revokes the key with this id, or every key of this name. This replica refuses them from now on, and so does every other that
    /// hears the hint; one that does not, two seconds later. Gives what is known of the keys then.
    ///
    /// # Errors
    /// [`Code::InsufficientRole`] for everybody but an admin; [`Code::NotFound`]; [`Code::Forbidden`] when only the configuration can
    /// take it back; [`Code::StoreUnavailable`].
    pub async fn revoke(&self, caller: &Principal, name_or_id: &str) -> Result<KeyList, Problem> {
        caller.require(MANAGES)?;
        let which = name_or_id.parse().map_or_else(|_| Which::AllOf(name_or_id.to_owned()), Which::One);
        self.0.store.revoke_api_keys(&which).await.map_err(unavailable)?;
        self.0.hints.keys_changed();
        let keys = match &which {
            Which::One(_) => self.0.store.api_keys(Some(&which)).await.map_err(unavailable)?,
            Which::AllOf(name) => self.of_name(name).await?,
        };
        if keys.is_empty() {
            return Err(Code::NotFound.problem(format!("there is no key {name_or_id:?}")));
        }
        if keys.iter().all(|key| key.source == KeySource::Configuration) {
            let detail =
                format!("the key of {name_or_id} stands in the configuration (YONIN_API_KEYS): take it out there");
            return Err(Code::Forbidden.problem(detail));
        }
        tracing::info!(key.which = name_or_id, %caller, "Keys were revoked");
        Ok(KeyList { keys })
    }

    /// Who that is, if the store said so a moment ago.
    pub(crate) fn recall(&self, fingerprint: &Fingerprint) -> Option<Proven> {
        let recent = self.0.recent.read().unwrap_or_else(PoisonError::into_inner);
        let known = recent.get(fingerprint)?;
        let holds = known.change == self.0.hints.key_changes() && Instant::now() < known.until;
        holds.then(|| known.proven.clone())
    }

    /// Whether the store knew it when it was last asked.
    pub(crate) fn knew(&self, fingerprint: &Fingerprint) -> bool {
        self.0.recent.read().unwrap_or_else(PoisonError::into_inner).contains_key(fingerprint)
    }

    /// Who that is, as the store says.
    pub(crate) async fn find(&self, fingerprint: &Fingerprint) -> Result<Option<Proven>, Problem> {
        // Before reading: what changes while it reads is read again.
        let change = self.0.hints.key_changes();
        let found = self.0.store.live_api_key(fingerprint).await.map_err(unavailable)?;
        let Some(key) = found else {
            self.recent().remove(fingerprint);
            return Ok(None);
        };
        if key.unnoted {
            self.note_use(key.id);
        }
        let proven = Proven { principal: Principal::Person { name: key.name, role: key.role }, key: Some(key.id) };
        let until = Instant::now() + key.lives.map_or(FRESH, |lives| lives.min(FRESH));
        self.remember(*fingerprint, Recent { proven: proven.clone(), until, change });
        Ok(Some(proven))
    }

    fn remember(&self, fingerprint: Fingerprint, known: Recent) {
        let mut recent = self.recent();
        if recent.len() >= REMEMBERED {
            let now = Instant::now();
            recent.retain(|_, known| now < known.until);
        }
        if recent.len() < REMEMBERED {
            recent.insert(fingerprint, known);
        }
    }

    /// Nobody waits for it, and nothing hangs on it.
    fn note_use(&self, key: KeyId) {
        let store = self.0.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.note_use(key).await {
                tracing::debug!(%error, "The use of a key could not be noted");
            }
        });
    }

    async fn of_name(&self, name: &str) -> Result<Vec<KeyRecord>, Problem> {
        let mut keys = self.configured(|known| known == name);
        keys.extend(self.0.store.api_keys(Some(&Which::AllOf(name.to_owned()))).await.map_err(unavailable)?);
        Ok(keys)
    }

    fn configured(&self, wanted: impl Fn(&str) -> bool) -> Vec<KeyRecord> {
        let people = self.0.configured.people().into_iter();
        people.filter(|person| wanted(person.name())).filter_map(configured).collect()
    }

    fn recent(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<Fingerprint, Recent>> {
        self.0.recent.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn configured(principal: Principal) -> Option<KeyRecord> {
    let Principal::Person { name, role } = principal else { return None };
    Some(KeyRecord {
        id: None,
        name,
        role,
        state: KeyState::Active,
        source: KeySource::Configuration,
        created_by: None,
        created_at: None,
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    })
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("store", &self.0.store).finish_non_exhaustive()
    }
}
