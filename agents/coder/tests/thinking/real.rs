//! A model's draft on a real Nginx, PHP, MariaDB and Redis.

use super::scene::{Calls, build, order_from, record, replica, told};
use ed25519_dalek::SigningKey;
use environment::local::{Durability, LocalConfig, Services};
use protocol::{Code, chat::Turn};
use runtime::{Callers, Credential, Peer, Principal};
use serde_json::json;
use std::{net::SocketAddr, os::unix::fs::PermissionsExt as _, time::Duration};
use tempfile::TempDir;

/// A page of notes: reads and writes rows, and counts its readers in Redis.
const INDEX: &str = r#"<?php
declare(strict_types=1);
$config = require getenv('APP_CONFIG');
['host' => $host, 'port' => $port, 'schema' => $schema, 'user' => $user, 'password' => $password] = $config['mysql'];
$pdo = new PDO("mysql:host=$host;port=$port;dbname=$schema;charset=utf8mb4", $user, $password, [PDO::ATTR_EMULATE_PREPARES => false]);
$redis = new Redis();
$redis->connect($config['redis']['host'], $config['redis']['port'], 1.0);
$redis->auth([$config['redis']['user'], $config['redis']['password']]);
setcookie('seen', 'yes');
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    $pdo->prepare('insert into notes (title) values (?)')->execute([$_POST['title']]);
    header('Location: /', true, 303);
    exit;
}
echo 'seen: ', $_COOKIE['seen'] ?? 'no', ', readers: ', $redis->incr($config['redis']['prefix'] . 'readers'), "\n";
foreach ($pdo->query('select title from notes order by id') as $row) {
    echo htmlspecialchars($row['title'], ENT_QUOTES, 'UTF-8'), "\n";
}
"#;

fn calls() -> Vec<Calls> {
    let get = || ("request", json!({"method": "GET", "path": "/"}));
    let form = json!({"Content-Type": "application/x-www-form-urlencoded"});
    let post = json!({"method": "POST", "path": "/", "headers": form, "body": "title=%3Cb%3E"});
    vec![
        vec![
            ("write_file", json!({"path": "public/index.php", "content": INDEX})),
            (
                "add_migration",
                json!({"id": "0001_create_notes",
                    "sql": "create table notes (id bigint not null auto_increment primary key, title varchar(200) not null)"}),
            ),
            get(),
        ],
        vec![
            ("request", post),
            get(),
            ("query", json!({"sql": "select id, title from notes"})),
            ("query", json!({"sql": "explain select title from notes where id = 1"})),
            ("query", json!({"sql": "select nothing from notes"})),
            ("read_log", json!({})),
        ],
        vec![
            (
                "patch_file",
                json!({"path": "public/index.php", "find": "echo 'seen", "replace": "echo $nobody; echo 'seen"}),
            ),
            ("query", json!({"sql": "select count(*) as n from notes"})),
            get(),
            ("read_log", json!({})),
        ],
        vec![
            ("patch_file", json!({"path": "public/index.php", "find": "echo $nobody;", "replace": "echo ("})),
            ("finish", json!({"summary": "Done."})),
        ],
        vec![
            ("patch_file", json!({"path": "public/index.php", "find": "echo ( ", "replace": ""})),
            ("add_migration", json!({"id": "0002_wrong", "sql": "alter table notes add column title int null"})),
            ("finish", json!({"summary": "Done."})),
            ("remove_migration", json!({"id": "0002_wrong"})),
            ("finish", json!({"summary": "Notes can be written."})),
        ],
    ]
}

#[tokio::test]
async fn a_draft_is_tried_where_it_runs() {
    let dir = TempDir::new().expect("a directory");
    // The servers drop to their own users, who must get here.
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o711)).expect("set");
    let config = LocalConfig { durability: Durability::Fast, ..LocalConfig::new(dir.path().join("environment")) };
    let services = Services::start(config).await.expect("the environment starts");
    let signing = SigningKey::from_bytes(&[7; 32]);
    let (key, planner) = (Credential::random(), Credential::random());
    let host = environment::host::service(services.host_config(signing.verifying_key())).await.expect("a host");
    let host = host
        .callers(Callers::nobody().and(&key, Principal::service("coder")))
        .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .expect("a port")
        .start();
    record(&dir, 1, &calls());
    let coder = replica(host.origin(), &key, &dir, &planner).await;
    let peer = Peer::new(coder.origin(), planner, Code::PeerUnavailable);

    let (change_set, turns) = build(&peer, &order_from(None)).await;
    assert_eq!((change_set.files.len(), change_set.migrations.len()), (1, 1));
    judge(&turns);

    coder.stop(Duration::from_secs(5)).await;
    host.stop(Duration::from_secs(5)).await;
    services.stop().await;
}

fn judge(turns: &[Turn]) {
    let first = told(&turns[1]);
    assert!(first[2].starts_with("Status 200.") && first[2].contains("seen: no, readers: 1"), "{first:?}");
    let tried = told(&turns[2]);
    assert!(tried[0].starts_with("Status 303.") && tried[0].contains("location: /"), "{tried:?}");
    assert!(tried[1].contains("seen: yes, readers: 2\n&lt;b&gt;"), "{tried:?}");
    assert!(tried[2].contains(r#"{"id":1,"title":"<b>"}"#), "{tried:?}");
    assert!(tried[3].contains("\"table\":\"notes\""), "{tried:?}");
    assert!(tried[4].contains("It was refused") && tried[4].contains("nothing"), "{tried:?}");
    assert_eq!(tried[5], "PHP has logged nothing since you began.");
    let changed = told(&turns[3]);
    assert!(changed[1].contains(r#"{"n":0}"#), "rows are as they were before: {changed:?}");
    assert!(changed[2].contains("readers: 1"), "and so are keys: {changed:?}");
    assert!(changed[3].contains("PHP Warning:  Undefined variable $nobody"), "{changed:?}");
    let red = told(&turns[4]);
    assert!(red[1].starts_with("Not finished: 1 of 1 PHP files do not parse"), "{red:?}");
    assert_eq!(turns.len(), 5);
}
