//! A whole installation under attack while people use it: 2 Planners, 2 Architects, 3 Coders and 2 Testers as processes, a store
//! server of their own, hints over Redis. What strikes when follows from one number; what people saw, and what is there in the end,
//! is checked.
//!
//! `./dev chaos --for 10m --seed 7 [--mysql]` runs it by hand; in the test run it takes half a minute.

mod history;
mod ledger;
mod plan;
mod storm;
mod user;

use history::History;
use plan::Plan;
use std::{sync::Arc, time::Duration};
use storm::Storm;
use tests::{
    cluster::{Role, Setup, Stores},
    proxy::Proxy,
    servers::StoreKind,
};
use tokio::sync::watch;

/// People at work at the same time, each on apps of their own.
const USERS: u64 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_lost() {
    let plan = Plan::from_environment();
    println!("{plan}");
    let kind =
        if std::env::var_os("YONIN_CHAOS_MYSQL").is_some() { StoreKind::mysql() } else { Some(StoreKind::MariaDb) };
    let stores = Stores::Own(kind.expect("there is a MySQL"));
    let redis = std::env::var("YONIN_TEST_REDIS").expect("the test run starts a Redis: ./dev databases");
    let redis = redis.trim_start_matches("redis://").parse().expect("an address");
    let hints = Proxy::to(redis);
    let counts = [(Role::Planner, 2), (Role::Architect, 2), (Role::Coder, 3), (Role::Tester, 2)];
    let setup = counts.into_iter().fold(Setup::new(), |setup, (role, count)| setup.replicas(role, count));
    let setup = setup.lease(2).stores(stores).hints(format!("redis://{}", hints.address()));
    let mut cluster = setup.start().await;
    let history = Arc::new(History::default());
    let (stop, stopping) = watch::channel(false);
    let watching = ledger::watch(cluster.stores()[0].clone(), Arc::clone(&history), stopping.clone());
    let users = (0..USERS).map(|user| {
        let ways = (cluster.client.clone(), cluster.streams());
        tokio::spawn(user::work(plan.seed, user, ways, Arc::clone(&history), stopping.clone()))
    });
    let users: Vec<_> = users.collect();
    let mut storm = Storm { cluster: &mut cluster, hints, redis };
    storm.rage(&plan).await;
    // Users hand in nothing more, and wait for what is under way.
    stop.send_replace(true);
    let calm = tokio::time::timeout(Duration::from_secs(240), futures::future::join_all(users)).await;
    watching.await.expect("it looked to the end");
    let users = calm.unwrap_or_else(|_| panic!("tasks hang: {:#?}", history.open()));
    users.into_iter().for_each(|user| user.expect("it saw every task's end"));
    let found = history.check(&cluster).await;
    println!("{}", history.summary());
    assert!(found.is_empty(), "seed {}:\n{}", plan.seed, found.join("\n"));
    cluster.stop().await;
}
