//! A page for administrators, in an app where a preview has none: the Tester's model arranges one, and sees the page itself.

use protocol::{
    artifact::{Before, CheckResult, Outcome, Unproven, Verdict},
    chat::Reply,
    task::Approval,
};
use runtime::model::Tape;
use serde_json::{Value, json};
use std::fs;
use tests::{
    World, clubhouse,
    script::{calling, part, saying},
};

const GOAL: &str =
    "Administrators see on /admin how many members joined this year. The board gets a mail about each of them.";
const SHOWN: &str = "Joined this year</a></td><td>1</td>";

#[tokio::test]
async fn an_administrators_page_is_tested_by_somebody_who_was_made_administrator() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = serde_json::to_string(&tape()).expect("JSON");
    fs::write(dir.path().join("admin.json"), text).expect("written");
    let world = World::with(&[("YONIN_MODEL", &format!("tape:{}", dir.path().display()))]);
    let app = "clubhouse-board".parse().expect("a name");
    clubhouse::take_over(&world, &app);
    let before = administrators(&world);
    let task = world.goal(&app, GOAL).approval(Approval::Auto).succeed().await;
    let verdict = world.verdict(task.id).await;

    let page = result(&verdict, "admin.page");
    assert_eq!((page.before, &page.outcome), (Some(Before::Red), &Outcome::Passed), "{page:#?}");
    assert!(page.evidence.received.contains(SHOWN), "{}", page.evidence.received);
    let promoted = result(&verdict, "member.promoted");
    assert_eq!((promoted.before, &promoted.outcome), (Some(Before::Green), &Outcome::Passed));
    let sent = &promoted.evidence.sent;
    assert!(sent.starts_with("update members set role = 'admin' where email = ?\n[\"board-r"), "{sent}");
    assert_eq!(promoted.evidence.received, "1 rows");
    // PHP took the hash of whoever was inserted: they are logged in, and refused for what they are.
    assert_eq!(result(&verdict, "other.page").outcome, Outcome::Passed);
    let shows = result(&verdict, Verdict::SHOWS_CHANGE);
    assert_eq!(shows.evidence.received, "c1: admin.page");

    let reason = "no mail can be received here".to_owned();
    assert_eq!(verdict.unproven, [Unproven { criterion: "c3".to_owned(), reason }]);
    let told = task.result.expect("a result").reservations;
    assert_eq!(told, ["not proven: c3, because no mail can be received here"]);
    assert_eq!(administrators(&world), before, "nothing was arranged on the live app");
    let heard: Tape = world.client.tape(task.id).await.expect("a tape");
    let said = serde_json::to_string(&heard.parts.last().expect("the Tester's part").turns).expect("JSON");
    assert!(said.contains(r#"{\"n\":1}"#), "it saw how many administrators the release before has");
    assert!(said.contains("member.register: at act") && said.contains("Your list is kept"), "{said}");
}

/// Members of the live app who are.
fn administrators(world: &World) -> Vec<String> {
    world.ask("select id from `app_clubhouse-board`.members where role = 'admin'")
}

fn result<'v>(verdict: &'v Verdict, id: &str) -> &'v CheckResult {
    verdict.results.iter().find(|result| result.id == id).unwrap_or_else(|| panic!("no {id} in {verdict:#?}"))
}

fn tape() -> Tape {
    let criterion = |text: &str, new: bool| json!({"text": text, "new": new});
    let plan = json!({
        "summary": "Administrators see on /admin how many members joined this year.",
        "steps": [{"title": "Count", "detail": "One more line in the table on /admin."}],
        "criteria": [
            criterion("An administrator sees on /admin how many members joined this year.", true),
            criterion("Whoever is no administrator is refused there.", false),
            criterion("The board gets a mail about each new member.", true),
        ],
        "assumptions": [],
        "risk": "low",
    });
    let file = "pages/admin/index.php";
    let design = json!({
        "summary": "A line with a count.",
        "migrations": [], "destructive": [], "cache": [],
        "endpoints": [{"method": "GET", "path": "/admin", "purpose": "For administrators"}],
        "files": [{"path": file, "purpose": "One more line."}],
        "tests": [
            {"criterion": "c1", "checks": "GET /admin"}, {"criterion": "c2", "checks": "GET /admin"},
            {"criterion": "c3", "checks": "the mail"},
        ],
    });
    let last = "'/admin/attendance'],\n";
    let line = "    [t('今年の入会', 'Joined this year'), \
                value('SELECT COUNT(*) FROM members WHERE YEAR(joined_on) = YEAR(CURDATE())'), '/admin/members'],\n";
    let patch = json!({"path": file, "find": last, "replace": format!("{last}{line}")});
    let parts = vec![
        part("planner", 0, vec![saying(plan.to_string())]),
        part("architect", 0, vec![calling([("submit_design", design)])]),
        part(
            "coder",
            1,
            vec![calling([("patch_file", patch)]), calling([("finish", json!({"summary": "A line more."}))])],
        ),
        part("tester", 1, tester()),
    ];
    Tape { parts, ..Tape::of(GOAL.to_owned(), "clubhouse-board".parse().expect("a name"), Approval::Auto) }
}

/// Looks, proposes a list with two mistakes in it, and puts them right one by one.
fn tester() -> Vec<Reply> {
    let looks = calling([
        ("query", json!({"sql": "select count(*) as n from members where role = 'admin'"})),
        ("request", json!({"path": "/register"})),
    ]);
    let mut wrong = checks();
    wrong[1]["act"]["expect"]["status"] = json!(303);
    let proposes = calling([("propose_checks", json!({"checks": wrong}))]);
    let register = checks().remove(1);
    let changes = calling([("change_checks", json!({"put": [register]}))]);
    let unproven = json!([{"criterion": "c3", "reason": "no mail can be received here"}]);
    let leaves = calling([("change_checks", json!({"unproven": unproven}))]);
    vec![looks, proposes, changes, leaves]
}

fn checks() -> Vec<Value> {
    let check = |id: &str, criterion: Option<&str>, act: Value| {
        let mut check = json!({"id": id, "title": id, "act": act});
        if let Some(criterion) = criterion {
            check["criterion"] = json!(criterion);
        }
        check
    };
    let token = |name: &str| json!({name: {"body": "name=\"csrf\" value=\"([0-9a-f]+)\""}});
    let form = |path: &str, jar: &str, name: &str| json!({"kind": "http", "method": "GET", "path": path, "jar": jar, "expect": {"status": [200]}, "capture": token(name)});
    let post = |path: &str, jar: &str, fields: Value| json!({"kind": "http", "method": "POST", "path": path, "jar": jar, "body": {"form": fields}, "expect": {"status": [303]}});
    let arrange = |statement: &str, params: Value, rows: u64| json!({"kind": "arrange", "statement": statement, "params": params, "rows": rows});
    let page = |jar: &str, status: u16, body: Value| json!({"kind": "http", "method": "GET", "path": "/admin?lang=en", "jar": jar, "expect": {"status": [status], "body": body}});
    let (board, other) = ("board-${run}@club.example", "other-${run}@club.example");
    let joins = json!({"csrf": "${csrf.register}", "name": "理事 一郎", "email": board, "password": "password-${run}"});
    let logs_in = json!({"csrf": "${csrf.login}", "email": other, "password": "secret ${run}"});
    let mut inserted = arrange(
        "insert into members (email, password_hash, name, joined_on) values (?, ?, 'Other Member', '2001-02-03')",
        json!([other, "${bcrypt:secret ${run}}"]),
        1,
    );
    inserted["capture_id"] = json!("other");
    let found = json!({"kind": "sql", "query": "select id, role from members where email = ?", "params": [board],
        "expect": {"rows": [{"role": {"equals": "admin"}}]}, "capture": {"board": "id"}});
    let own = json!({"kind": "http", "method": "GET", "path": "/members/${board}", "jar": "board",
        "expect": {"status": [200], "body": [{"contains": "理事 一郎"}]}});
    let mut smoke =
        check("login", None, json!({"kind": "http", "method": "GET", "path": "/login", "expect": {"status": [200]}}));
    smoke["smoke"] = json!(true);
    vec![
        check("member.form", None, form("/register", "board", "csrf.register")),
        check("member.register", None, post("/register", "board", joins)),
        check("member.refused", Some("c2"), page("board", 403, json!([{"lacks": "Check-ins"}]))),
        check("member.promoted", None, arrange("update members set role = 'admin' where email = ?", json!([board]), 1)),
        check("member.found", None, found),
        check("member.own", None, own),
        check(
            "others.older",
            None,
            arrange("update members set joined_on = '2001-02-03' where email <> ?", json!([board]), 41),
        ),
        check("admin.page", Some("c1"), page("board", 200, json!([{"contains": SHOWN}, {"contains": "Check-ins"}]))),
        check("other.inserted", None, inserted),
        check("other.form", None, form("/login", "other", "csrf.login")),
        check("other.login", None, post("/login", "other", logs_in)),
        check("other.page", Some("c2"), page("other", 403, json!([{"lacks": "Joined this year"}]))),
        smoke,
    ]
}
