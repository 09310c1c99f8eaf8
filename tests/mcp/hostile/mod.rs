//! Requests of the worst kind, over the raw socket. Each has exactly one answer, and the next caller is answered as if nothing were.

pub(crate) mod ground;
mod states;

use ground::{Ground, Request};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::timeout};

/// What it grows by, in KiB, however much it is sent.
const GROWTH: u64 = 96 * 1024;

/// A request, and its answer: status and code.
type Case = (&'static str, Request, u16, &'static str);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_bad_request_has_its_answer_and_the_next_is_served() {
    let ground = Ground::start().await;
    let list = || Request::new(&ground.mine, "tools/list", json!({}));
    is_served(&ground, "nothing").await;
    let before = resident();
    let mut wrong = Vec::new();
    let cases = [keys(&list), ended(&ground), headers(&list, &ground.mine), bodies(&list), transport(&list)].concat();
    for (name, request, status, code) in cases {
        let answer = timeout(Duration::from_secs(30), ground.send(&request)).await;
        let answer = answer.unwrap_or_else(|_| panic!("{name} is never answered"));
        if (answer.status, answer.code().as_str()) != (status, code) {
            wrong.push(format!("{name}: {} {}, not {status} {code}: {}", answer.status, answer.code(), answer.body));
        }
        is_served(&ground, name).await;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let grown = resident().saturating_sub(before);
    assert!(grown < GROWTH, "{grown} KiB more than before");
}

fn keys(list: &dyn Fn() -> Request) -> Vec<Case> {
    let long = format!("Bearer {}", "a".repeat(6000));
    vec![
        ("no key", list().without("Authorization"), 401, "unauthorized"),
        ("an empty key", list().with("Authorization", "Bearer "), 401, "unauthorized"),
        ("another scheme", list().with("Authorization", "Basic eDp5"), 401, "unauthorized"),
        ("no scheme", list().with("Authorization", "yonin_abc"), 401, "unauthorized"),
        ("an unknown key", list().with("Authorization", "Bearer yonin_abc"), 401, "unauthorized"),
        ("a long key", list().with("Authorization", &long), 401, "unauthorized"),
        ("no key, and a bad body", list().without("Authorization").body("{"), 401, "unauthorized"),
    ]
}

fn ended(ground: &Ground) -> Vec<Case> {
    let case =
        |(how, key): &(&'static str, String)| (*how, Request::new(key, "tools/list", json!({})), 401, "unauthorized");
    ground.ended.iter().map(case).collect()
}

fn headers(list: &dyn Fn() -> Request, key: &str) -> Vec<Case> {
    let call = || Request::new(key, "tools/call", json!({"name": "failing_job", "arguments": {}}));
    let task = || Request::new(key, "tasks/get", json!({"taskId": "01a22267-cf44-739a-b869-032e45508448"}));
    let unknown = "2999-01-01";
    vec![
        ("no version header", list().without("MCP-Protocol-Version"), 400, "-32020"),
        ("another version header", list().with("MCP-Protocol-Version", "2025-11-25"), 400, "-32020"),
        ("an unknown version", list().with("MCP-Protocol-Version", unknown).but("2026-07-28", unknown), 400, "-32022"),
        ("an unknown version header", list().with("MCP-Protocol-Version", unknown), 400, "-32020"),
        ("an unknown version in the body", list().but("2026-07-28", unknown), 400, "-32020"),
        ("a version that is no text", list().but("\"2026-07-28\"", "7"), 400, "-32602"),
        ("no method header", list().without("Mcp-Method"), 400, "-32020"),
        ("another method header", list().with("Mcp-Method", "tools/call"), 400, "-32020"),
        ("another method", list().but("tools/list", "prompts/list"), 400, "-32020"),
        ("no name header", call().without("Mcp-Name"), 400, "-32020"),
        ("another name header", call().with("Mcp-Name", "slow_compute"), 400, "-32020"),
        ("another name", call().but("failing_job", "slow_compute"), 400, "-32020"),
        ("no name header for a task", task().without("Mcp-Name"), 400, "-32020"),
        ("another name header for a task", task().with("Mcp-Name", "x"), 400, "-32020"),
        ("a name header in broken Base64", call().with("Mcp-Name", "=?base64?%%?="), 400, "-32020"),
        ("an unknown method", Request::new(key, "tools/fly", json!({})), 404, "-32601"),
        ("a method of older revisions", Request::new(key, "ping", json!({})), 404, "-32601"),
        ("an unknown tool", Request::new(key, "tools/call", json!({"name": "fly"})), 200, "-32602"),
        ("no arguments", Request::new(key, "tools/call", json!({"name": "slow_compute"})), 200, "ok"),
        ("a task that nobody has", task(), 200, "-32602"),
        ("a task that can't be", Request::new(key, "tasks/get", json!({"taskId": "../1"})), 200, "-32602"),
        ("no kind", list().without("Content-Type"), 415, "nothing"),
        ("another kind", list().with("Content-Type", "text/plain"), 415, "nothing"),
        ("nothing that could be answered with", list().with("Accept", "text/html"), 406, "nothing"),
        ("another host", list().with("Host", "evil.example"), 403, "forbidden"),
        ("a host that begins well", list().with("Host", "localhost.evil.example"), 403, "forbidden"),
        ("another page", list().and("Origin", "http://evil.example"), 403, "forbidden"),
        ("a page of nowhere", list().and("Origin", "null"), 403, "forbidden"),
        ("a page that begins well", list().and("Origin", "http://localhost.evil.example"), 403, "forbidden"),
    ]
}

fn bodies(list: &dyn Fn() -> Request) -> Vec<Case> {
    let good = String::from_utf8(list().body).expect("text");
    let deep =
        format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{}", "{\"a\":".repeat(100_000));
    let closed = format!("{deep}1{}", "}".repeat(100_001));
    let invalid = [good.as_bytes(), b"\xff\xfe"].concat();
    vec![
        ("no body", list().body(""), 400, "-32700"),
        ("half a body", list().body(&good[..good.len() / 2]), 400, "-32700"),
        ("two bodies", list().body(format!("{good}{good}")), 400, "-32700"),
        ("a batch", list().body(format!("[{good},{good}]")), 400, "-32600"),
        ("an empty batch", list().body("[]"), 400, "-32600"),
        ("a number", list().body("7"), 400, "-32600"),
        ("null", list().body("null"), 400, "-32600"),
        ("no version of JSON-RPC", list().but("\"jsonrpc\":\"2.0\",", ""), 400, "-32600"),
        ("another version of JSON-RPC", list().but("\"2.0\"", "\"1.0\""), 400, "-32600"),
        ("an id that is an object", list().but("\"id\":1", "\"id\":{}"), 400, "-32600"),
        (
            "parameters that are a list",
            list().body(good.replace("\"params\":{", "\"params\":[{").replace("}}}}}", "}}}}]}")),
            400,
            "-32600",
        ),
        ("one megabyte and more", list().body(format!("{good}{}", " ".repeat(1024 * 1024))), 413, "body-too-large"),
        ("five megabytes", list().body(format!("{good}{}", " ".repeat(5 * 1024 * 1024))), 413, "body-too-large"),
        ("a hundred thousand levels", list().body(closed), 400, "-32700"),
        ("a hundred thousand levels, open", list().body(deep), 400, "-32700"),
        ("no UTF-8", list().body(invalid), 400, "-32700"),
        ("a lone surrogate", list().but("hostile", "\\ud800"), 400, "-32700"),
        ("a method twice", list().but("\"method\":", "\"method\":\"tools/call\",\"method\":"), 400, "-32600"),
        ("a zero byte", list().but("hostile", "\0"), 400, "-32700"),
    ]
}

fn transport(list: &dyn Fn() -> Request) -> Vec<Case> {
    vec![
        ("GET", list().line("GET /mcp HTTP/1.1").body(""), 405, "nothing"),
        ("DELETE", list().line("DELETE /mcp HTTP/1.1").body(""), 405, "nothing"),
        ("PUT", list().line("PUT /mcp HTTP/1.1"), 405, "nothing"),
        ("another path", list().line("POST /mcp/../mcp HTTP/1.1"), 404, "not-found"),
        ("no HTTP", list().line("hello"), 400, "nothing"),
        ("no host", list().without("Host"), 400, "bad-host"),
        ("a length that is none", list().and("Content-Length", "-1"), 400, "nothing"),
        ("two lengths", list().and("Content-Length", "1").and("Content-Length", "2"), 400, "nothing"),
        ("a header of one megabyte", list().and("X-Large", &"a".repeat(1024 * 1024)), 431, "nothing"),
        ("a thousand headers", (0..1000).fold(list(), |it, at| it.and(&format!("X-{at}"), "a")), 431, "nothing"),
    ]
}

/// Who sends a body byte by byte, or none at all, holds up nobody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_senders_hold_up_nobody() {
    let ground = Ground::start().await;
    let list = Request::new(&ground.mine, "tools/list", json!({})).bytes();
    let mut slow = Vec::new();
    for at in 0..200 {
        let mut connection = TcpStream::connect(ground.address()).await.expect("it listens");
        let sent = list.len() * (at % 10) / 10;
        connection.write_all(&list[..sent]).await.expect("it is read");
        slow.push((connection, sent));
    }
    for _ in 0..20 {
        is_served(&ground, "200 slow senders").await;
    }
    // Who goes on after all is served.
    let (connection, sent) = slow.last_mut().expect("there are some");
    connection.write_all(&list[*sent..]).await.expect("it is read");
    let mut answer = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(connection, &mut answer).await.expect("an answer");
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}

/// How near a guess is, nothing of the answer tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_wrong_keys_are_answered_alike() {
    let ground = Ground::start().await;
    let (key, last) = ground.mine.split_at(ground.mine.len() - 1);
    let near = format!("{key}{}", if last == "A" { "B" } else { "A" });
    let [(_, revoked), (_, expired)] = &ground.ended;
    let guesses = [near.as_str(), key, "yonin_", "x", &"y".repeat(4000), revoked, expired];
    let mut answers = Vec::new();
    for guess in guesses {
        let answer = ground.send(&Request::new(guess, "tools/list", json!({}))).await;
        let head: Vec<_> = answer.head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("date:")).collect();
        answers.push((answer.status, head.join("\n"), answer.body.clone()));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

/// What is somebody else's is as if it were not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_task_of_another_is_like_none() {
    let ground = Ground::start().await;
    let job = json!({"name": "confirm_delete", "arguments": {"filename": "a"}});
    let theirs = ground.call(&ground.theirs, "tools/call", job).await;
    let theirs = theirs["result"]["taskId"].as_str().expect("a task").to_owned();
    let none = theirs.replace(&theirs[24..], "0123456789ab");
    for method in ["tasks/get", "tasks/cancel", "tasks/update"] {
        let asked = async |id: &str| {
            let params = json!({"taskId": id, "inputResponses": {"again": {"action": "accept", "content": {}}}});
            let answer = ground.send(&Request::new(&ground.mine, method, params)).await;
            assert_eq!((answer.status, answer.code().as_str()), (200, "-32602"), "{method}");
            answer.body
        };
        assert_eq!(asked(&theirs).await, asked(&none).await, "{method}");
    }
    for tool in ["get_job", "cancel_job", "wait_job", "get_usage", "get_transcript"] {
        let asked = async |id: &str| {
            ground.call(&ground.mine, "tools/call", json!({"name": tool, "arguments": {"job_id": id}})).await["result"]
                .take()
        };
        let answer = asked(&theirs).await;
        assert_eq!(answer["structuredContent"]["code"], "not-found", "{tool}: {answer}");
        assert_eq!(answer, asked(&none).await, "{tool}");
    }
    let own = ground.call(&ground.theirs, "tasks/get", json!({"taskId": theirs})).await;
    assert_ne!(own["result"]["status"], Value::Null, "{own}");
}

async fn is_served(ground: &Ground, after: &str) {
    let answer = ground.call(&ground.mine, "tools/list", json!({})).await;
    assert!(answer["result"]["tools"].is_array(), "after {after}: {answer}");
}

/// What of this process is in memory, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
