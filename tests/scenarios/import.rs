//! An app that exists elsewhere is taken over, and goes on from there.

use protocol::{
    AppName, Code, Problem,
    artifact::{ChangeSet, Content, Design, Outcome, Path as ReleasePath, Plan, Verdict},
    rest::{ImportApp, SuppliedFile},
    task::{Approval, Stage, Status, Task},
};
use reqwest::Method;
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;
use tests::{
    World,
    provider::Provider,
    servers::{StoreKind, StoreServer},
    team,
};
use yonin::Failure;

#[tokio::test]
async fn an_app_comes_over_as_it_is_and_goes_on_from_there() {
    let provider = Provider::answering(|asked| team::answer(asked, &[])).await;
    let world = World::with(&[("YONIN_MODEL", &format!("openai:x@{}/v1", provider.url()))]);
    let (app, brought) = (world.fresh_app(), Brought::pack());
    let (task, log) = brought.import(&world, &app, &[]);
    assert_eq!(task.status, Status::Succeeded, "{task:#?}\n{log}");
    assert!(provider.asked().is_empty() && task.usage.tokens == 0, "somebody thought about it");
    for skipped in ["skipped .env (hidden)", "skipped .git (hidden)", "skipped outside (a symbolic link)"] {
        assert!(log.contains(skipped), "{skipped}: {log}");
    }

    let page = text(&world, &app, "/").await;
    for words in [
        "<b>山田 太郎</b>: こんにちは。<br />",
        "O&#039;Brien; Patrick",
        "It&#039;s -- &quot;nice&quot; /* here */; really",
        "\\ 円",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let stamp = world.app(&app, Method::GET, "/stamp.gif").send().await.expect("an answer").bytes().await;
    assert_eq!(stamp.expect("a picture"), fs::read(files().join("public/stamp.gif")).expect("a picture"));
    let says_so = tells_the_truth(&world, &task).await;

    let changed = world.goal(&app, &team::add("kept")).succeed().await;
    assert_eq!(text(&world, &app, "/hello/kept").await, "done kept");
    assert_eq!(
        world.client.artifact::<ChangeSet>(changed.id, "changes", None).await.expect("changes").base,
        Some(says_so)
    );
    assert_eq!(world.rollback(&app, None).await.status, Status::Succeeded);
    assert_eq!(world.status(&app, Method::GET, "/hello/kept").await, 404);
    assert_eq!(text(&world, &app, "/").await, page);

    let refused = brought.yonin(&world, &app, &[]);
    let problem: Problem = serde_json::from_str(&refused.0).expect("a problem");
    assert_eq!((problem.code, problem.status, refused.1), (Code::AppExists, 409, Some(1)));
}

/// Plan, design, changes and verdict say that a person supplied it, and that all of it is there. The release.
async fn tells_the_truth(world: &World, task: &Task) -> protocol::Digest {
    let plan: Plan = world.client.artifact(task.id, "plan", None).await.expect("a plan");
    assert!(
        plan.supplied && plan.summary.contains("supplied the app as it is: 3 files and 2 tables with 5 rows"),
        "{}",
        plan.summary
    );
    let design: Design = world.client.artifact(task.id, "design", None).await.expect("a design");
    let ids: Vec<_> = design.migrations.iter().map(|migration| migration.id.as_str()).collect();
    let in_order = [
        "0001_create_entries",
        "0002_fill_entries",
        "0003_create_guests",
        "0004_fill_guests",
        "0005_link_entries",
        "0006_link_guests",
    ];
    assert_eq!(ids, in_order);
    let changes: ChangeSet = world.client.artifact(task.id, "changes", None).await.expect("changes");
    let stamp: ReleasePath = "public/stamp.gif".parse().expect("a path");
    let stamp = changes.files.iter().find(|file| file.path == stamp).and_then(|file| file.content.as_ref());
    assert!(matches!(stamp, Some(Content::Base64(_))), "{stamp:?}");
    let verdict = world.verdict(task.id).await;
    for id in [
        "rows:entries",
        "rows:guests",
        "page:/",
        "found:/about",
        "found:/stamp.gif",
        "lint",
        "no-5xx",
        "no-php-warnings",
    ] {
        let result = verdict.results.iter().find(|result| result.id == id);
        assert!(result.is_some_and(|result| result.outcome == Outcome::Passed), "{id}: {result:?}");
    }
    assert_eq!(verdict.caveats, Vec::<String>::new());
    task.result.as_ref().expect("a result").release
}

#[tokio::test]
async fn an_import_survives_power_cuts() {
    let mut world = World::start();
    let (app, brought) = (world.fresh_app(), Brought::pack());
    let task = world.client.import(&app, &brought.body(), "key").await.expect("accepted");
    for stage in [Stage::Plan, Stage::Build, Stage::Verify, Stage::Release] {
        world.when(task.id, |task| task.stage >= stage).await;
        world = world.crash_and_restart();
    }
    let task = world.finished(task.id).await;
    assert_eq!(task.status, Status::Succeeded, "{task:#?}");
    assert!(text(&world, &app, "/").await.contains("山田 太郎"));
    assert_eq!(world.client.releases(&app).await.expect("releases").releases.len(), 1, "released once");
    assert_eq!(world.client.import(&app, &brought.body(), "key").await.expect("the same").id, task.id);
    let checks: Verdict = world.verdict(task.id).await;
    assert!(checks.passed, "{checks:#?}");
}

#[tokio::test]
async fn what_cannot_be_taken_over_is_told_and_leaves_nothing() {
    let world = World::start();
    let body = Brought::pack().body();
    let with_sql = |sql: &str| ImportApp {
        sql: Some(format!("{}{sql}", body.sql.as_deref().unwrap_or_default())),
        ..body.clone()
    };
    let with_file = |path: &str, text: &str| {
        let mut files = body.files.clone();
        files.retain(|file| file.path.as_str() != path);
        files.push(SuppliedFile { path: path.parse().expect("a path"), content: Content::Text(text.to_owned()) });
        ImportApp { files, ..body.clone() }
    };
    for (body, stage, code, why) in [
        (with_sql("GRANT ALL ON *.* TO x;"), None, Code::BadDump, "of the dump: GRANT ALL: accounts"),
        (with_sql("DELIMITER ;;"), None, Code::BadDump, "of the dump: DELIMITER"),
        (ImportApp { files: Vec::new(), ..body.clone() }, None, Code::BadPath, "public/index.php"),
        (with_file(".htaccess", "x"), None, Code::BadPath, "start with a dot"),
        // What the host and the Tester see, and nobody before them.
        (
            with_sql("CREATE TABLE t (id int) ENGINE=MyISAM;"),
            Some(Stage::Build),
            Code::BadMigration,
            "of the dump: 0005_create_t",
        ),
        (with_sql("INSERT INTO guests VALUES (9, 'x', 77);"), Some(Stage::Build), Code::MigrationFailed, "line "),
        (with_file("public/more.php", "<?php echo 1 +;"), Some(Stage::Verify), Code::ChecksFailed, ""),
        (ImportApp { pages: vec!["/broken".into()], ..body.clone() }, Some(Stage::Verify), Code::ChecksFailed, ""),
        (with_file("public/index.php", "<?php echo $nothing;"), Some(Stage::Verify), Code::ChecksFailed, ""),
    ] {
        let app = world.fresh_app();
        let (problem, at) = match world.client.import(&app, &body, app.as_str()).await {
            Err(Failure::Problem(problem)) => (problem, None),
            Err(other) => panic!("{other}"),
            Ok(task) => {
                let ended = world.finished(task.id).await;
                (ended.error.unwrap_or_else(|| panic!("{why} is taken over")), Some(ended.stage))
            }
        };
        assert_eq!((problem.code, at), (code, stage), "{problem}");
        assert!(problem.detail.contains(why), "{why}: {problem}");
        assert_eq!(world.status(&app, Method::GET, "/").await, 404, "{problem}");
    }
    let app = world.fresh_app();
    let asked =
        world.client.import(&app, &ImportApp { approval: Approval::Always, ..body.clone() }, app.as_str()).await;
    let asked = world.when(asked.expect("accepted").id, |task| task.status == Status::Waiting).await;
    world.client.reject(asked.id, None).await.expect("rejected");
    let ended = world.when(asked.id, |task| task.status.is_final()).await;
    assert_eq!((ended.stage, ended.error.expect("a reason").code), (Stage::Approve, Code::Rejected));
}

#[tokio::test]
async fn the_command_line_says_what_it_cannot_send() {
    let world = World::start();
    let brought = Brought::pack();
    let app = world.fresh_app();
    let large = brought.dir.path().join("site/large.bin");
    for (wrong, exit, words) in [
        (vec!["--sql", "/nowhere.sql"], 1, "cannot read /nowhere.sql"),
        (vec!["--sql", files().join("public/stamp.gif").to_str().expect("UTF-8")], 1, "--hex-blob"),
        (vec!["--document-root", "views"], 1, "bad-path"),
        (vec!["--page", "events"], 1, "bad-request"),
    ] {
        let (output, code, log) = brought.yonin(&world, &app, &wrong);
        assert_eq!(code, Some(exit), "{wrong:?}: {output}{log}");
        assert!(output.contains(words) || log.contains(words), "{wrong:?}: {output}{log}");
    }
    fs::write(&large, vec![0xff; 5 << 20]).expect("written");
    let (output, code, _) = brought.yonin(&world, &app, &[]);
    assert_eq!(code, Some(1));
    assert!(output.contains("change-set-too-large") && output.contains("large.bin has 5242880 bytes"), "{output}");
}

/// The guestbook as somebody's machine has it: a directory with things in it that are nobody's business, and a dump.
struct Brought {
    dir: TempDir,
}

impl Brought {
    fn pack() -> Self {
        let brought = Self { dir: tempfile::tempdir().expect("a directory") };
        let site = brought.dir.path().join("site");
        copy(&files(), &site);
        fs::write(site.join(".env"), "PASSWORD=secret").expect("written");
        fs::create_dir(site.join(".git")).expect("made");
        fs::write(site.join(".git/config"), "x").expect("written");
        symlink("/etc/passwd", site.join("outside")).expect("linked");
        fs::write(brought.dir.path().join("dump.sql"), dumped()).expect("written");
        brought
    }

    fn yonin(&self, world: &World, app: &AppName, more: &[&str]) -> (String, Option<i32>, String) {
        let (site, dump) = (self.dir.path().join("site"), self.dir.path().join("dump.sql"));
        let mut arguments = vec!["import", site.to_str().expect("UTF-8"), "--app", app.as_str(), "--wait", "--json"];
        if !more.contains(&"--sql") {
            arguments.extend(["--sql", dump.to_str().expect("UTF-8")]);
        }
        arguments.extend(more);
        let mut process = world.yonin(&arguments);
        let (output, status) = process.output();
        (output, status.code(), process.log())
    }

    fn import(&self, world: &World, app: &AppName, more: &[&str]) -> (Task, String) {
        let (output, _, log) = self.yonin(world, app, more);
        (serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}{log}")), log)
    }

    /// The same as a body, without the picture.
    fn body(&self) -> ImportApp {
        let file = |path: &str| {
            let text = fs::read_to_string(files().join(path)).expect("text");
            SuppliedFile { path: path.parse().expect("a path"), content: Content::Text(text) }
        };
        ImportApp {
            files: ["public/index.php", "views/book.php"].map(file).into(),
            sql: Some(fs::read_to_string(self.dir.path().join("dump.sql")).expect("a dump")),
            pages: Vec::new(),
            approval: Approval::default(),
        }
    }
}

fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/guestbook/files")
}

/// What the real `mariadb-dump` makes of a real schema.
fn dumped() -> Vec<u8> {
    let server = StoreServer::start(StoreKind::MariaDb);
    let port = server.address().port().to_string();
    let to = ["--host=127.0.0.1", "--port", &port, "--user=root", "--default-character-set=utf8mb4"];
    let tables = fs::read_to_string(files().join("../tables.sql")).expect("SQL");
    let sql =
        format!("create database elsewhere character set utf8mb4; use elsewhere; set foreign_key_checks = 0; {tables}");
    let loaded =
        Command::new("mariadb").args(to).arg("--execute").arg(sql).stdin(Stdio::null()).output().expect("runs");
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
    let dump = Command::new("mariadb-dump").args(to).args(["--hex-blob", "elsewhere"]).output().expect("runs");
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    dump.stdout
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("a directory").map(|entry| entry.expect("an entry")) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).expect("copied");
        }
    }
}

async fn text(world: &World, app: &AppName, path: &str) -> String {
    let answer = world.app(app, Method::GET, path).send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{path}");
    answer.text().await.expect("text")
}
