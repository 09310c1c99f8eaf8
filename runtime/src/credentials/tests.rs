//! Keys in stores of every kind, as two replicas see them.

use super::{Authority, Callers, Credential, Fingerprint, Keys, Principal, Proven};
use crate::{
    Hints,
    store::tests::place::{self, Place},
};
use futures::future::join_all;
use protocol::{
    Code, Role,
    keys::{CreateKey, KeySource, KeyState, NewKey},
};
use std::time::{Duration, Instant};

/// What the documentation promises of a replica that hears no hint, and some time for a busy machine.
const BOUND: Duration = Duration::from_secs(2);

macro_rules! on_every_backend {
    ($($test:ident)*) => {
        on_every_backend! { sqlite mariadb mysql : [$($test)*] }
    };
    ($($backend:ident)* : $tests:tt) => { $(on_every_backend! { @ $backend $tests })* };
    (@ $backend:ident [$($test:ident)*]) => {
        mod $backend {
            $(
                #[tokio::test]
                async fn $test() {
                    let Some(place) = super::place::$backend().await else { return };
                    super::$test(&place).await;
                }
            )*
        }
    };
}

on_every_backend! {
    a_revoked_key_is_refused_at_once_where_hints_arrive
    a_revoked_key_is_refused_in_time_where_no_hint_arrives
    a_key_ends_when_its_time_is_over
    keys_are_made_seen_and_revoked_by_admins_alone
    a_name_with_keys_is_taken_unless_one_more_is_meant
    of_keys_of_one_name_that_are_made_at_once_one_is_the_first
    nothing_of_a_key_is_kept_but_its_hash
    a_use_is_noted_and_nobody_waits_for_it
}

fn admin() -> Principal {
    Principal::person("owner", Role::Admin)
}

fn wanted(name: &str) -> CreateKey {
    CreateKey { name: name.parse().expect("a name"), role: Role::Operator, expires_in_seconds: None, another: false }
}

async fn made(keys: &Keys, wanted: CreateKey) -> NewKey {
    keys.create(&admin(), wanted).await.expect("a key")
}

fn shown(key: &NewKey) -> Fingerprint {
    Credential::new(&key.key).fingerprint()
}

/// A replica with hints of its own, unless it shares them.
async fn replica(place: &Place, hints: &Hints) -> Keys {
    let owner = Callers::nobody().and(&Credential::new("configured"), admin());
    Keys::new("planner", &place.store().await, hints.clone(), owner)
}

/// Who that is, as a service finds out.
async fn who(keys: &Keys, key: &Fingerprint) -> Option<Proven> {
    match keys.recall(key) {
        Some(proven) => Some(proven),
        None => keys.find(key).await.expect("the store answers"),
    }
}

async fn a_revoked_key_is_refused_at_once_where_hints_arrive(place: &Place) {
    let hints = Hints::in_process();
    let (here, there) = (replica(place, &hints).await, replica(place, &hints).await);
    let key = made(&here, wanted("mei")).await;
    let fingerprint = shown(&key);
    for keys in [&here, &there] {
        let proven = who(keys, &fingerprint).await.expect("it opens");
        assert_eq!((proven.principal, proven.key), (Principal::person("mei", Role::Operator), key.about.id));
        assert!(keys.recall(&fingerprint).is_some(), "it is remembered");
    }
    let revoked = here.revoke(&admin(), &key.about.id.expect("an id").to_string()).await.expect("revoked");
    assert_eq!(revoked.keys[0].state, KeyState::Revoked);
    assert_eq!((who(&here, &fingerprint).await, who(&there, &fingerprint).await), (None, None));
}

async fn a_revoked_key_is_refused_in_time_where_no_hint_arrives(place: &Place) {
    let (here, there) = (replica(place, &Hints::in_process()).await, replica(place, &Hints::in_process()).await);
    let fingerprint = shown(&made(&here, wanted("mei")).await);
    assert!(who(&there, &fingerprint).await.is_some());
    here.revoke(&admin(), "mei").await.expect("revoked");
    assert_eq!(who(&here, &fingerprint).await, None);
    let revoked = Instant::now();
    while there.recall(&fingerprint).is_some() {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(revoked.elapsed() < BOUND + Duration::from_secs(1), "it is remembered for too long");
    }
    assert_eq!(who(&there, &fingerprint).await, None);
}

async fn a_key_ends_when_its_time_is_over(place: &Place) {
    let (keys, store) = (replica(place, &Hints::in_process()).await, place.store().await.of("planner"));
    let key = made(&keys, CreateKey { expires_in_seconds: Some(60), ..wanted("mei") }).await;
    let (ends, begins) = (key.about.expires_at.expect("it ends"), key.about.created_at.expect("it began"));
    assert_eq!((ends - begins).num_seconds(), 60);
    let short = crate::store::NewApiKey {
        id: protocol::KeyId::fresh(),
        fingerprint: Credential::random().fingerprint(),
        name: "ann".parse().expect("a name"),
        role: Role::Viewer,
        created_by: "owner".to_owned(),
        lives: Some(Duration::from_millis(300)),
    };
    store.insert_api_key(&short).await.expect("writes");
    let known = who(&keys, &short.fingerprint).await;
    // What is remembered of it does not outlive it, though it would be remembered for longer.
    let seen = Instant::now();
    while who(&keys, &short.fingerprint).await.is_some() {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(seen.elapsed() < Duration::from_millis(1_500), "it should have ended");
    }
    assert!(known.is_none_or(|known| known.principal == Principal::person("ann", Role::Viewer)));
    let listed = keys.list(&admin()).await.expect("a list").keys;
    let states: Vec<_> = listed.iter().map(|key| (&*key.name, key.state)).collect();
    assert_eq!(states, [("owner", KeyState::Active), ("ann", KeyState::Expired), ("mei", KeyState::Active)]);
}

async fn keys_are_made_seen_and_revoked_by_admins_alone(place: &Place) {
    let keys = replica(place, &Hints::in_process()).await;
    let fingerprint = shown(&made(&keys, wanted("mei")).await);
    for role in [Role::Viewer, Role::Operator] {
        let mei = Principal::person("mei", role);
        let refused = Some(Code::InsufficientRole);
        assert_eq!(keys.create(&mei, wanted("ann")).await.err().map(|it| it.code), refused);
        assert_eq!(keys.list(&mei).await.err().map(|it| it.code), refused);
        assert_eq!(keys.revoke(&mei, "mei").await.err().map(|it| it.code), refused);
    }
    assert!(who(&keys, &fingerprint).await.is_some(), "nothing came of it");
    assert_eq!(keys.revoke(&admin(), "nobody").await.err().map(|it| it.code), Some(Code::NotFound));
    assert_eq!(keys.revoke(&admin(), "owner").await.err().map(|it| it.code), Some(Code::Forbidden), "configured");
    let short = CreateKey { expires_in_seconds: Some(1), ..wanted("ann") };
    assert_eq!(keys.create(&admin(), short).await.err().map(|it| it.code), Some(Code::BadRequest));
}

async fn a_name_with_keys_is_taken_unless_one_more_is_meant(place: &Place) {
    let keys = replica(place, &Hints::in_process()).await;
    let first = made(&keys, wanted("mei")).await;
    let taken = Some(Code::NameTaken);
    assert_eq!(keys.create(&admin(), wanted("mei")).await.err().map(|it| it.code), taken);
    assert_eq!(keys.create(&admin(), wanted("owner")).await.err().map(|it| it.code), taken, "as in the configuration");
    let second = made(&keys, CreateKey { another: true, role: Role::Viewer, ..wanted("mei") }).await;
    let roles = [&first, &second].map(shown);
    let [one, other] = [who(&keys, &roles[0]).await, who(&keys, &roles[1]).await].map(|it| it.expect("it opens"));
    assert_eq!(one.principal.owner(), other.principal.owner(), "both are one caller");
    assert_eq!(keys.revoke(&admin(), "mei").await.expect("revoked").keys.len(), 2);
    assert_eq!(keys.create(&admin(), wanted("mei")).await.err().map(|it| it.code), taken, "its tasks are still there");
}

async fn of_keys_of_one_name_that_are_made_at_once_one_is_the_first(place: &Place) {
    let (here, there) = (replica(place, &Hints::in_process()).await, replica(place, &Hints::in_process()).await);
    let owner = admin();
    for name in ["mei", "ann", "ken", "eve"] {
        let at_once = (0..16).map(|at| [&here, &there][at % 2].create(&owner, wanted(name)));
        let refused = join_all(at_once).await.into_iter().filter_map(Result::err).map(|it| it.code);
        assert_eq!(refused.collect::<Vec<_>>(), [Code::NameTaken; 15], "{name}");
    }
}

async fn nothing_of_a_key_is_kept_but_its_hash(place: &Place) {
    let keys = replica(place, &Hints::in_process()).await;
    let made = made(&keys, wanted("mei")).await;
    let listed = keys.list(&admin()).await.expect("a list");
    assert_eq!((listed.keys[0].source, listed.keys[1].source), (KeySource::Configuration, KeySource::Store));
    assert!(!serde_json::to_string(&listed).expect("JSON").contains(&made.key));
    let store = place.store().await.of("planner");
    for key in [&made.key[..], &made.key[6..]] {
        assert!(!store.all_of_api_keys().await.contains(key), "the store knows the key");
    }
    assert!(store.all_of_api_keys().await.contains(&hex::encode(shown(&made).as_bytes())));
}

async fn a_use_is_noted_and_nobody_waits_for_it(place: &Place) {
    let keys = replica(place, &Hints::in_process()).await;
    let fingerprint = shown(&made(&keys, wanted("mei")).await);
    assert!(keys.list(&admin()).await.expect("a list").keys[1].last_used_at.is_none());
    assert!(who(&keys, &fingerprint).await.is_some());
    let noted = async {
        while keys.list(&admin()).await.expect("a list").keys[1].last_used_at.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), noted).await.expect("it is noted");
}

/// What is looked up is never a key: the signatures say so, and this would not compile otherwise.
#[test]
fn nothing_but_a_hash_is_ever_looked_up() {
    let _: fn(&Authority, &Fingerprint) -> Option<Proven> = Authority::recall;
    let _: fn(&Callers, &Fingerprint) -> Option<Principal> = Callers::find;
    let _: fn(&Keys, &Fingerprint) -> Option<Proven> = Keys::recall;
}
