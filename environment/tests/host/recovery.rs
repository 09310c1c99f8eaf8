//! Acts that are cut off in the middle, held there by a lock on a table that a migration needs.

use crate::ground::{Change, Ground, app, change, migration};
use protocol::{
    AppName, Code, Digest, TaskId,
    artifact::{ChangeSet, Migration, Verdict},
    tools::{
        coder::{InspectAppInput, RollbackTo},
        host::{ActivateReleaseInput, ClosePreviewsInput, OpenPreviewInput, RollbackReleaseInput},
    },
};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection};
use std::time::{Duration, Instant};

const NOTES: &str = "create table notes (id int primary key auto_increment, body text)";
const TAGS: &str = "create table tags (id int primary key auto_increment, name varchar(20))";

async fn sql(ground: &Ground) -> MySqlConnection {
    MySqlConnection::connect(&format!("{}app_shop", ground.services.mysql_admin())).await.expect("a connection")
}

async fn run(connection: &mut MySqlConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The first column of the first row, as text; `-` where the server refuses.
async fn ask(connection: &mut MySqlConnection, sql: &str) -> String {
    let sql = format!("select cast(({sql}) as char)");
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await.unwrap_or_else(|_| "-".to_owned())
}

async fn until(connection: &mut MySqlConnection, sql: &str, wanted: &str) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while ask(connection, sql).await != wanted {
        assert!(Instant::now() < deadline, "{sql} is not {wanted}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// One row in each table, and a release that answers `one`.
async fn shop(ground: &Ground) -> (AppName, Digest, MySqlConnection) {
    let shop = app("shop");
    let mut first = change(&shop, None, &[("public/index.php", "<?php echo 'one';")]);
    first.migrations = vec![migration("0001_notes", NOTES), migration("0002_tags", TAGS)];
    let one = ground.release(first).await;
    let mut sql = sql(ground).await;
    run(&mut sql, "insert into notes (body) values ('kept'); insert into tags (name) values ('kept')").await;
    (shop, one, sql)
}

fn next(shop: &AppName, base: Digest, text: &str, migrations: &[(&str, &str)]) -> ChangeSet {
    let mut next = change(shop, Some(base), &[("public/index.php", &format!("<?php echo '{text}';"))]);
    next.migrations = migrations.iter().map(|(id, sql)| migration(id, sql)).collect();
    next
}

/// What makes a change live, with everything that it asks for approved.
fn approved(ground: &Ground, change: &Change) -> ActivateReleaseInput {
    let approved = change.change_set.migrations.iter().map(Migration::checksum).collect();
    ActivateReleaseInput { approved, ..ground.activation(change) }
}

fn releases_on_disk(ground: &Ground) -> usize {
    let entries = std::fs::read_dir(ground.root().join("apps/shop/releases")).expect("a directory").flatten();
    entries.filter(|entry| entry.path().is_dir()).count()
}

const DROP_BODY: (&str, &str) = ("0003_drop_body", "alter table notes drop column body");

#[tokio::test]
async fn a_release_that_is_refused_half_way_gives_back_what_it_took() {
    let ground = Ground::start().await;
    let (shop, one, mut sql) = shop(&ground).await;
    let unique = ("0004_unique", "create unique index name on tags (name)");
    let staged = ground.stage(next(&shop, one, "two", &[DROP_BODY, unique])).await.expect("staged");
    // What users write meanwhile does not fit any more.
    run(&mut sql, "insert into tags (name) values ('kept')").await;
    let refused = ground.host.activate_release(approved(&ground, &staged)).await.expect_err("refused");
    assert_eq!(refused.code, Code::MigrationFailed);
    assert_eq!(ground.get("shop", "/").await, (200, "one".to_owned()));
    assert_eq!(ask(&mut sql, "select body from notes").await, "kept", "the code that is live needs it");
    assert_eq!(ask(&mut sql, "select count(*) from _yonin_migrations").await, "2");
    assert_eq!(releases_on_disk(&ground), 1, "nothing of it stays");

    // Mended, under the same names.
    let mended = ("0004_unique", "create index name on tags (name)");
    let staged = ground.stage(next(&shop, one, "two", &[DROP_BODY, mended])).await.expect("staged");
    ground.host.activate_release(approved(&ground, &staged)).await.expect("activated");
    assert_eq!(ground.get("shop", "/").await, (200, "two".to_owned()));
    assert_eq!(ask(&mut sql, "select body from notes").await, "-");
    ground.services.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_that_nobody_goes_on_with_is_taken_back_with_its_migrations() {
    let ground = Ground::start().await;
    let (shop, one, mut sql) = shop(&ground).await;
    let slow = ("0004_count", "update tags set name = (select count(*) from notes a, notes b, notes c, notes d)");
    let staged = ground.stage(next(&shop, one, "two", &[DROP_BODY, slow])).await.expect("staged");
    // Quick in the preview, a minute here.
    run(&mut sql, "insert into notes (body) select 'more' from seq_1_to_200").await;
    let (host, input) = (ground.host.clone(), approved(&ground, &staged));
    let doomed = tokio::spawn(async move { host.activate_release(input).await });
    until(&mut sql, "select state from _yonin_migrations where id = '0004_count'", "intended").await;
    assert_eq!(ask(&mut sql, "select max(body) from notes").await, "-");

    let close = ClosePreviewsInput { app: shop, task: staged.task, epoch: ground.epoch() };
    ground.host.close_previews(close).await.expect("closed");
    assert_eq!(doomed.await.expect("it did not panic").expect_err("cut off").code, Code::StaleEpoch);
    assert_eq!(ask(&mut sql, "select min(body) from notes").await, "kept");
    assert_eq!(ask(&mut sql, "select name from tags").await, "kept");
    assert_eq!(ask(&mut sql, "select count(*) from _yonin_migrations").await, "2");
    assert_eq!(ground.get("shop", "/").await, (200, "one".to_owned()));
    assert_eq!(releases_on_disk(&ground), 1);
    let left = "select count(*) from information_schema.tables where table_name like '\\_yonin\\_pre%'";
    assert_eq!(ask(&mut sql, left).await, "0", "a pre-image stays");
    ground.services.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_that_was_begun_in_time_may_end_after_its_verdict_has_expired() {
    let ground = Ground::start().await;
    let (shop, one, mut sql) = shop(&ground).await;
    let alter = ("0003_tags", "alter table tags add column colour varchar(20)");
    let staged = ground.stage(next(&shop, one, "two", &[alter])).await.expect("staged");
    let expires_at = chrono::Utc::now() + chrono::TimeDelta::milliseconds(1_500);
    let verdict = ground.signed(Verdict { expires_at, ..ground.verdict(&staged) });
    let input = || ActivateReleaseInput { verdict: verdict.clone(), ..ground.activation(&staged) };
    let mut blocker = self::sql(&ground).await;
    run(&mut blocker, "start transaction; select * from tags").await;
    let (host, first) = (ground.host.clone(), input());
    let doomed = tokio::spawn(async move { host.activate_release(first).await });
    until(&mut sql, "select state from _yonin_migrations where id = '0003_tags'", "intended").await;
    let left = (expires_at - chrono::Utc::now()).to_std().unwrap_or_default();
    tokio::time::sleep(left + Duration::from_millis(10)).await;
    let (host, second) = (ground.host.clone(), input());
    let going_on = tokio::spawn(async move { host.activate_release(second).await });
    assert_eq!(doomed.await.expect("it did not panic").expect_err("cut off").code, Code::StaleEpoch);
    run(&mut blocker, "commit").await;
    going_on.await.expect("it did not panic").expect("it was begun in time");
    assert_eq!(ground.get("shop", "/").await, (200, "two".to_owned()));

    // One that was not begun is refused.
    let live = staged.staged.release;
    let late = ground.stage(next(&shop, live, "three", &[])).await.expect("staged");
    let expires_at = chrono::Utc::now();
    let verdict = ground.signed(Verdict { expires_at, ..ground.verdict(&late) });
    let input = ActivateReleaseInput { verdict, ..ground.activation(&late) };
    assert_eq!(ground.host.activate_release(input).await.expect_err("late").code, Code::VerdictInvalid);
    ground.services.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_back_that_was_begun_is_taken_to_its_end() {
    let ground = Ground::start().await;
    let (shop, one, mut sql) = shop(&ground).await;
    let drops = [DROP_BODY, ("0004_drop_name", "alter table tags drop column name")];
    let staged = ground.stage(next(&shop, one, "two", &drops)).await.expect("staged");
    let live = ground.host.activate_release(approved(&ground, &staged)).await.expect("activated").live.expect("live");
    let mut blocker = self::sql(&ground).await;
    run(&mut blocker, "start transaction; select * from tags").await;
    let back = RollbackReleaseInput {
        app: shop.clone(),
        task: staged.task,
        from: live.digest,
        to: RollbackTo::Base,
        epoch: ground.epoch(),
    };
    let (host, first) = (ground.host.clone(), back.clone());
    let doomed = tokio::spawn(async move { host.rollback_release(first).await });
    until(&mut sql, "select body from notes", "kept").await;

    // Another task comes. It starts from what was live when it was planned, and that is what it must find.
    let open = |base| OpenPreviewInput { app: shop.clone(), task: TaskId::fresh(), base, epoch: ground.epoch() };
    let (host, other) = (ground.host.clone(), open(Some(one)));
    let opened = tokio::spawn(async move { host.open_preview(other).await });
    assert_eq!(doomed.await.expect("it did not panic").expect_err("cut off").code, Code::StaleEpoch);
    run(&mut blocker, "commit").await;
    opened.await.expect("it did not panic").expect("the way back is at its end");
    assert_eq!(ground.get("shop", "/").await, (200, "one".to_owned()));
    assert_eq!(ask(&mut sql, "select name from tags").await, "kept");
    let again = ground.host.rollback_release(RollbackReleaseInput { epoch: ground.epoch(), ..back }).await;
    assert_eq!(again.expect("asked again").live.expect("live").digest, one);
    ground.services.stop().await;
}

#[tokio::test]
async fn no_way_leads_to_a_release_whose_schema_is_not_there() {
    let ground = Ground::start().await;
    let (shop, one, mut sql) = shop(&ground).await;
    // Taken back by its own task at once: its schema went with it.
    let staged = ground.stage(next(&shop, one, "red", &[DROP_BODY])).await.expect("staged");
    let red = ground.host.activate_release(approved(&ground, &staged)).await.expect("activated").live.expect("live");
    let back = RollbackReleaseInput {
        app: shop.clone(),
        task: staged.task,
        from: red.digest,
        to: RollbackTo::Base,
        epoch: ground.epoch(),
    };
    ground.host.rollback_release(back).await.expect("restored");
    let forward = ground.roll_back(&shop, one, RollbackTo::Release(red.digest)).await;
    assert_eq!(forward.expect_err("its migration was taken back").code, Code::RollbackRefused);

    // A side branch, left; then a step that loses data, and one that does not.
    let aside = ground.release(next(&shop, one, "aside", &[])).await;
    ground.roll_back(&shop, aside, RollbackTo::Base).await.expect("back");
    let drop = ("0005_drop_name", "alter table tags drop column name");
    let staged = ground.stage(next(&shop, one, "two", &[drop])).await.expect("staged");
    let two = ground.host.activate_release(approved(&ground, &staged)).await.expect("activated").live.expect("live");
    let three = ground.release(next(&shop, two.digest, "three", &[])).await;
    for target in [aside, one] {
        let refused = ground.roll_back(&shop, three, RollbackTo::Release(target)).await;
        assert_eq!(refused.expect_err("it knows the column").code, Code::RollbackRefused);
    }
    ground.roll_back(&shop, three, RollbackTo::Base).await.expect("the one before knows the schema");
    assert_eq!(ground.get("shop", "/").await, (200, "two".to_owned()));
    assert_eq!(ask(&mut sql, "select body from notes").await, "kept");
    ground.services.stop().await;
}

/// The same files made live a second time take the place of the first: the way back past them is still judged by the schema.
#[tokio::test]
async fn files_that_go_live_twice_hide_nothing_that_was_lost() {
    let ground = Ground::start().await;
    let (shop, one, _sql) = shop(&ground).await;
    let staged = ground.stage(next(&shop, one, "two", &[DROP_BODY])).await.expect("staged");
    let two = ground.host.activate_release(approved(&ground, &staged)).await.expect("activated").live.expect("live");
    let three = ground.release(next(&shop, two.digest, "three", &[])).await;
    let again = ground.release(next(&shop, three, "two", &[])).await;
    assert_eq!(again, two.digest);
    let refused = ground.roll_back(&shop, again, RollbackTo::Release(one)).await;
    assert_eq!(refused.expect_err("it knows the column").code, Code::RollbackRefused);
    ground.services.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_an_ended_writer_still_writes_are_gone_when_the_next_one_is_done() {
    let ground = Ground::start().await;
    let shop = app("shop");
    let many: Vec<_> = (0..3_000).map(|number| format!("d{}/f{number}.php", number % 50)).collect();
    let many: Vec<_> = many.iter().map(|path| (path.as_str(), "<?php")).collect();
    for pause in [0, 20, 60, 120, 200] {
        let task = TaskId::fresh();
        let open = OpenPreviewInput { app: shop.clone(), task, base: None, epoch: ground.epoch() };
        let preview = ground.host.open_preview(open.clone()).await.expect("opened").name;
        let change_set = change(&shop, None, &many);
        let stage =
            protocol::tools::host::StageReleaseInput { preview: preview.clone(), change_set, epoch: open.epoch };
        let host = ground.host.clone();
        let doomed = tokio::spawn(async move { host.stage_release(stage).await });
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let close = ClosePreviewsInput { app: shop.clone(), task, epoch: ground.epoch() };
        ground.host.close_previews(close).await.expect("closed");
        assert!(doomed.await.expect("it did not panic").is_err());
        assert!(!ground.root().join("previews").join(preview.as_str()).exists(), "after {pause} ms");
    }
    ground.services.stop().await;
}

#[tokio::test]
async fn what_nobody_knows_of_is_removed_when_the_host_starts() {
    let ground = Ground::start().await;
    let (shop, one, mut sql) = shop(&ground).await;
    let orphan = "o".repeat(26);
    run(&mut sql, &format!("create schema pv_{orphan}; create user 'pv_{orphan}'@'%'")).await;
    let home = ground.root().join("apps/shop");
    let stray = home.join("releases").join(Digest::of_bytes(b"stray").hex());
    std::fs::create_dir(&stray).expect("a directory");
    for file in [".state.json.1", "releases/.m.1"] {
        std::fs::write(home.join(file), "half").expect("a file");
    }
    std::fs::write(ground.root().join("pools/.app-shop.json.1"), "half").expect("a file");
    drop(sql);

    let ground = ground.restart().await;
    let mut sql = self::sql(&ground).await;
    let schema = format!("select count(*) from information_schema.schemata where schema_name = 'pv_{orphan}'");
    until(&mut sql, &schema, "0").await;
    assert_eq!(ask(&mut sql, &format!("select count(*) from mysql.user where user = 'pv_{orphan}'")).await, "0");
    assert!(!stray.exists());
    for file in ["apps/shop/.state.json.1", "apps/shop/releases/.m.1", "pools/.app-shop.json.1"] {
        assert!(!ground.root().join(file).exists(), "{file}");
    }
    assert_eq!(ground.get("shop", "/").await, (200, "one".to_owned()));
    let inspect = InspectAppInput { app: Some(shop), files: vec![] };
    let seen = ground.host.inspect(inspect).await.expect("inspected").apps.remove(0);
    assert_eq!(seen.live.expect("live").digest, one);
    ground.services.stop().await;
}

#[tokio::test]
async fn a_preview_that_has_expired_is_not_found_again() {
    let ground = Ground::start().await;
    let shop = app("shop");
    let staged = ground.stage(change(&shop, None, &[("public/index.php", "<?php echo 1;")])).await.expect("staged");
    let old = staged.staged.preview.clone();
    let open = OpenPreviewInput { app: shop.clone(), task: staged.task, base: None, epoch: ground.epoch() };
    let again = ground.host.open_preview(open).await.expect("found");
    assert!(again.name == old.name && again.expires_at > old.expires_at, "another round begins");
    let file = ground.root().join("apps/shop/state.json");
    let mut state: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).expect("a state")).expect("JSON");
    state["previews"][0]["expires_at"] = "2020-01-01T00:00:00Z".into();
    std::fs::write(&file, state.to_string()).expect("written");
    let late = ground.activate(&staged).await.expect_err("it has expired");
    assert_eq!(late.code, Code::PreviewGone);
    let open = OpenPreviewInput { app: shop, task: staged.task, base: None, epoch: ground.epoch() };
    let fresh = ground.host.open_preview(open).await.expect("opened");
    assert_ne!(fresh.name, old.name);
    assert!(fresh.expires_at > chrono::Utc::now());
    assert!(!ground.root().join("previews").join(old.name.as_str()).exists());
    ground.services.stop().await;
}

#[tokio::test]
async fn who_approves_is_told_how_many_rows_there_are() {
    let ground = Ground::start().await;
    let (shop, one, mut sql) = shop(&ground).await;
    run(&mut sql, "insert into notes (body) values ('a'), ('b')").await;
    let statements =
        [("0003_shout", "update notes set body = upper(body)"), ("0004_none", "delete from tags where id < 0")];
    let staged = ground.stage(next(&shop, one, "two", &statements)).await.expect("staged").staged;
    let dangers: Vec<_> = staged.destructive.iter().map(|statement| statement.danger.as_str()).collect();
    assert_eq!(
        dangers,
        [
            "Changes rows; what they held before is lost. The table has 3 rows now.",
            "Deletes rows. The table has 1 row now."
        ]
    );
    ground.services.stop().await;
}
