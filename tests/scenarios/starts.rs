//! How processes start on a store that they share.

use runtime::store::StoreLocation;
use tests::cluster::{Role, Setup, Stores, run_agent};

/// How often a schema is made in these logs.
fn upgrades(log: &str) -> usize {
    log.matches("The store's schema was upgraded").count()
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
