//! One credential takes the place of another while calls go on.

use crate::fixture::{Greet, Greeting, Name};
use protocol::Code;
use runtime::{
    Credential, OwnKey, Peer, Running, Service, Toolbox,
    config::{Reader, ServiceConfig},
};
use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Puts a secret into a file at once, as Kubernetes does.
fn put(file: &Path, text: &str) {
    let fresh = file.with_extension("new");
    fs::write(&fresh, text).expect("written");
    fs::rename(fresh, file).expect("put in its place");
}

async fn service(variables: &[(&str, String)]) -> (Running, OwnKey) {
    let given = variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let mut reader = Reader::of(given);
    let config = ServiceConfig::read(&mut reader);
    reader.finish().expect("no mistake");
    let key = config.key.clone();
    let service = config.apply(Service::new("fixture", Toolbox::new().short(Greet)));
    (service.bind(([127, 0, 0, 1], 0).into()).await.expect("a port").start(), key)
}

fn in_file(file: &Path) -> String {
    file.display().to_string()
}

async fn until(what: &str, so: impl AsyncFn() -> bool) {
    let look = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), look).await.unwrap_or_else(|_| panic!("never: {what}"));
}

fn mei() -> Name {
    Name { name: "Mei".to_owned() }
}

#[tokio::test]
async fn no_call_fails_while_one_credential_takes_the_place_of_another() {
    let dir = tempfile::tempdir().expect("a directory");
    let (callers, own) = (dir.path().join("callers"), dir.path().join("key"));
    let [old, new] = [Credential::random(), Credential::random()];
    put(&callers, &format!("planner={}\n", old.reveal()));
    put(&own, &format!("{}\n", old.reveal()));
    let called = service(&[("YONIN_KEY", "x".to_owned()), ("YONIN_CALLERS_FILE", in_file(&callers))]).await.0;
    let (caller, key) = service(&[("YONIN_KEY_FILE", in_file(&own))]).await;

    let (stop, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let peer = Peer::new(called.origin(), key.clone(), Code::PeerUnavailable);
    let traffic: Vec<_> = (0..4)
        .map(|_| {
            let (peer, stop, calls) = (peer.clone(), Arc::clone(&stop), Arc::clone(&calls));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    peer.call::<_, Greeting>("greet", &mei()).await.expect("no call fails");
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let opens = async |credential: &Credential| {
        let peer = Peer::new(called.origin(), credential.clone(), Code::PeerUnavailable);
        peer.call::<_, Greeting>("greet", &mei()).await.is_ok()
    };

    assert!(opens(&old).await && !opens(&new).await);
    put(&callers, &format!("planner={}, planner=sha256:{}", old.reveal(), sha256(&new)));
    until("both are good", async || opens(&new).await).await;
    assert!(opens(&old).await);
    put(&own, new.reveal());
    until("the new one is shown", async || key.current().reveal() == new.reveal()).await;
    let (so_far, four_rounds) = (calls.load(Ordering::Relaxed), 4 * traffic.len());
    until("all show the new one", async || calls.load(Ordering::Relaxed) > so_far + four_rounds).await;
    put(&callers, &format!("planner={}", new.reveal()));
    until("the old one is refused", async || !opens(&old).await).await;
    let so_far = calls.load(Ordering::Relaxed);
    until("calls go on", async || calls.load(Ordering::Relaxed) > so_far + 10).await;

    put(&callers, "what is this");
    let so_far = calls.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(calls.load(Ordering::Relaxed) > so_far, "a broken file changes nothing");
    stop.store(true, Ordering::Relaxed);
    for task in traffic {
        task.await.expect("no call failed");
    }
    drop(caller);
}

fn sha256(credential: &Credential) -> String {
    use sha2::Digest as _;
    hex::encode(sha2::Sha256::digest(credential.reveal()))
}
