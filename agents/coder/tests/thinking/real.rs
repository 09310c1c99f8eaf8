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
    if (($_POST['token'] ?? '') !== 'a+b/c=') {
        http_response_code(403);
        exit;
    }
    $pdo->prepare('insert into notes (title) values (?)')->execute([$_POST['title']]);
    header('Location: /', true, 303);
    exit;
}
echo 'seen: ', $_COOKIE['seen'] ?? 'no', ', readers: ', $redis->incr($config['redis']['prefix'] . 'readers'), "\n";
foreach ($pdo->query('select title from notes order by id') as $row) {
    echo htmlspecialchars($row['title'], ENT_QUOTES, 'UTF-8'), "\n";
}
echo str_repeat("filler\n", 100), "<input name='token' value='a+b/c='>\n";
"#;

fn calls() -> Vec<Calls> {
    let get = || ("request", json!({"method": "GET", "path": "/", "max_chars": 60}));
    let take = json!({"token": "name='token' value='([^']+)'"});
    let guest = json!({"method": "GET", "path": "/", "as": "guest", "take": take, "find": "TOKEN"});
    let post = json!({"method": "POST", "path": "/", "form": {"title": "<b>", "token": "${token}"}});
    let forged = json!({"method": "GET", "path": "/", "headers": {"Cookie": "seen=forged"}, "find": "seen"});
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
            ("request", guest),
            ("request", post),
            get(),
            ("request", forged),
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
            ("read_log", json!({})),
            ("read_file", json!({"paths": ["public/index.php", "no.php"], "lines": 1})),
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
    assert!(
        tried[0].contains("<input name='token'") && tried[0].contains("Taken as ${token}: 6 characters."),
        "{tried:?}"
    );
    assert!(
        !tried[0].contains("seen: ") && tried[0].matches("filler").count() == 2,
        "of the page what is looked for: {tried:?}"
    );
    assert!(tried[1].starts_with("Status 303.") && tried[1].contains("location: /"), "{tried:?}");
    assert!(tried[2].contains("seen: yes, readers: 3\n&lt;b&gt;"), "the guest's cookies are not this one's: {tried:?}");
    assert!(tried[3].contains("seen: forged"), "{tried:?}");
    assert!(tried[4].contains(r#"{"id":1,"title":"<b>"}"#), "{tried:?}");
    assert!(tried[5].contains("\"table\":\"notes\""), "{tried:?}");
    assert!(tried[6].contains("It was refused") && tried[6].contains("nothing"), "{tried:?}");
    assert_eq!(tried[7], "PHP has logged nothing new.");
    let changed = told(&turns[3]);
    assert!(changed[1].contains(r#"{"n":0}"#), "rows are as they were before: {changed:?}");
    assert!(changed[2].contains("readers: 1"), "and so are keys: {changed:?}");
    let warning = "PHP Warning:  Undefined variable $nobody in public/index.php on line";
    assert!(changed[3].contains(warning), "named as read_file names it: {changed:?}");
    assert_eq!(changed[4], "PHP has logged nothing new.", "it is told once");
    assert!(changed[5].contains("<?php") && changed[5].contains("There is no file no.php."), "{changed:?}");
    let red = told(&turns[4]);
    assert!(red[1].starts_with("Not finished: 1 of 1 PHP files do not parse"), "{red:?}");
    assert_eq!(turns.len(), 5);
}
