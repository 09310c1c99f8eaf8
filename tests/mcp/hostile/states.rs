//! A `requestState` comes back from a client that may have done anything with it.

use super::ground::{Ground, Request};
use serde_json::{Value, json};

struct Asked<'a> {
    ground: &'a Ground,
    job: String,
    /// Under which name it is answered.
    question: String,
    state: String,
}

impl<'a> Asked<'a> {
    /// A job of mine that asks, and was asked for by a call that waits.
    async fn new(ground: &'a Ground) -> Self {
        let job = json!({"name": "confirm_delete", "arguments": {"filename": "a"}});
        let job = ground.call(&ground.mine, "tools/call", job).await;
        let job = job["result"]["taskId"].as_str().expect("a task").to_owned();
        let call = json!({"name": "wait_job", "arguments": {"job_id": job}});
        let asked = ground.call(&ground.mine, "tools/call", call).await["result"].take();
        assert_eq!(asked["resultType"], "input_required", "{asked}");
        let question = asked["inputRequests"].as_object().and_then(|it| it.keys().next()).expect("a question").clone();
        let state = asked["requestState"].as_str().expect("a state").to_owned();
        Self { ground, job, question, state }
    }

    /// What a call comes to that brings this state back: the code of its error, or what kind of result it is.
    async fn answered(&self, key: &str, job: &str, state: Option<&str>) -> String {
        let mut params = json!({
            "name": "wait_job",
            "arguments": {"job_id": job, "seconds": 1},
            "inputResponses": {&self.question: {"action": "accept", "content": {}}},
        });
        if let Some(state) = state {
            params["requestState"] = state.into();
        }
        let answer = self.ground.send(&Request::new(key, "tools/call", params)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.body;
        let code = [
            &body["error"]["data"]["code"],
            &body["result"]["structuredContent"]["code"],
            &body["result"]["resultType"],
        ];
        code.into_iter().find_map(Value::as_str).unwrap_or_else(|| panic!("{body}")).to_owned()
    }

    async fn asks(&self) -> bool {
        let task = self.ground.call(&self.ground.mine, "tasks/get", json!({"taskId": self.job})).await;
        task["result"]["status"] == "input_required"
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_state_that_was_given_for_this_call_decides_and_only_once() {
    let ground = Ground::start().await;
    let (asked, other) = (Asked::new(&ground).await, Asked::new(&ground).await);
    let (mine, state) = (&ground.mine, asked.state.as_str());
    let flipped = |at: usize| {
        let mut bytes = state.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).expect("text")
    };
    let forged: Vec<(&str, Option<String>)> = vec![
        ("none", None),
        ("an empty one", Some(String::new())),
        ("a made-up one", Some("eyJqb2IiOiIxIn0".to_owned())),
        ("a long one", Some("A".repeat(100_000))),
        ("a shortened one", Some(state[..state.len() - 1].to_owned())),
        ("a lengthened one", Some(format!("{state}A"))),
        ("one with another beginning", Some(flipped(0))),
        ("one with another middle", Some(flipped(state.len() / 2))),
        ("that of another job", Some(other.state.clone())),
        ("two in one", Some(format!("{state}.{}", other.state))),
    ];
    for (name, forged) in forged {
        assert_eq!(asked.answered(mine, &asked.job, forged.as_deref()).await, "bad-request-state", "{name}");
        assert!(asked.asks().await, "{name} decided something");
    }
    // Of the right job, but for somebody else, or for another call.
    assert_ne!(asked.answered(&ground.theirs, &asked.job, Some(state)).await, "complete");
    assert_eq!(asked.answered(mine, &other.job, Some(state)).await, "bad-request-state");
    assert!(asked.asks().await && other.asks().await, "somebody else decided");

    let good = json!({
        "name": "wait_job",
        "arguments": {"job_id": asked.job},
        "inputResponses": {&asked.question: {"action": "accept", "content": {}}},
        "requestState": state,
    });
    let done = ground.call(mine, "tools/call", good.clone()).await;
    assert_eq!(done["result"]["structuredContent"]["status"], "done", "{done}");
    let replayed = ground.call(mine, "tools/call", good).await;
    assert_eq!(replayed["result"]["structuredContent"]["code"], "question-over", "{replayed}");
}
