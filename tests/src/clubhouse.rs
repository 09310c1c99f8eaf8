//! The clubhouse, an app that nobody generated: as a tape that takes it over file by file, and filled with its sample data.

use crate::Front;
use protocol::{
    AppName, Digest,
    chat::{Reply, ToolCall, Try, Turn},
    task::Approval,
};
use reqwest::Method;
use runtime::model::{Tape, TapePart};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The goal of the tape that takes it over.
pub const TAKE_OVER: &str = "Take over the clubhouse as it is";

/// What a team would have said and heard that wrote every file of the clubhouse as it is.
///
/// # Panics
/// When the app's files can't be read.
#[must_use]
pub fn tape() -> Tape {
    let files = files();
    let plan = json!({
        "summary": "The clubhouse is live as it was handed over.",
        "steps": [{"title": "Take over", "detail": "Every file and table as it is."}],
        "criteria": [
            {"text": "The log-in page answers.", "new": true},
            {"text": "A club without members can be installed.", "new": true},
        ],
        "assumptions": [],
        "risk": "low",
    });
    let purposes: Vec<_> = files.keys().map(|path| json!({"path": path, "purpose": "As it is."})).collect();
    let design = json!({
        "summary": "The app as it is: every file and every table.",
        "migrations": migrations(),
        "destructive": [],
        "cache": [],
        "endpoints": [{"method": "GET", "path": "/login", "purpose": "Log in"}],
        "files": purposes,
        "tests": [{"criterion": "c1", "checks": "GET /login"}, {"criterion": "c2", "checks": "GET /install"}],
    });
    let write = |(path, content): (&String, &String)| ("write_file", json!({"path": path, "content": content}));
    let get = |id: &str, criterion: &str, path: &str, smoke: bool, status: &[u16]| {
        let act = json!({"kind": "http", "method": "GET", "path": path, "expect": {"status": status}});
        json!({"id": id, "title": path, "criterion": criterion, "smoke": smoke, "act": act})
    };
    let checks =
        [get("login", "c1", "/login", true, &[200, 302, 303]), get("install", "c2", "/install", false, &[200])];
    let parts = vec![
        part("planner", 0, vec![saying(plan.to_string())]),
        part("architect", 0, vec![calling([("submit_design", design)])]),
        part(
            "coder",
            1,
            vec![
                calling(files.iter().map(write)),
                calling([("finish", json!({"summary": "Took the clubhouse over as it is."}))]),
            ],
        ),
        part("tester", 1, vec![calling([("propose_checks", json!({"checks": checks}))])]),
    ];
    Tape { parts, ..Tape::of(TAKE_OVER.to_owned(), "clubhouse".parse().expect("a name"), Approval::Auto) }
}

/// Takes the clubhouse over as this app, and fills it: 41 members, 8 events, 5 news, some 14,000 attendances.
///
/// # Panics
/// When it does not go live, or can't be filled.
pub async fn take_over(front: &Front, app: &AppName) {
    front.goal(app, TAKE_OVER).succeed().await;
    let page = front.app(app, Method::GET, "/install").send().await.expect("a page");
    let cookie = page.headers().get("set-cookie").and_then(|it| it.to_str().ok()).expect("a session");
    let cookie = cookie.split(';').next().expect("name and value").to_owned();
    let page = page.text().await.expect("a page");
    let token = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a token");
    let form = [
        ("csrf", token),
        ("name", "管理 者"),
        ("name_kana", "かんり しゃ"),
        ("email", "admin@club.example"),
        ("password", "admin-password"),
        ("sample", "1"),
        ("sample_password", "sample-password"),
    ];
    let body = form.map(|(name, value)| format!("{name}={}", percent(value))).join("&");
    let request = front.app(app, Method::POST, "/install").header("cookie", cookie);
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
    assert_eq!(request.send().await.expect("an answer").status(), 303);
}

/// What an agent heard in a round, turn by turn.
#[must_use]
pub fn part(agent: &str, round: u32, replies: Vec<Reply>) -> TapePart {
    let turns = (1..).zip(replies).map(|(turn, reply)| heard(turn, reply)).collect();
    TapePart { agent: agent.to_owned(), round, again: 0, turns }
}

/// An answer in words.
#[must_use]
pub fn saying(text: String) -> Reply {
    Reply { text, ..Reply::default() }
}

fn heard(turn: u32, reply: Reply) -> Turn {
    Turn { turn, prompt: Digest::of(""), instructions: None, said: vec![], tries: vec![Try::Answered(reply)] }
}

/// An answer that calls tools.
pub fn calling<'a>(calls: impl IntoIterator<Item = (&'a str, Value)>) -> Reply {
    let call = |(number, (name, arguments)): (usize, (&str, Value))| ToolCall {
        id: format!("{name}-{number}"),
        name: name.to_owned(),
        arguments,
    };
    Reply { calls: calls.into_iter().enumerate().map(call).collect(), ..Reply::default() }
}

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/clubhouse")
}

/// By path, below the release.
fn files() -> BTreeMap<String, String> {
    let (root, mut found, mut dirs) = (home().join("files"), BTreeMap::new(), vec![home().join("files")]);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).expect("a directory").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                dirs.push(entry);
            } else {
                let path = entry.strip_prefix(&root).expect("below it").display().to_string();
                found.insert(path, fs::read_to_string(&entry).expect("text"));
            }
        }
    }
    found
}

fn migrations() -> Vec<Value> {
    let mut files: Vec<_> = fs::read_dir(home().join("schema")).expect("a directory").flatten().collect();
    files.sort_by_key(fs::DirEntry::file_name);
    let migration = |file: &fs::DirEntry| {
        let name = file.file_name().into_string().expect("a name");
        let sql = fs::read_to_string(file.path()).expect("a statement");
        json!({"id": name.trim_end_matches(".sql"), "sql": sql.trim()})
    };
    files.iter().map(migration).collect()
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
