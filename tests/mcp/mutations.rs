//! Thousands of requests that were good before something was done to them: whatever it was, the answer is one that the protocol
//! knows, and nothing breaks. The same ones every time; `YONIN_MUTATIONS=1000000` for more. `./dev fuzz` is
//! led by what the code does with them, and goes further.

use crate::{
    answer,
    hostile::ground::{Ground, Request},
};
use futures::{StreamExt as _, stream};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};
use std::time::Duration;

const MUTATIONS: u64 = 4000;
/// What is sent at once.
const AT_ONCE: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_done_to_a_request_the_answer_is_one() {
    let count = std::env::var("YONIN_MUTATIONS").map_or(MUTATIONS, |count| count.parse().expect("a number"));
    let ground = Ground::start().await;
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().expect("a client");
    let (ground, http) = (&ground, &http);
    let sent = stream::iter(0..count).map(async |seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut request = templates(&ground.mine).choose(&mut rng).expect("there are some").clone();
        for _ in 0..rng.random_range(1..4) {
            mutate(&mut request, &mut rng);
        }
        is_an_answer(http, ground, seed, &request).await
    });
    let statuses: Vec<u16> = sent.buffer_unordered(AT_ONCE).collect().await;
    let good = statuses.iter().filter(|status| **status == 200).count();
    println!("{good} of {} were still good enough", statuses.len());
    // Neither nearly all, nor nearly none: else nothing was tried.
    assert!(good * 20 > statuses.len() && good * 20 < statuses.len() * 19, "{good} of {}", statuses.len());
    let after = ground.call(&ground.mine, "tools/list", json!({})).await;
    assert!(after["result"]["tools"].is_array(), "{after}");
}

fn templates(key: &str) -> Vec<Request> {
    let id = "01a22267-cf44-739a-b869-032e45508448";
    let call =
        |name: &str, arguments: Value| Request::new(key, "tools/call", json!({"name": name, "arguments": arguments}));
    vec![
        Request::new(key, "server/discover", json!({})),
        Request::new(key, "tools/list", json!({})),
        Request::new(key, "resources/list", json!({})),
        Request::new(key, "prompts/list", json!({})),
        Request::new(key, "tasks/get", json!({"taskId": id})),
        Request::new(key, "tasks/cancel", json!({"taskId": id})),
        Request::new(key, "tasks/update", json!({"taskId": id, "inputResponses": {}})),
        call("slow_compute", json!({"seconds": 0, "label": "計算"})),
        call("confirm_delete", json!({"filename": "a"})),
        call("get_job", json!({"job_id": id})),
        call("wait_job", json!({"job_id": id, "seconds": 1})),
        legacy(
            key,
            "initialize",
            &json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}}),
        ),
        legacy(key, "tools/list", &json!({})),
        legacy(key, "tools/call", &json!({"name": "slow_compute", "arguments": {"seconds": 0, "label": "a"}})),
        asked(legacy(key, "tools/call", &json!({"name": "wait_job", "arguments": {"job_id": id, "seconds": 1}}))),
        asked(legacy(key, "", &json!({})).body(json!({"jsonrpc": "2.0", "id": id, "result": {}}).to_string())),
    ]
}

fn legacy(key: &str, method: &str, params: &Value) -> Request {
    let body = json!({"jsonrpc": "2.0", "id": "a", "method": method, "params": params}).to_string();
    Request::new(key, method, json!({})).without("MCP-Protocol-Version").without("Mcp-Method").body(body)
}

/// Of a client that can be asked in the middle of a call.
fn asked(request: Request) -> Request {
    request.with("MCP-Protocol-Version", "2025-11-25").with("Mcp-Session-Id", "x.forms.sampling")
}

/// Does one thing to it.
fn mutate(request: &mut Request, rng: &mut StdRng) {
    match rng.random_range(0..10) {
        0..5 => change_json(request, rng),
        5..8 => change_bytes(&mut request.body, rng),
        _ => change_headers(request, rng),
    }
}

/// Something somewhere in it is something else, or is gone.
fn change_json(request: &mut Request, rng: &mut StdRng) {
    let Ok(mut body) = serde_json::from_slice::<Value>(&request.body) else { return };
    let mut at = &mut body;
    // Down a random way.
    while rng.random_range(0..4) > 0 {
        let size = at.as_object().map_or(0, serde_json::Map::len);
        if size == 0 {
            break;
        }
        let next = rng.random_range(0..size);
        at = at.as_object_mut().and_then(|object| object.values_mut().nth(next)).expect("it has so many");
    }
    let keys: Vec<String> = at.as_object().map(|object| object.keys().cloned().collect()).unwrap_or_default();
    match (keys.choose(rng), rng.random_range(0..3)) {
        (Some(key), 0) => {
            at.as_object_mut().expect("it has keys").shift_remove(key);
        }
        (Some(key), 1) => at[key.as_str()] = odd(rng),
        (Some(_), _) => {
            at[["", "_meta", "id", "\u{0}", "requestState", "inputResponses"].choose(rng).copied().unwrap_or("")] =
                odd(rng)
        }
        (None, _) => *at = odd(rng),
    }
    request.body = body.to_string().into();
}

fn odd(rng: &mut StdRng) -> Value {
    let values = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("\u{0}\u{202e}😀"),
        json!("a".repeat(70_000)),
        json!([]),
        json!([[[[[]]]]]),
        json!({}),
        json!({"a": {"b": [1, {"c": null}]}}),
        json!("2025-03-26"),
        json!("tools/list"),
    ];
    values.choose(rng).expect("there are some").clone()
}

fn change_bytes(body: &mut Vec<u8>, rng: &mut StdRng) {
    let at = rng.random_range(0..body.len().max(1)).min(body.len());
    match rng.random_range(0..4) {
        0 => body.truncate(at),
        1 => body.insert(at, rng.random()),
        2 => {
            if let Some(byte) = body.get_mut(at) {
                *byte = rng.random();
            }
        }
        _ => {
            let part = body[at..(at + 20).min(body.len())].to_vec();
            body.splice(at..at, part);
        }
    }
}

fn change_headers(request: &mut Request, rng: &mut StdRng) {
    const NAMES: [&str; 6] =
        ["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Accept", "Content-Type", "Mcp-Session-Id"];
    const VALUES: [&str; 8] =
        ["", "2025-03-26", "2999-01-01", "tools/call", "=?base64?eA==?=", "=?base64?", "*/*", "a, b;c=\"d"];
    let name = NAMES.choose(rng).copied().unwrap_or_default();
    let value = VALUES.choose(rng).copied().unwrap_or_default();
    let changed = request.clone();
    *request = match rng.random_range(0..3) {
        0 => changed.without(name),
        1 => changed.with(name, value),
        _ => changed.and(name, value),
    };
}

/// Sends it; its status, once everything about the answer is as it should be.
async fn is_an_answer(http: &reqwest::Client, ground: &Ground, seed: u64, request: &Request) -> u16 {
    let mut sent = http.post(format!("{}/mcp", ground.origin()));
    for (name, value) in request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("connection")) {
        sent = sent.header(name, value);
    }
    let answer = sent.body(request.body.clone()).send().await;
    let answer = answer.unwrap_or_else(|error| panic!("seed {seed}: {error:?} to {request:?}"));
    let status = answer.status().as_u16();
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or("").to_owned();
    let text = answer.text().await.unwrap_or_else(|error| panic!("seed {seed}: {error:?} to {request:?}"));
    if let Err(why) = answer::check(status, &kind, &text) {
        panic!("seed {seed}: {why}: {status} {kind} {text}\nto {}", String::from_utf8_lossy(&request.bytes()));
    }
    status
}
