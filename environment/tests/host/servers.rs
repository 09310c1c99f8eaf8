use crate::ground::{Ground, app, change, services};
use environment::local::{LocalConfig, LocalError, Services};
use sqlx::Connection as _;
use std::time::{Duration, Instant};

#[tokio::test]
async fn what_was_live_is_live_again_after_a_restart_and_leftovers_go() {
    let ground = Ground::start().await;
    let shop = app("shop");
    ground.release(change(&shop, None, &[("public/index.php", "<?php echo 'one';")])).await;
    let leftover = ground.root().join("previews").join("a".repeat(26));
    std::fs::create_dir_all(leftover.join("releases")).expect("a directory");
    let half = ground.root().join("apps/shop/releases/.partial.0");
    std::fs::create_dir_all(&half).expect("a directory");

    let begun = Instant::now();
    let ground = ground.restart().await;
    eprintln!("stop and start again: {:?}", begun.elapsed());
    assert_eq!(ground.get("shop", "/").await, (200, "one".to_owned()));
    assert!(!half.exists());
    let deadline = Instant::now() + Duration::from_secs(10);
    while leftover.exists() {
        assert!(Instant::now() < deadline, "the leftover stays");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    ground.services.stop().await;
}

#[tokio::test]
async fn servers_start_on_free_ports_and_none_of_them_stays() {
    let dir = tempfile::TempDir::new().expect("a directory");
    let begun = Instant::now();
    let first = services(dir.path().join("environment")).await;
    eprintln!("first start: {:?}", begun.elapsed());
    let port: u16 = first.web().rsplit_once(':').expect("a port").1.parse().expect("a port");
    let other = tempfile::TempDir::new().expect("a directory");
    let taken = Services::start(LocalConfig { web_port: Some(port), ..LocalConfig::new(other.path().join("e")) }).await;
    assert!(matches!(taken.expect_err("the port is taken"), LocalError::PortTaken(taken) if taken == port));
    let (mysql, redis) = (first.mysql_admin(), first.redis_admin());
    let mut admin = sqlx::MySqlConnection::connect(&mysql).await.expect("a connection");
    let users: Vec<String> =
        sqlx::query_scalar("select cast(concat(user, '@', host) as char) from mysql.user order by 1")
            .fetch_all(&mut admin)
            .await
            .expect("users");
    assert_eq!(users, ["mariadb.sys@localhost", "yonin_host@%", "yonin_reader@%"], "nobody else can connect");
    drop(admin);
    first.stop().await;

    let begun = Instant::now();
    let second = services(dir.path().join("environment")).await;
    eprintln!("warm start: {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(5));
    second.stop().await;
    for url in [mysql, redis] {
        let address = url.rsplit_once('@').expect("an address").1.split('/').next().expect("host and port").to_owned();
        assert!(tokio::net::TcpStream::connect(address).await.is_err(), "a server stays");
    }
    assert!(processes_below(dir.path()).is_empty(), "{:?}", processes_below(dir.path()));
}

/// Command lines of processes that have something to do with a directory.
fn processes_below(dir: &std::path::Path) -> Vec<String> {
    let dir = dir.to_string_lossy();
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let lines = processes.filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(&*dir)).map(|line| line.replace('\0', " ")).collect()
}
