use crate::ground::{Ground, app, change, migration};
use protocol::{
    Digest,
    artifact::{Content, ReleaseState},
    tools::{
        coder::{InspectAppInput, RollbackTo},
        host::{LintPhpInput, Place, PreviewInput, ReadFilesInput, TailLogInput},
    },
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Instant,
};

const COUNTER: &str = r#"<?php
$c = require getenv('APP_CONFIG'); $m = $c['mysql'];
$pdo = new PDO("mysql:host={$m['host']};port={$m['port']};dbname={$m['schema']}", $m['user'], $m['password']);
$pdo->exec("insert into visits (path) values ('/')");
$redis = new Redis(); $r = $c['redis']; $redis->connect($r['host'], $r['port']); $redis->auth([$r['user'], $r['password']]);
echo $pdo->query('select count(*) from visits')->fetchColumn(), ' ', $redis->incr($r['prefix'] . 'hits');
"#;
const VISITS: &str = "create table visits (id int primary key auto_increment, path varchar(255) not null)";

#[tokio::test]
async fn a_change_is_tried_in_a_preview_then_live_and_can_be_taken_back() {
    let ground = Ground::start().await;
    let shop = app("shop");
    let mut first = change(&shop, None, &[("public/index.php", COUNTER)]);
    first.migrations = vec![migration("0001_create_visits", VISITS)];

    assert_eq!(ground.get("shop", "/").await.0, 404);
    let begun = Instant::now();
    let staged = ground.stage(first).await.expect("staged");
    eprintln!("open and stage: {:?}", begun.elapsed());
    let preview = staged.staged.preview.name.clone();
    let place = format!("{preview}.preview");
    assert_eq!(ground.get(&place, "/").await, (200, "1 1".to_owned()));
    assert_eq!(
        ground.get(&place, "/anything?at=all").await,
        (200, "2 2".to_owned()),
        "every path is the front controller's"
    );
    let reset = PreviewInput { preview: preview.clone(), epoch: ground.epoch() };
    ground.host.reset_preview(reset).await.expect("reset");
    assert_eq!(ground.get(&place, "/").await, (200, "1 1".to_owned()));
    assert_eq!(ground.get("shop", "/").await.0, 404, "nothing is live yet");

    let begun = Instant::now();
    let live = ground.activate(&staged).await.expect("activated").live.expect("live");
    eprintln!("activate: {:?}", begun.elapsed());
    assert_eq!(live.digest, staged.staged.release);
    assert_eq!(
        ground.get("shop", "/").await,
        (200, "1 1".to_owned()),
        "neither rows nor keys of the preview came along"
    );
    assert_eq!(ground.get(&place, "/").await.0, 404, "the preview has ended");

    let second = ground.release(change(&shop, Some(live.digest), &[("public/index.php", "<?php echo 'two';")])).await;
    assert_eq!(ground.get("shop", "/").await, (200, "two".to_owned()));
    let back = ground.roll_back(&shop, second, RollbackTo::Base).await.expect("rolled back");
    assert_eq!(back.live.expect("live").digest, live.digest);
    assert_eq!(ground.get("shop", "/").await, (200, "2 2".to_owned()), "the rows are still there");
    let none = ground.roll_back(&shop, live.digest, RollbackTo::Base).await.expect("rolled back");
    assert_eq!(none.live, None);
    assert_eq!(ground.get("shop", "/").await.0, 404);

    let inspect = InspectAppInput { app: Some(shop.clone()), files: vec![] };
    let seen = ground.host.inspect(inspect).await.expect("inspected").apps.remove(0);
    let states: Vec<_> = seen.releases.iter().map(|release| release.state).collect();
    assert_eq!(states, [ReleaseState::RolledBack, ReleaseState::RolledBack]);
    assert_eq!(seen.migrations, ["0001_create_visits"]);
    let again = ground.roll_back(&shop, second, RollbackTo::Base).await.expect_err("it is not live");
    assert_eq!(again.code, protocol::Code::BaseMoved);
    ground.services.stop().await;
}

#[tokio::test]
async fn what_was_written_is_read_parsed_and_its_warnings_are_logged() {
    let ground = Ground::start().await;
    let shop = app("shop");
    let files = [
        ("public/index.php", "<?php\nif ($_SERVER['REQUEST_URI'] === '/undefined') { echo $nothing; }\necho 'fine';"),
        ("src/Broken.php", "<?php\nfunction (;"),
        ("src/Twice.php", "<?php\nfunction a() {}\nfunction a() {}"),
        ("src/Middle.php", "<?php\nexit('never run'); class Middle extends Missing {}"),
        ("src/Old.php", "<?php\nfunction old($a = 1, $b) {}"),
        ("src/Unicode.php", "<?php\necho '日本語';"),
        ("src/Wrong.php", "<?php\nclass Wrong { function a() {} function a() {} }"),
        ("notes.txt", "never parsed <?php ("),
    ];
    let staged = ground.stage(change(&shop, None, &files)).await.expect("staged").staged;
    let place = Place::Preview(staged.preview.name.clone());

    let read = ground.host.read_files(ReadFilesInput { place: place.clone(), paths: vec![] }).await.expect("read");
    assert_eq!(read.files.len(), files.len());
    assert!(read.files.iter().any(|file| file.content == Some(Content::Text(files[7].1.to_owned()))));

    let lint = ground.host.lint_php(LintPhpInput { place: place.clone(), paths: vec![] }).await.expect("parsed");
    assert_eq!(lint.files, 7);
    let broken: Vec<_> = lint.errors.iter().map(|line| line.split(':').next().expect("a path")).collect();
    assert_eq!(broken, ["src/Broken.php", "src/Twice.php", "src/Wrong.php"], "{:?}", lint.errors);

    eprintln!("{:?}", lint.errors);

    let tail = |from| ground.host.tail_log(TailLogInput { place: place.clone(), from });
    let before = tail(None).await.expect("the log").end;
    let at = format!("{}.preview", staged.preview.name);
    assert_eq!(ground.get(&at, "/undefined").await, (200, "fine".to_owned()), "a warning is never shown");
    let log = tail(Some(before)).await.expect("the log");
    assert!(log.lines.iter().any(|line| line.contains("Undefined variable $nothing")), "{:?}", log.lines);
    assert_eq!(tail(Some(log.end)).await.expect("the log").lines, Vec::<String>::new());
    ground.services.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_notices_a_swap() {
    const SWAPS: usize = 20;
    let ground = Arc::new(Ground::start().await);
    let shop = app("shop");
    // Two files that must belong together, the second read a while after the first.
    let release = |base: Option<Digest>, version: &str| {
        let index = format!("<?php $a = '{version}'; usleep(2000); require __DIR__ . '/../part.php'; echo \"$a $b\";");
        change(&shop, base, &[("public/index.php", index.as_str()), ("part.php", &format!("<?php $b = '{version}';"))])
    };
    let one = ground.release(release(None, "one")).await;
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let readers: Vec<_> = (0..6)
        .map(|_| {
            let (ground, stop, served) = (Arc::clone(&ground), Arc::clone(&stop), Arc::clone(&served));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let (status, body) = ground.get("shop", "/").await;
                    assert_eq!(status, 200, "{body}");
                    assert!(["one one", "two two"].contains(&body.as_str()), "mixed: {body}");
                    served.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..SWAPS / 2 {
        let two = ground.release(release(Some(one), "two")).await;
        assert_eq!(ground.get("shop", "/").await.1, "two two");
        ground.roll_back(&shop, two, RollbackTo::Base).await.expect("rolled back");
        assert_eq!(ground.get("shop", "/").await.1, "one one");
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.expect("every answer was whole");
    }
    let served = served.load(Ordering::Relaxed);
    eprintln!("{served} requests over {SWAPS} swaps");
    assert!(served > 100, "the readers read");
}
