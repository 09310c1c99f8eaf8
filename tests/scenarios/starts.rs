//! How processes start on a store that they share.

use runtime::store::StoreLocation;
use tests::cluster::{Role, Setup, Stores, run_agent};

/// How often a schema is made in these logs, by the step that every later one comes after.
fn upgrades(log: &str) -> usize {
    log.matches("The store's schema was upgraded store.schema=2").count()
}

async fn five_start_at_once_and_one_makes_the_schema(stores: Stores) {
    // Coders are the first to start.
    let mut cluster = Setup::new().stores(stores).replicas(Role::Coder, 5).start().await;
    let made: usize = cluster.replicas(Role::Coder).iter().map(|replica| upgrades(&replica.log())).sum();
    assert_eq!(made, 1);
    assert_eq!(cluster.rows("select count(*) from schema_version").as_slice(), ["1"]);
    cluster.goal(&cluster.fresh_app(), "posts(title:string!)").succeed().await;
    cluster.stop().await;
}

#[tokio::test]
async fn five_start_at_once_on_an_empty_mariadb() {
    five_start_at_once_and_one_makes_the_schema(Stores::mariadb()).await;
}

#[tokio::test]
async fn five_start_at_once_on_an_empty_mysql() {
    match Stores::mysql() {
        Some(stores) => five_start_at_once_and_one_makes_the_schema(stores).await,
        None => eprintln!("SKIPPED: there is no MySQL on this machine"),
    }
}

#[tokio::test]
async fn migrate_makes_the_schema_once_and_ends() {
    let dir = tempfile::tempdir().expect("a directory");
    let stores = Stores::mariadb().prepare(dir.path());
    let StoreLocation::Server { url, .. } = &stores[&Role::Planner] else { panic!("a server") };
    for expected in [1, 0] {
        let output = run_agent(&["planner", "migrate"], &[("YONIN_STORE_URL", url)]);
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{log}");
        assert_eq!(upgrades(&log), expected, "{log}");
    }
}

#[tokio::test]
async fn an_agent_waits_for_a_store_that_starts_later() {
    let dir = tempfile::tempdir().expect("a directory");
    let stores = Stores::mariadb().prepare(dir.path());
    let StoreLocation::Server { url, .. } = &stores[&Role::Planner] else { panic!("a server") };
    // Nobody listens there until the proxy is given the server's address.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let server = url.rsplit('@').next().and_then(|rest| rest.split('/').next()).expect("an address").to_owned();
    let later = url.replace(&server, &address.to_string());
    let migrating =
        tokio::task::spawn_blocking(move || run_agent(&["planner", "migrate"], &[("YONIN_STORE_URL", &later)]));
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert!(!migrating.is_finished(), "it has not waited");
    let listener = tokio::net::TcpListener::bind(address).await.expect("the port is free");
    let passing = tokio::spawn(async move {
        loop {
            let (mut here, _) = listener.accept().await.expect("a connection");
            let mut there = tokio::net::TcpStream::connect(&server).await.expect("the server answers");
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut here, &mut there).await });
        }
    });
    let output = migrating.await.expect("no panic");
    passing.abort();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && log.contains("waiting for it"), "{log}");
    assert_eq!(upgrades(&log), 1, "{log}");
}
