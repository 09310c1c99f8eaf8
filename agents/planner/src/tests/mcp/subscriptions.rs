use super::{
    super::harness::Harness,
    client::{Client, NEW},
};
use futures::StreamExt as _;
use reqwest::Response;
use serde_json::{Value, json};
use std::{collections::VecDeque, time::Duration};

/// An open subscription.
struct Subscription {
    answer: futures::stream::BoxStream<'static, reqwest::Result<axum::body::Bytes>>,
    text: String,
    read: VecDeque<Value>,
}

impl Subscription {
    async fn open(client: Client<'_>, uris: &[&str]) -> Self {
        let answer = Self::ask(client, uris).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &"text/event-stream".parse().expect("a header"))
        );
        Self { answer: answer.bytes_stream().boxed(), text: String::new(), read: VecDeque::new() }
    }

    async fn ask(client: Client<'_>, uris: &[&str]) -> Response {
        let params = json!({"notifications": {"resourceSubscriptions": uris, "toolsListChanged": true}});
        client.request("subscriptions/listen", params).send().await.expect("an answer")
    }

    /// The next message; nothing at the end.
    async fn next(&mut self) -> Option<Value> {
        while self.read.is_empty() {
            let chunk = tokio::time::timeout(Duration::from_secs(30), self.answer.next()).await.expect("in time")?;
            self.text.push_str(std::str::from_utf8(&chunk.expect("bytes")).expect("text"));
            while let Some((frame, rest)) = self.text.split_once("\n\n") {
                let data = frame.lines().find_map(|line| line.strip_prefix("data:")).map(str::trim);
                self.read
                    .extend(data.filter(|data| !data.is_empty()).map(|data| serde_json::from_str(data).expect("JSON")));
                self.text = rest.to_owned();
            }
        }
        self.read.pop_front()
    }

    /// The addresses that were acknowledged.
    async fn acknowledged(&mut self) -> Value {
        let first = self.next().await.expect("a message");
        assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
        assert_eq!(first["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 1);
        assert!(first["params"]["notifications"].get("toolsListChanged").is_none(), "tools do not change");
        first["params"]["notifications"]["resourceSubscriptions"].clone()
    }

    /// The next address where something has changed.
    async fn changed(&mut self) -> String {
        let message = self.next().await.expect("a message");
        assert_eq!(message["method"], "notifications/resources/updated", "{message}");
        assert_eq!(message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 1);
        message["params"]["uri"].as_str().expect("an address").to_owned()
    }

    /// Reads on until this address has changed.
    async fn until_changed(&mut self, uri: &str) {
        while self.changed().await != uri {}
    }
}

#[tokio::test]
async fn who_watches_a_task_hears_of_what_changes_and_of_nothing_else() {
    let harness = Harness::start().await;
    let client = Client::of(&harness);
    harness.world.hold("verify");
    let task = harness.submit("posts(title:string!)", json!({})).await;
    harness.ran("verify", 1).await;
    let uri = format!("yonin://tasks/{}", task.id);
    let (plan, verdict) = (format!("{uri}/plan"), format!("{uri}/verdict"));
    let nobodys = format!("yonin://tasks/{}", protocol::TaskId::fresh());
    let asked = [&*uri, &*plan, &*verdict, &*nobodys, "yonin://apps/shop", "x", &*uri];
    let mut open = Subscription::open(client, &asked).await;
    assert_eq!(open.acknowledged().await, json!([uri, plan, verdict]), "what can be watched, once each");
    harness.world.let_go();
    open.until_changed(&verdict).await;
    // Until it has ended, however many steps that takes.
    let ended = async {
        while client.read(&uri).await["ttlMs"] != 86_400_000 {
            assert_ne!(open.changed().await, plan, "it was there before, and stays");
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ended).await.expect("the end is told");
}

/// On a replica that hears no hint, and about a task that another one runs.
#[tokio::test]
async fn any_replica_tells_of_any_task() {
    let harness = Harness::start().await;
    harness.world.hold("design");
    let task = harness.submit("posts(title:string!)", json!({"approval": "always"})).await;
    harness.ran("design", 1).await;
    let second = harness.second_planner().await;
    let client = Client { origin: second.origin(), ..Client::of(&harness) };
    let uri = format!("yonin://tasks/{}", task.id);
    let mut open = Subscription::open(client, &[&uri]).await;
    assert_eq!(open.acknowledged().await, json!([uri]));
    harness.world.let_go();
    let asks = async {
        loop {
            open.until_changed(&uri).await;
            let read = client.read(&uri).await;
            if read["contents"][0]["text"].as_str().is_some_and(|text| text.contains("\"status\":\"waiting\"")) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asks).await.expect("its question is told");
    second.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_subscription_ends_in_order_when_the_service_stops() {
    let mut harness = Harness::start().await;
    let task = harness.submit("posts(title:string!)", json!({})).await;
    harness.ended(task.id).await;
    let mut open = Subscription::open(Client::of(&harness), &[&format!("yonin://tasks/{}", task.id)]).await;
    open.acknowledged().await;
    let began = tokio::time::Instant::now();
    harness.stop_planner().await;
    assert!(began.elapsed() < Duration::from_secs(4), "it holds nobody up: {:?}", began.elapsed());
    let last = open.next().await.expect("a result");
    assert_eq!(last["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 1, "{last}");
    assert_eq!(open.next().await, None, "and nothing after it");
}

#[tokio::test]
async fn what_a_caller_may_not_see_it_does_not_watch() {
    let harness = Harness::start().await;
    let task = harness.submit("posts(title:string!)", json!({})).await;
    let uri = format!("yonin://tasks/{}", task.id);
    let mut open = Subscription::open(Client::of(&harness).with(&harness.service), &[&uri]).await;
    assert_eq!(open.acknowledged().await, Value::Null);
}

#[tokio::test]
async fn a_caller_has_so_many_subscriptions_and_no_more() {
    let harness = Harness::start().await;
    let client = Client::of(&harness);
    let mut open = Vec::new();
    for _ in 0..16 {
        open.push(Subscription::open(client, &[]).await);
    }
    let refused = Subscription::ask(client, &[]).await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"1".parse().expect("a header")));
    let problem: Value = refused.json().await.expect("a problem");
    assert_eq!(problem["code"], "too-many-requests");
    Subscription::open(client.with(&harness.mei), &[]).await;
    open.pop();
    let again = async {
        while Subscription::ask(client, &[]).await.status() != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), again).await.expect("a place that became free is given again");
}

#[tokio::test]
async fn a_subscription_that_hides_what_it_is_is_refused() {
    let harness = Harness::start().await;
    let client = Client::of(&harness);
    let request = |method: &str| {
        reqwest::Client::new()
            .post(format!("{}/mcp", client.origin))
            .bearer_auth(client.key.reveal())
            .header("accept", "application/json, text/event-stream")
            .header("mcp-method", method)
            .json(&json!({"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": {
                "notifications": {"resourceSubscriptions": ["yonin://apps/shop"]},
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": NEW,
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            }}))
    };
    for request in [request("tools/list").header("mcp-protocol-version", NEW), request("tools/list")] {
        let answer = request.send().await.expect("an answer");
        let text = tokio::time::timeout(Duration::from_secs(5), answer.text()).await.expect("it ends").expect("text");
        assert!(text.contains("\"error\""), "{text}");
    }
}
