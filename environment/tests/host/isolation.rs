use crate::ground::{Ground, app, change, migration};
use serde_json::Value;
use std::process::Command;

/// Tries each way out that it is told of, and says what came of it.
const HUNTER: &str = r#"<?php
$c = require getenv('APP_CONFIG'); $t = json_decode(file_get_contents('php://input'), true); $m = $c['mysql']; $r = $c['redis'];
$pdo = fn ($schema) => new PDO("mysql:host={$m['host']};port={$m['port']};dbname=$schema", $m['user'], $m['password'],
    [PDO::MYSQL_ATTR_LOCAL_INFILE => true]);
$redis = function () use ($r) { $x = new Redis(); $x->connect($r['host'], $r['port']); $x->auth([$r['user'], $r['password']]); return $x; };
$url = "http://127.0.0.1:{$t['port']}/";
ini_set('mysqlnd.net_read_timeout', '1'); ini_set('default_socket_timeout', '1');
$tries = [
    'own file' => fn () => file_get_contents(__FILE__) !== '',
    'own config' => fn () => is_string($c['secret']),
    'own rows' => fn () => $pdo($m['schema'])->query('select count(*) from notes')->fetchColumn() >= 0,
    'own keys' => fn () => $redis()->set($r['prefix'] . 'a', '1'),
    'own scratch' => fn () => file_put_contents(sys_get_temp_dir() . '/x', 'x') === 1,
    'read file' => fn () => @file_get_contents($t['file']),
    'include file' => fn () => @include $t['file'],
    'read config' => fn () => @file_get_contents($t['config']),
    'read accounts' => fn () => @file_get_contents(dirname(getenv('APP_CONFIG')) . '/accounts.json'),
    'read state' => fn () => @file_get_contents(dirname(getenv('APP_CONFIG')) . '/state.json'),
    'read log' => fn () => @file_get_contents(dirname($t['config']) . '/log/php.log'),
    'read secrets' => fn () => @file_get_contents($t['root'] . '/secrets.json'),
    'read passwd' => fn () => @file_get_contents('/etc/passwd'),
    'list apps' => fn () => @scandir($t['root'] . '/apps'),
    'list tmp' => fn () => @scandir('/tmp'),
    'glob' => fn () => array_diff(glob($t['root'] . '/apps/*/config.php') ?: [], [getenv('APP_CONFIG')]),
    'write release' => fn () => @file_put_contents(__DIR__ . '/planted.php', '<?php'),
    'write own config' => fn () => @file_put_contents(getenv('APP_CONFIG'), '<?php'),
    'widen' => fn () => ini_set('open_basedir', '/'),
    'clear disabled' => fn () => ini_set('disable_functions', ''),
    'rows by name' => fn () => $pdo($t['schema'])->query('select * from notes')->fetchAll(),
    'rows across' => fn () => $pdo($m['schema'])->query("select * from `{$t['schema']}`.notes")->fetchAll(),
    'list schemas' => fn () => array_diff($pdo($m['schema'])->query('show databases')->fetchAll(PDO::FETCH_COLUMN),
        [$m['schema'], 'information_schema']),
    'change schema' => fn () => $pdo($m['schema'])->exec('drop table notes'),
    'sql file' => fn () => $pdo($m['schema'])->query("select load_file('/etc/passwd')")->fetchColumn(),
    'sql local file' => fn () => $pdo($m['schema'])->exec("load data local infile '/etc/passwd' into table notes (body)"),
    'sql outfile' => fn () => $pdo($m['schema'])->exec("select 1 into outfile '/tmp/yonin-planted'"),
    'read key' => fn () => $redis()->get($t['key']),
    'write key' => fn () => $redis()->set($t['key'], 'x'),
    'list keys' => fn () => $redis()->keys('*'),
    'flush' => fn () => $redis()->flushAll(),
    'config of redis' => fn () => $redis()->config('GET', '*'),
    'lua' => fn () => $redis()->eval("return redis.call('get', '{$t['key']}')"),
    'publish' => fn () => $redis()->publish('any', 'x'),
    'http by file' => fn () => @file_get_contents($url),
    'http by open' => fn () => @fopen($url, 'r'),
    'http by include' => fn () => @include $url,
    'http by object' => fn () => new SplFileObject($url),
    'http by xml' => fn () => (new DOMDocument())->load($url),
    'http by copy' => fn () => @copy($url, sys_get_temp_dir() . '/y'),
    'http by redis' => function () use ($t) {
        $x = new Redis(); $x->connect('127.0.0.1', $t['port'], 1, null, 0, 1); return $x->rawCommand("GET / HTTP/1.1\r\n\r\n");
    },
    'redis without a user' => function () use ($r) { $x = new Redis(); $x->connect($r['host'], $r['port']); return $x->ping(); },
    'redis as default' => function () use ($r, $t) {
        $x = new Redis(); $x->connect($r['host'], $r['port']); return $x->auth(['default', '']) && $x->get($t['key']);
    },
    'scan keys' => function () use ($redis) { $x = $redis(); $i = null; return $x->scan($i, '*'); },
    'random key' => fn () => $redis()->randomKey(),
    'count keys' => fn () => $redis()->dbSize(),
    'other database' => fn () => $redis()->select(1),
    'copy key' => fn () => $redis()->rawCommand('COPY', $t['key'], $r['prefix'] . 'stolen'),
    'rename key' => fn () => $redis()->rename($t['key'], $r['prefix'] . 'stolen'),
    'sort by key' => fn () => $redis()->rawCommand('SORT', $r['prefix'] . 'a', 'GET', $t['key']),
    'object of key' => fn () => $redis()->rawCommand('OBJECT', 'ENCODING', $t['key']),
    'exists key' => fn () => $redis()->exists($t['key']),
    'ttl of key' => fn () => $redis()->ttl($t['key']),
    'delete key' => fn () => $redis()->del($t['key']),
    'script function' => fn () => $redis()->rawCommand('FCALL', 'f', 0),
    'subscribe' => fn () => $redis()->rawCommand('SUBSCRIBE', 'any'),
    'redis users' => fn () => $redis()->rawCommand('ACL', 'LIST'),
    'redis whoami of others' => fn () => $redis()->rawCommand('CLIENT', 'LIST'),
    'redis debug' => fn () => $redis()->rawCommand('DEBUG', 'SLEEP', '0'),
    'redis replica' => fn () => $redis()->rawCommand('REPLICAOF', 'NO', 'ONE'),
    'root of sql' => fn () => (new PDO("mysql:host={$m['host']};port={$m['port']}", 'root', ''))->query('select 1')->fetchColumn(),
    'nobody of sql' => fn () => (new PDO("mysql:host={$m['host']};port={$m['port']}", '', ''))->query('select 1')->fetchColumn(),
    'sql users' => fn () => $pdo($m['schema'])->query('select user from mysql.user')->fetchAll(),
    'sql processes' => fn () => array_diff($pdo($m['schema'])->query('select distinct user from information_schema.processlist')
        ->fetchAll(PDO::FETCH_COLUMN), [$m['user']]),
    'sql kill' => fn () => array_map(fn ($id) => $pdo($m['schema'])->exec("kill $id"), range(1, 3)),
    'sql global' => fn () => $pdo($m['schema'])->exec('set global general_log = 1') !== false,
    'sql ledger' => fn () => $pdo($m['schema'])->exec('create table planted (id int)') !== false,
    'sql like another' => fn () => $pdo(str_replace('_', '%', $t['schema']))->query('select 1')->fetchColumn(),
    'store by sqlite' => fn () => (new PDO('sqlite:' . $t['root'] . '/planner.db'))->query('select 1')->fetchColumn(),
    'pool of another by redis' => function () use ($t) {
        $x = new Redis(); $x->connect($t['root'] . '/run/app-keeper/fpm.sock', 0, 1, null, 0, 1); return $x->rawCommand('PING');
    },
    'pool of another by sql' => fn () => new PDO("mysql:unix_socket={$t['root']}/run/app-keeper/fpm.sock", 'a', 'b', [PDO::ATTR_TIMEOUT => 1]),
    'http by sql' => fn () => new PDO("mysql:host=127.0.0.1;port={$t['port']}", 'a', 'b', [PDO::ATTR_TIMEOUT => 1]),
    'processes' => fn () => @scandir('/proc'),
    'environment of self' => fn () => @file_get_contents('/proc/self/environ'),
    'environment of one' => fn () => @file_get_contents('/proc/1/environ'),
    'memory' => fn () => @fopen('/proc/self/mem', 'r'),
    'list by iterator' => fn () => iterator_to_array(new DirectoryIterator('/')),
    'list by glob' => fn () => iterator_to_array(new DirectoryIterator("glob://{$t['root']}/apps/*")),
    'up by dots' => fn () => @file_get_contents(__DIR__ . '/../../../../keeper/config.php'),
    'file by wrapper' => fn () => @file_get_contents('php://filter/read=string.rot13/resource=' . $t['config']),
    'file by url' => fn () => @file_get_contents('file://' . $t['config']),
    'file by zip' => fn () => @file_get_contents('phar://' . $t['config']),
    'file by entity' => fn () => (function () use ($t) {
        $d = new DOMDocument(); $d->loadXML("<!DOCTYPE a [<!ENTITY e SYSTEM 'file://{$t['config']}'>]><a>&e;</a>", LIBXML_NOENT);
        return $d->textContent;
    })(),
    'tighten, then widen' => function () use ($t) {
        @mkdir(sys_get_temp_dir() . '/w'); @chdir(sys_get_temp_dir() . '/w'); $set = ini_set('open_basedir', '..');
        foreach (range(1, 8) as $_) { @chdir('..'); }
        ini_set('open_basedir', '/');
        return $set !== false || @file_get_contents($t['config']);
    },
    'plant beside releases' => fn () => @mkdir(dirname(__DIR__, 2) . '/planted'),
    'move the release' => fn () => @rename(dirname(__DIR__), dirname(__DIR__, 2) . '/moved'),
    'remove a file' => fn () => @unlink(__FILE__),
    'repoint' => fn () => @rename(sys_get_temp_dir() . '/x', dirname(__DIR__, 3) . '/current'),
    'settings of a directory' => fn () => ini_get('user_ini.filename'),
    'log elsewhere' => fn () => error_log('x', 3, '/tmp/yonin-logged'),
    'set log' => fn () => ini_set('error_log', '/tmp/yonin-logged'),
    'prepend' => fn () => ini_set('auto_prepend_file', $t['file']),
    'mail by log' => fn () => @error_log('x', 1, 'a@localhost', '-X/tmp/yonin-mailed') && file_exists('/tmp/yonin-mailed'),
    'memory without end' => fn () => ini_set('memory_limit', '-1'),
    'sessions of others' => fn () => session_save_path($t['root']) && session_save_path() === $t['root'],
    'backticks' => fn () => eval('return `id`;'),
    'ffi' => fn () => FFI::cdef('int getpid();')->getpid(),
    'socket' => fn () => socket_create(AF_INET, SOCK_STREAM, SOL_TCP),
];
foreach (['exec', 'shell_exec', 'system', 'passthru', 'popen', 'proc_open', 'pcntl_exec', 'pcntl_fork', 'dl', 'putenv', 'mail',
    'fsockopen', 'pfsockopen', 'stream_socket_client', 'stream_socket_server', 'curl_init', 'ftp_connect', 'posix_kill', 'symlink',
    'link', 'readlink', 'chmod', 'chown', 'posix_getpid', 'opcache_invalidate', 'opcache_compile_file', 'highlight_file',
    'gethostbyname', 'dns_get_record', 'syslog', 'getmypid', 'opcache_get_status', 'opcache_reset', 'shmop_open', 'sem_get', 'phpinfo'] as $name) {
    $tries["function $name"] = fn () => function_exists($name);
}
$out = [];
foreach ($tries as $name => $try) {
    try { $result = $try(); $out[$name] = !($result === false || $result === null || $result === [] || $result === ''); }
    catch (Throwable $error) { $out[$name] = false; }
}
header('Content-Type: application/json');
echo json_encode($out);
"#;
const NOTES: &str = "create table notes (id int primary key auto_increment, body text)";
const KEEPER: &str = r#"<?php
$c = require getenv('APP_CONFIG'); $m = $c['mysql']; $r = $c['redis'];
(new PDO("mysql:host={$m['host']};port={$m['port']};dbname={$m['schema']}", $m['user'], $m['password']))
    ->exec("insert into notes (body) values ('secret')");
$x = new Redis(); $x->connect($r['host'], $r['port']); $x->auth([$r['user'], $r['password']]); $x->set($r['prefix'] . 'kept', 'secret');
echo 'kept';
"#;

#[tokio::test]
async fn one_apps_php_gets_at_nothing_of_another() {
    let ground = Ground::start().await;
    let (keeper, hunter) = (app("keeper"), app("hunter"));
    let with_notes = |app, code| {
        let mut change = change(app, None, &[("public/index.php", code)]);
        change.migrations = vec![migration("0001_create_notes", NOTES)];
        change
    };
    let kept = ground.release(with_notes(&keeper, KEEPER)).await;
    ground.release(with_notes(&hunter, HUNTER)).await;
    assert_eq!(ground.get("keeper", "/").await, (200, "kept".to_owned()));
    // Anything on loopback that speaks HTTP, as an agent does.
    let (agent, reached) = agent().await;

    let home = ground.root().join("apps/keeper");
    let file = home.join("releases").join(kept.hex()).join("public/index.php");
    let targets = serde_json::json!({
        "file": file, "config": home.join("config.php"), "root": ground.root(), "schema": "app_keeper",
        "key": "app:keeper:kept", "port": agent,
    });
    let found = hunt(&ground, &targets).await;
    let (own, others): (Vec<_>, Vec<_>) = found.iter().partition(|(name, _)| name.starts_with("own "));
    assert_eq!(own.len(), 5, "{found:?}");
    assert!(own.iter().all(|(_, worked)| **worked == Value::Bool(true)), "what is its own works: {own:?}");
    assert!(others.len() > 120, "{}", others.len());
    let escaped: Vec<_> = others.iter().filter(|(_, worked)| **worked != Value::Bool(false)).collect();
    assert!(escaped.is_empty(), "got out by: {escaped:?}");
    assert_eq!(reached.load(std::sync::atomic::Ordering::Relaxed), 0, "no request reached the agent");
    assert_eq!(ground.get("keeper", "/").await, (200, "kept".to_owned()));
    ground.services.stop().await;
}

/// Where PHP's own fences were to fall, the system's users would still stand.
#[tokio::test]
async fn one_apps_user_cannot_read_anothers_files() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root gives each app a user of its own");
        return;
    }
    let ground = Ground::start().await;
    let (keeper, hunter) = (app("keeper"), app("hunter"));
    let release = ground.release(change(&keeper, None, &[("public/index.php", "<?php echo getmyuid();")])).await;
    let other = ground.release(change(&hunter, None, &[("public/index.php", "<?php echo 1;")])).await;
    let home = |name: &str| ground.root().join("apps").join(name);
    let uid = |name: &str| {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::metadata(home(name).join("tmp")).expect("its scratch directory").uid()
    };
    assert_ne!(uid("keeper"), uid("hunter"));
    let reads = |name: &str, path: std::path::PathBuf| {
        let id = uid(name).to_string();
        let cat =
            Command::new("setpriv").args(["--reuid", &id, "--regid", &id, "--clear-groups", "cat"]).arg(path).output();
        cat.expect("cat runs").status.success()
    };
    let code =
        |name: &str, digest: protocol::Digest| home(name).join("releases").join(digest.hex()).join("public/index.php");
    assert!(reads("hunter", code("hunter", other)) && reads("hunter", home("hunter").join("config.php")));
    let own_secrets = ["accounts.json", "state.json"].map(|name| home("hunter").join(name));
    let foreign = ["config.php", "accounts.json", "state.json", "log/php.log"].map(|name| home("keeper").join(name));
    let all =
        own_secrets.into_iter().chain(foreign).chain([code("keeper", release), ground.root().join("secrets.json")]);
    for path in all {
        assert!(path.exists(), "{}", path.display());
        assert!(!reads("hunter", path.clone()), "{} was read", path.display());
    }
    ground.services.stop().await;
}

async fn hunt(ground: &Ground, targets: &Value) -> serde_json::Map<String, Value> {
    let request = reqwest::Client::new().post(ground.services.web()).header("Host", "hunter.localhost");
    let answer = request.json(targets).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("a list of tries")
}

/// A listener that counts what looks like a request.
async fn agent() -> (u16, std::sync::Arc<std::sync::atomic::AtomicU32>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its port").port();
    let reached = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counter = std::sync::Arc::clone(&reached);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut start = [0; 16];
            let read = stream.read(&mut start).await.unwrap_or(0);
            if start[..read].starts_with(b"GET ") || start[..read].starts_with(b"POST ") {
                counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nopen").await.ok();
        }
    });
    (port, reached)
}
