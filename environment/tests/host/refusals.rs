use crate::ground::{Change, Ground, app, change, migration, sign};
use ed25519_dalek::SigningKey;
use protocol::{
    Code, Digest, Problem, TaskId,
    artifact::{ChangeSet, Content, FileChange, Outcome, Verdict, VerdictKind},
    tools::{
        Epoch,
        coder::RollbackTo,
        host::{ActivateReleaseInput, ClosePreviewsInput, OpenPreviewInput, PreviewInput, StageReleaseInput},
    },
};
use std::process::Command;

const PAGE: &[(&str, &str)] = &[("public/index.php", "<?php echo 'one';")];

#[tokio::test]
async fn nothing_goes_live_without_a_verdict_that_covers_it() {
    let ground = Ground::start().await;
    let shop = app("shop");
    let good = ground.stage(change(&shop, None, PAGE)).await.expect("staged");
    let resigned = |twist: &dyn Fn(&mut Verdict)| {
        let mut verdict = ground.verdict(&good);
        twist(&mut verdict);
        ground.signed(verdict)
    };
    let soon = chrono::Utc::now();
    let mut bad = vec![
        ("forged", sign(ground.verdict(&good), &SigningKey::from_bytes(&rand::random()))),
        ("unsigned", Verdict { signature: String::new(), ..ground.verdict(&good) }),
        ("altered after signing", Verdict { caveats: vec!["none".to_owned()], ..ground.verdict(&good) }),
        ("smoke", resigned(&|verdict| verdict.kind = VerdictKind::Smoke)),
        ("other app", resigned(&|verdict| verdict.app = app("other"))),
        ("other task", resigned(&|verdict| verdict.task = TaskId::fresh())),
        ("other base", resigned(&|verdict| verdict.base = Some(Digest::of_bytes(b"base")))),
        ("other change-set", resigned(&|verdict| verdict.change_set = Digest::of_bytes(b"other"))),
        ("failed", resigned(&|verdict| verdict.passed = false)),
        ("expired", resigned(&move |verdict| verdict.expires_at = soon)),
        ("no results", resigned(&|verdict| verdict.results.clear())),
        ("a red check", resigned(&|verdict| verdict.results[0].outcome = Outcome::Failed { why: "no".to_owned() })),
        (
            "an errored check",
            resigned(&|verdict| verdict.results[1].outcome = Outcome::Errored { why: "no".to_owned() }),
        ),
    ];
    for id in Verdict::MANDATORY {
        bad.push(("mandatory not run", resigned(&|verdict| verdict.results.retain(|result| result.id != id))));
        bad.push(("mandatory not named", resigned(&|verdict| verdict.mandatory.retain(|name| name != id))));
    }
    for (what, verdict) in bad {
        let refused = ground.host.activate_release(ActivateReleaseInput { verdict, ..ground.activation(&good) }).await;
        assert_eq!(refused.expect_err(what).code, Code::VerdictInvalid, "{what}");
        assert_eq!(ground.get("shop", "/").await.0, 404, "{what}");
    }
    // A migration, or a file, that changed after the test is another change-set.
    let mut other_migration = good.change_set.clone();
    other_migration.migrations = vec![migration("0001_other", "create table other (id int primary key)")];
    let other_file = change(&shop, None, &[("public/index.php", "<?php echo 'other';")]);
    for changed in [other_migration, other_file] {
        let change_set = changed.digest();
        let restage =
            StageReleaseInput { preview: good.staged.preview.name.clone(), change_set: changed, epoch: ground.epoch() };
        ground.host.stage_release(restage).await.expect("staged");
        let refused = ground.activate(&good).await.expect_err("what was tested is not what is staged");
        assert_eq!(refused.code, Code::PreviewGone);
        let on_the_old_verdict = ActivateReleaseInput { change_set, ..ground.activation(&good) };
        let refused = ground.host.activate_release(on_the_old_verdict).await.expect_err("it is about another one");
        assert_eq!(refused.code, Code::VerdictInvalid);
        assert_eq!(ground.get("shop", "/").await.0, 404);
    }
    let restage = StageReleaseInput {
        preview: good.staged.preview.name.clone(),
        change_set: good.change_set.clone(),
        epoch: ground.epoch(),
    };
    ground.host.stage_release(restage).await.expect("staged");
    ground.activate(&good).await.expect("and the good one goes live");
    assert_eq!(ground.get("shop", "/").await, (200, "one".to_owned()));
    ground.services.stop().await;
}

#[tokio::test]
async fn who_comes_late_or_starts_from_elsewhere_changes_nothing() {
    let ground = Ground::start().await;
    let shop = app("shop");
    let one = ground.release(change(&shop, None, PAGE)).await;
    let two = |text: &str| change(&shop, Some(one), &[("public/index.php", &format!("<?php echo '{text}';"))]);
    let late = ground.stage(two("late")).await.expect("staged");
    let early = ground.stage(two("early")).await.expect("staged");
    let stale = ground.activation(&late);
    ground.activate(&early).await.expect("activated");
    let code = |refused: Result<_, Problem>| refused.map(|_: ()| ()).expect_err("refused").code;

    let epoch = Epoch { turn: 0, fence: 99 };
    assert_eq!(code(ground.host.activate_release(stale.clone()).await.map(drop)), Code::StaleEpoch);
    let (name, app, task) = (late.staged.preview.name.clone(), shop.clone(), late.task);
    let reset = PreviewInput { preview: name.clone(), epoch };
    assert_eq!(code(ground.host.reset_preview(reset).await.map(drop)), Code::StaleEpoch);
    let close = ClosePreviewsInput { app: app.clone(), task, epoch };
    assert_eq!(code(ground.host.close_previews(close).await.map(drop)), Code::StaleEpoch);
    let open = OpenPreviewInput { app: app.clone(), task, base: Some(one), epoch };
    assert_eq!(code(ground.host.open_preview(open.clone()).await.map(drop)), Code::StaleEpoch);

    let epoch = ground.epoch();
    let moved = ActivateReleaseInput { epoch, ..stale };
    assert_eq!(code(ground.host.activate_release(moved).await.map(drop)), Code::BaseMoved);
    assert_eq!(code(ground.host.open_preview(OpenPreviewInput { epoch, ..open }).await.map(drop)), Code::BaseMoved);
    assert_eq!(code(ground.roll_back(&shop, one, RollbackTo::Base).await.map(drop)), Code::BaseMoved);
    let unknown = RollbackTo::Release(Digest::of_bytes(b"never"));
    let live = early.staged.release;
    assert_eq!(code(ground.roll_back(&shop, live, unknown).await.map(drop)), Code::NoSuchRelease);

    let close = ClosePreviewsInput { app, task, epoch: ground.epoch() };
    ground.host.close_previews(close.clone()).await.expect("closed");
    ground.host.close_previews(close).await.expect("closing again is no error");
    let stage = StageReleaseInput { preview: name, change_set: two("gone"), epoch: ground.epoch() };
    assert_eq!(code(ground.host.stage_release(stage).await.map(drop)), Code::PreviewGone);
    assert_eq!(ground.get("shop", "/").await, (200, "early".to_owned()));
    ground.services.stop().await;
}

#[tokio::test]
async fn a_statement_that_loses_data_needs_approval_of_exactly_it() {
    let ground = Ground::start().await;
    let shop = app("shop");
    let mut first = change(&shop, None, PAGE);
    first.migrations = vec![migration("0001_notes", "create table notes (id int primary key, body text)")];
    let one = ground.release(first).await;
    let mut second = change(&shop, Some(one), &[("public/index.php", "<?php echo 'two';")]);
    second.migrations = vec![migration("0002_drop_body", "alter table notes drop column body")];
    let staged = ground.stage(second).await.expect("staged");
    let checksum = staged.staged.destructive.first().expect("it is told").checksum;

    for approved in [vec![], vec![Digest::of_bytes(b"something else")]] {
        let input = ActivateReleaseInput { approved, ..ground.activation(&staged) };
        assert_eq!(ground.host.activate_release(input).await.expect_err("refused").code, Code::ApprovalRequired);
        assert_eq!(ground.get("shop", "/").await, (200, "one".to_owned()));
    }
    let input = ActivateReleaseInput { approved: vec![checksum], ..ground.activation(&staged) };
    let live = ground.host.activate_release(input).await.expect("activated").live.expect("live");
    assert_eq!(ground.get("shop", "/").await, (200, "two".to_owned()));
    let back = ground.roll_back(&shop, live.digest, RollbackTo::Base).await;
    assert_eq!(back.expect_err("refused").code, Code::RollbackRefused);
    assert_eq!(ground.get("shop", "/").await, (200, "two".to_owned()));
    ground.services.stop().await;
}

#[tokio::test]
async fn files_that_do_not_fit_are_refused_and_leave_nothing() {
    let ground = Ground::start().await;
    let shop = app("shop");
    let refused = async |what: &str, change_set: ChangeSet, code: Code| {
        let refused = ground.stage(change_set).await.map(|_: Change| ());
        assert_eq!(refused.expect_err(what).code, code, "{what}");
    };
    refused("case twins", change(&shop, None, &[("a.php", ""), ("A.php", "")]), Code::BadPath).await;
    refused("a file as directory", change(&shop, None, &[("a", ""), ("a/b.php", "")]), Code::BadPath).await;
    let many: Vec<_> = (0..=ChangeSet::MAX_FILES).map(|number| format!("f{number}.php")).collect();
    let many: Vec<_> = many.iter().map(|path| (path.as_str(), "")).collect();
    refused("too many", change(&shop, None, &many), Code::ChangeSetTooLarge).await;
    let huge = "x".repeat(ChangeSet::MAX_FILE_BYTES + 1);
    refused("too large", change(&shop, None, &[("a.txt", &huge)]), Code::ChangeSetTooLarge).await;
    let mut no_base64 = change(&shop, None, PAGE);
    no_base64.files.push(FileChange {
        path: "b.bin".parse().expect("a path"),
        content: Some(Content::Base64("not base64!".to_owned())),
    });
    refused("no base64", no_base64, Code::BadRequest).await;

    let one = ground.release(change(&shop, None, PAGE)).await;
    refused("twin of the base", change(&shop, Some(one), &[("PUBLIC/index.php", "")]), Code::BadPath).await;
    refused("below a file of the base", change(&shop, Some(one), &[("public/index.php/x", "")]), Code::BadPath).await;
    let partial = leftovers(&ground);
    assert!(partial.is_empty(), "{partial:?}");
    assert_eq!(ground.get("shop", "/").await, (200, "one".to_owned()));
    ground.services.stop().await;
}

#[tokio::test]
async fn a_full_disk_is_told_and_leaves_nothing_half_written() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root can mount a small file system");
        return;
    }
    let ground = Ground::start().await;
    let shop = app("shop");
    let one = ground.release(change(&shop, None, PAGE)).await;
    let mount = Mount::over(ground.root().join("previews"));
    let large = "x".repeat(3 << 20);
    let full = ground.stage(change(&shop, Some(one), &[("large.txt", &large)])).await.map(|_: Change| ());
    assert_eq!(full.expect_err("there is no room").code, Code::DiskFull);
    let partial = leftovers(&ground);
    assert!(partial.is_empty(), "{partial:?}");
    assert_eq!(ground.get("shop", "/").await, (200, "one".to_owned()));

    let small = ground.stage(change(&shop, Some(one), &[("public/index.php", "<?php echo 'two';")])).await;
    ground.activate(&small.expect("a small one fits")).await.expect("activated");
    assert_eq!(ground.get("shop", "/").await, (200, "two".to_owned()));
    drop(mount);
    ground.services.stop().await;
}

#[tokio::test]
async fn a_disk_that_is_full_when_it_comes_to_going_live_leaves_the_live_release() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root can mount a small file system");
        return;
    }
    let ground = Ground::start().await;
    let mount = Mount::over(ground.root().join("apps"));
    let shop = app("shop");
    let one = ground.release(change(&shop, None, PAGE)).await;
    let large = "x".repeat(3 << 20);
    let mut large = change(&shop, Some(one), &[("large.txt", &large)]);
    large.migrations = vec![migration("0001_notes", "create table notes (id int primary key)")];
    let staged = ground.stage(large).await.expect("there is room for previews");
    for _ in 0..2 {
        assert_eq!(ground.activate(&staged).await.expect_err("there is no room").code, Code::DiskFull);
        assert_eq!(ground.get("shop", "/").await, (200, "one".to_owned()));
    }
    let partial = leftovers(&ground);
    assert!(partial.is_empty(), "{partial:?}");
    ground.release(change(&shop, Some(one), &[("public/index.php", "<?php echo 'two';")])).await;
    assert_eq!(ground.get("shop", "/").await, (200, "two".to_owned()));
    ground.services.stop().await;
    drop(mount);
}

/// A file system of 2 MiB over a directory.
struct Mount(std::path::PathBuf);

impl Mount {
    fn over(dir: std::path::PathBuf) -> Self {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m,mode=0711", "tmpfs"]).arg(&dir).status();
        assert!(mount.expect("mount runs").success());
        Self(dir)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a pool may still have its log there.
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

/// Directories of builds that were not finished.
fn leftovers(ground: &Ground) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for part in ["apps", "previews"] {
        for home in std::fs::read_dir(ground.root().join(part)).expect("a directory").flatten() {
            let releases = std::fs::read_dir(home.path().join("releases")).expect("a directory").flatten();
            found
                .extend(releases.map(|entry| entry.path()).filter(|path| path.to_string_lossy().contains(".partial.")));
        }
    }
    found
}
