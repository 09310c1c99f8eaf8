//! What the host refuses of what comes over the wire, where anything may be written.

use crate::ground::{Ground, app, change};
use environment::host::service;
use protocol::{
    Code, Problem, TaskId,
    artifact::ChangeSet,
    tools::host::{OPEN_PREVIEW, OpenPreviewInput, STAGE_RELEASE},
};
use runtime::{Callers, Credential, Peer, Principal, Running};
use serde_json::{Value, json};
use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

/// The host as the Coder reaches it, with a preview to stage in.
struct Wire {
    ground: Ground,
    running: Running,
    coder: Peer,
    stranger: Peer,
    preview: Value,
}

impl Wire {
    async fn start() -> Self {
        let ground = Ground::start().await;
        let (coder, planner) = (Credential::random(), Credential::random());
        let callers =
            Callers::nobody().and(&coder, Principal::service("coder")).and(&planner, Principal::service("planner"));
        let config = ground.services.host_config(ground.key.verifying_key());
        let service = service(config).await.expect("the host starts").callers(callers);
        let running = service.bind((Ipv4Addr::LOCALHOST, 0).into()).await.expect("a port").start();
        let peer =
            |key: Credential| Peer::new(running.origin(), key, Code::HostUnavailable).timeout(Duration::from_secs(120));
        let (coder, stranger) = (peer(coder), peer(planner));
        let open = OpenPreviewInput { app: app("shop"), task: TaskId::fresh(), base: None, epoch: ground.epoch() };
        let preview: Value = coder.call(OPEN_PREVIEW, &open).await.expect("opened");
        Self { ground, running, coder, stranger, preview }
    }

    async fn stage(&self, change_set: Value) -> Result<Value, Problem> {
        let epoch = self.ground.epoch();
        let input = json!({"preview": self.preview["name"], "change_set": change_set, "epoch": epoch});
        self.coder.call(STAGE_RELEASE, &input).await
    }

    async fn stop(self) {
        self.running.stop(Duration::from_secs(5)).await;
        self.ground.services.stop().await;
    }
}

fn files(paths: &[&str]) -> Value {
    let file = |path: &&str| json!({"path": path, "content": {"text": "<?php"}});
    let files: Vec<_> = paths.iter().map(file).collect();
    json!({"app": "shop", "base": null, "files": files, "migrations": [], "invalidations": []})
}

#[tokio::test]
async fn no_path_leaves_its_release() {
    let wire = Wire::start().await;
    let long = "a".repeat(4_096);
    let deep = vec!["a"; 2_048].join("/");
    for path in [
        "",
        "..",
        "../x.php",
        "a/../../x.php",
        "a/..",
        "./x.php",
        "a/./x.php",
        "a//x.php",
        "a/",
        "/etc/passwd",
        "\\etc\\passwd",
        "..\\x.php",
        "c:/x.php",
        "a\0.php",
        "a\n.php",
        "a\u{202e}php.x",
        "a\u{200b}.php",
        "\u{feff}a.php",
        &long,
        &deep,
    ] {
        let refused = wire.stage(files(&[path])).await.expect_err(path);
        assert_eq!(refused.code, Code::BadPath, "{path:?}: {refused}");
    }
    for twins in [
        ["a.php", "A.php"],
        ["straße.php", "STRAßE.php"],
        ["caf\u{e9}.php", "cafe\u{301}.php"],
        ["CAF\u{c9}.php", "cafe\u{301}.php"],
        ["か\u{3099}.php", "が.php"],
        ["a", "a/b.php"],
        ["A", "a/b.php"],
        ["a.php", "a.php"],
    ] {
        let refused = wire.stage(files(&twins)).await.expect_err("twins");
        assert_eq!(refused.code, Code::BadPath, "{twins:?}: {refused}");
    }
    wire.stage(files(&["public/日本語.php", "src/a b.php", "..a/b..", ".htaccess"]))
        .await
        .expect("none of these leaves");
    let foreign = wire.stranger.call::<_, Value>(STAGE_RELEASE, &json!({"preview": wire.preview["name"]})).await;
    assert!([Code::Forbidden, Code::BadRequest].contains(&foreign.expect_err("not the Coder").code));
    wire.stop().await;
}

#[tokio::test]
async fn what_is_too_much_is_refused_in_time_and_without_taking_the_memory() {
    let wire = Wire::start().await;
    let many: Vec<_> = (0..10_000).map(|number| format!("src/f{number}.php")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let begun = Instant::now();
    assert_eq!(wire.stage(files(&many)).await.expect_err("too many").code, Code::ChangeSetTooLarge);
    eprintln!("10,000 files are refused after {:?}", begun.elapsed());

    let before = resident();
    let begun = Instant::now();
    let mut huge = files(&["huge.txt"]);
    huge["files"][0]["content"]["text"] = "x".repeat(100 << 20).into();
    assert_eq!(wire.stage(huge).await.expect_err("too large").code, Code::BodyTooLarge);
    // The text, its JSON and what the client sends of it are this side's own.
    eprintln!("100 MiB are refused after {:?}; {} MiB before, {} MiB at most", begun.elapsed(), before, resident());

    let mut large = files(&["large.txt"]);
    large["files"][0]["content"]["text"] = "\n".repeat(ChangeSet::MAX_FILE_BYTES + 1).into();
    assert_eq!(wire.stage(large).await.expect_err("too large").code, Code::ChangeSetTooLarge);
    wire.stop().await;
}

/// The largest change-set there may be.
#[tokio::test]
async fn as_many_files_as_allowed_go_live() {
    let ground = Ground::start().await;
    let shop = app("shop");
    let mut many: Vec<_> =
        (1..ChangeSet::MAX_FILES).map(|number| format!("src/d{}/f{number}.php", number % 97)).collect();
    many.push("public/index.php".to_owned());
    let many: Vec<_> = many.iter().map(|path| (path.as_str(), "<?php echo 'many';")).collect();
    let begun = Instant::now();
    let staged = ground.stage(change(&shop, None, &many)).await.expect("staged");
    let middle = Instant::now();
    ground.activate(&staged).await.expect("activated");
    eprintln!("{} files: staged in {:?}, live after {:?}", many.len(), middle - begun, middle.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(ground.get("shop", "/").await, (200, "many".to_owned()));
    ground.services.stop().await;
}

/// The most memory this process has had, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a figure");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") / 1_024
}
