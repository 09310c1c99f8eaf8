//! What jobs ask people over MCP: who is asked, who is told, and which answers count.

use crate::fixture::{Fixture, Tasks};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rmcp::{
    ClientHandler, ErrorData, RoleClient,
    model::{
        CallToolRequestParams, ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction,
        Implementation, ProtocolVersion,
    },
    service::{ClientLifecycleMode, ClientServiceExt as _, RequestContext},
    transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig},
};
use runtime::Credential;
use serde_json::{Value, json};
use std::time::Duration;

/// One call of `wait_job`, with what a client brings back.
async fn wait(fixture: &Fixture, key: &Credential, job: &str, more: Value, capabilities: Value) -> Value {
    let mut params = json!({"name": "wait_job", "arguments": {"job_id": job}});
    params.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let answer = fixture.mcp_of(key, "tools/call", params, capabilities).send().await.expect("an answer");
    let mut answer: Value = answer.json().await.expect("JSON");
    let part = if answer.get("error").is_some() { "error" } else { "result" };
    answer[part].take()
}

async fn asked(fixture: &Fixture, job: &str) -> Value {
    wait(fixture, &fixture.person, job, json!({}), json!({"elicitation": {}})).await
}

/// What the client sends back when the person has done this with the one form there is.
fn brought(asked: &Value, response: Value) -> Value {
    let forms = asked["inputRequests"].as_object().expect("forms");
    let key = forms.keys().next().expect("a form");
    json!({"requestState": asked["requestState"], "inputResponses": {key: response}})
}

fn says(word: &str) -> Value {
    json!({"action": "accept", "content": {"decision": word}})
}

async fn answered(fixture: &Fixture, job: &str, asked: &Value, response: Value) -> Value {
    wait(fixture, &fixture.person, job, brought(asked, response), json!({"elicitation": {"form": {}}})).await
}

async fn started(fixture: &Fixture, ends: &str) -> String {
    let params = json!({"name": "build", "arguments": {"ends": ends}});
    let started = fixture.ask(&fixture.person, "tools/call", params, Tasks::Unknown).await;
    started["structuredContent"]["job_id"].as_str().expect("an id").to_owned()
}

async fn task(fixture: &Fixture, key: &Credential, id: &str, tasks: Tasks) -> Value {
    fixture.ask(key, "tasks/get", json!({"taskId": id}), tasks).await
}

/// The task once it asks, or has ended.
async fn settled(fixture: &Fixture, key: &Credential, id: &str) -> Value {
    loop {
        let task = task(fixture, key, id, Tasks::Asked).await;
        if task["status"] != "working" {
            return task;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_form_is_shown_and_what_is_filled_in_counts() {
    let fixture = Fixture::start().await;
    let job = started(&fixture, "asks").await;
    let first = asked(&fixture, &job).await;
    let mut shown = first.clone();
    let form = shown["inputRequests"].as_object_mut().expect("forms").values_mut().next().expect("a form").take();
    assert_eq!(first["resultType"], "input_required");
    insta::assert_json_snapshot!(form);

    let second = answered(&fixture, &job, &first, says("yes")).await;
    assert_eq!(second["resultType"], "input_required", "it asks once more: {second}");
    assert_ne!(second["inputRequests"], first["inputRequests"]);
    let ended = answered(&fixture, &job, &second, says("no")).await;
    assert_eq!(ended["structuredContent"]["status"], "done");
    let greeting = &ended["structuredContent"]["result"]["greeting"];
    assert_eq!(greeting, "person:mei said yes; person:mei said no");
}

#[tokio::test]
async fn who_cannot_show_forms_is_told_in_words() {
    let fixture = Fixture::start().await;
    let job = started(&fixture, "asks").await;
    settled(&fixture, &fixture.person, &job).await;
    for capabilities in [json!({}), json!({"elicitation": {"url": {}}}), json!({"sampling": {}})] {
        let told = wait(&fixture, &fixture.person, &job, json!({}), capabilities).await;
        assert_eq!((&told["resultType"], &told["structuredContent"]["status"]), (&json!("complete"), &json!("asking")));
        let words = told["content"][1]["text"].as_str().expect("words");
        assert!(words.contains("公開しますか? (1)") && words.contains("Answer on paper."), "{words}");
        assert!(words.contains(&format!("{}/paper", fixture.origin())), "{words}");
    }
    let told = task(&fixture, &fixture.person, &job, Tasks::Declared).await;
    assert_eq!((&told["status"], told.get("inputRequests")), (&json!("working"), None));
    assert!(told["statusMessage"].as_str().expect("words").contains("Answer on paper."), "{told}");

    // Clients of before are served without sessions: there is no way to ask them.
    let request = fixture.http.post(fixture.url("/mcp")).bearer_auth(fixture.person.reveal());
    let request = request
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-11-25")
        .json(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "wait_job", "arguments": {"job_id": job},
                       "_meta": {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}}}));
    let told: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    assert!(told["result"]["content"][1]["text"].as_str().expect("words").contains("Answer on paper."), "{told}");
}

#[tokio::test]
async fn who_declines_or_closes_the_form_is_asked_again() {
    let fixture = Fixture::start().await;
    let job = started(&fixture, "asks").await;
    for action in ["decline", "cancel"] {
        let asked = asked(&fixture, &job).await;
        let told = answered(&fixture, &job, &asked, json!({"action": action})).await;
        assert_eq!(told["structuredContent"]["status"], "asking");
        assert!(told["content"][1]["text"].as_str().expect("words").starts_with("Nothing was decided."), "{told}");
    }
    let first = asked(&fixture, &job).await;
    for nothing in [json!({"action": "accept", "content": {}}), json!({"action": "accept"})] {
        let again = answered(&fixture, &job, &first, nothing).await;
        assert_eq!(again["inputRequests"], first["inputRequests"], "what is missing is asked for again");
    }
    let wrong = answered(&fixture, &job, &first, says("maybe")).await;
    assert_eq!(wrong["structuredContent"]["code"], "bad-request", "{wrong}");
    assert_eq!(answered(&fixture, &job, &first, says("yes")).await["resultType"], "input_required");
}

#[tokio::test]
async fn an_answer_counts_once_and_for_what_was_shown() {
    let fixture = Fixture::start().await;
    let job = started(&fixture, "asks").await;
    let (first, twin) = (asked(&fixture, &job).await, asked(&fixture, &job).await);
    let second = answered(&fixture, &job, &first, says("yes")).await;
    for late in [&first, &twin] {
        let refused = answered(&fixture, &job, late, says("no")).await;
        assert_eq!(
            (&refused["isError"], &refused["structuredContent"]["code"]),
            (&json!(true), &json!("question-over"))
        );
    }
    // An old answer under the state of the new question is none to it.
    let mut mixed = brought(&first, says("no"));
    mixed["requestState"] = second["requestState"].clone();
    let again = wait(&fixture, &fixture.person, &job, mixed, json!({"elicitation": {}})).await;
    assert_eq!(again["inputRequests"], second["inputRequests"]);
    let ended = answered(&fixture, &job, &second, says("yes")).await;
    assert_eq!(ended["structuredContent"]["result"]["greeting"], "person:mei said yes; person:mei said yes");
    let over = answered(&fixture, &job, &second, says("no")).await;
    assert_eq!(over["structuredContent"]["code"], "question-over");
}

#[tokio::test]
async fn a_request_state_is_good_for_its_own_call_only() {
    let fixture = Fixture::start().await;
    let (job, other) = (started(&fixture, "asks").await, started(&fixture, "asks").await);
    let asked = asked(&fixture, &job).await;
    let good = brought(&asked, says("yes"));
    let state = asked["requestState"].as_str().expect("a state");
    let parts: Vec<_> = state.split('.').collect();
    let forged = |part: usize| {
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(parts[part]).expect("base64");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let mut parts: Vec<_> = parts.iter().map(|part| (*part).to_owned()).collect();
        parts[part] = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        parts.join(".")
    };
    let bad =
        [forged(1), forged(2), state[..state.len() - 1].to_owned(), parts[..2].join("."), String::new(), "x".into()];
    let elicits = json!({"elicitation": {}});
    for state in &bad {
        let mut brought = good.clone();
        brought["requestState"] = state.as_str().into();
        let refused = wait(&fixture, &fixture.person, &job, brought, elicits.clone()).await;
        assert_eq!(
            (&refused["code"], &refused["data"]["code"]),
            (&json!(-32602), &json!("bad-request-state")),
            "{state}"
        );
    }
    let mut stateless = good.clone();
    stateless.as_object_mut().expect("an object").remove("requestState");
    let refused = [
        wait(&fixture, &fixture.person, &job, stateless, elicits.clone()).await,
        // Another job, another key, other arguments.
        wait(&fixture, &fixture.person, &other, good.clone(), elicits.clone()).await,
        wait(&fixture, &fixture.planner, &job, good.clone(), elicits.clone()).await,
        {
            let mut params = json!({"name": "wait_job", "arguments": {"job_id": job, "seconds": 44}});
            params.as_object_mut().expect("an object").extend(good.as_object().expect("an object").clone());
            let answer = fixture.mcp_of(&fixture.person, "tools/call", params, elicits.clone()).send().await;
            answer.expect("an answer").json::<Value>().await.expect("JSON")["error"].take()
        },
    ];
    for refused in refused {
        assert_eq!(refused["data"]["code"], "bad-request-state", "{refused}");
    }
    for job in [&job, &other] {
        let record = fixture
            .ask(
                &fixture.person,
                "tools/call",
                json!({"name": "get_job", "arguments": {"job_id": job}}),
                Tasks::Unknown,
            )
            .await;
        assert_eq!(record["structuredContent"]["message"], "asking, with 0 answers", "nothing happened");
    }
    assert_eq!(wait(&fixture, &fixture.person, &job, good, elicits).await["resultType"], "input_required");
}

#[tokio::test]
async fn who_takes_too_long_is_asked_again() {
    let fixture = Fixture::with(|service, _| service.question_expiry(Duration::from_millis(30))).await;
    let job = started(&fixture, "asks").await;
    let first = asked(&fixture, &job).await;
    let refused = loop {
        let refused = answered(&fixture, &job, &first, json!({"action": "cancel"})).await;
        if refused["data"]["code"] == "bad-request-state" {
            break refused;
        }
    };
    assert!(refused["message"].as_str().expect("words").contains("too old"), "{refused}");
    assert_eq!(asked(&fixture, &job).await["inputRequests"], first["inputRequests"]);
}

/// The official SDK's client, whose person says yes to everything.
struct Agreeable;

impl ClientHandler for Agreeable {
    fn get_info(&self) -> ClientConfig {
        let capabilities = ClientCapabilities::builder().enable_elicitation().build();
        ClientConfig::new(capabilities, Implementation::new("agreeable", "1"))
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        assert!(matches!(request, ElicitRequestParams::FormElicitationParams { .. }));
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(json!({"decision": "yes"})))
    }
}

#[tokio::test]
async fn a_client_of_the_sdk_asks_its_person_and_goes_on_by_itself() {
    let fixture = Fixture::start().await;
    let job = started(&fixture, "asks").await;
    let config =
        StreamableHttpClientTransportConfig::with_uri(fixture.url("/mcp")).auth_header(fixture.person.reveal());
    let transport = StreamableHttpClientTransport::with_client(fixture.http.clone(), config);
    let lifecycle = ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] };
    let client = Agreeable.serve_with_lifecycle(transport, lifecycle).await.expect("a server");
    let arguments = json!({"job_id": job}).as_object().cloned().expect("an object");
    let answer = client.call_tool(CallToolRequestParams::new("wait_job").with_arguments(arguments)).await;
    let answer = answer.expect("an answer").structured_content.expect("a job");
    assert_eq!(answer["result"]["greeting"], "person:mei said yes; person:mei said yes");
    client.cancel().await.expect("a client that ends");
}

/// The questions, their states and the answers survive every process, and any replica takes them.
async fn any_replica_asks_and_listens(first: Fixture) {
    let second = first.beside().await;
    let job = started(&first, "asks").await;
    let by_first = asked(&first, &job).await;
    let by_second = answered(&second, &job, &by_first, says("yes")).await;
    assert_eq!(by_second["resultType"], "input_required", "{by_second}");
    let first = first.restart().await;
    second.running.stop(Duration::from_secs(5)).await;
    let ended = answered(&first, &job, &by_second, says("yes")).await;
    assert_eq!(ended["structuredContent"]["status"], "done", "{ended}");
}

#[tokio::test]
async fn any_replica_asks_and_listens_on_sqlite() {
    any_replica_asks_and_listens(Fixture::start().await).await;
}

#[tokio::test]
async fn any_replica_asks_and_listens_on_mariadb() {
    any_replica_asks_and_listens(Fixture::start_on_mariadb().await).await;
}

#[tokio::test]
async fn of_two_people_who_answer_at_once_one_is_heard() {
    let first = Fixture::start_on_mariadb().await;
    let second = first.beside().await;
    let job = started(&first, "asks").await;
    let form = asked(&first, &job).await;
    let (one, other) =
        tokio::join!(answered(&first, &job, &form, says("yes")), answered(&second, &job, &form, says("no")));
    let refused = [&one, &other].map(|it| it["structuredContent"]["code"] == "question-over");
    assert!(refused[0] != refused[1], "{one}\n{other}");
}

#[tokio::test]
async fn a_task_asks_and_is_answered() {
    let fixture = Fixture::start().await;
    let params = json!({"name": "build", "arguments": {"ends": "asks"}});
    let handle = fixture.ask(&fixture.person, "tools/call", params, Tasks::Asked).await;
    let id = handle["taskId"].as_str().expect("an id");
    let update = async |responses: Value| {
        let params = json!({"taskId": id, "inputResponses": responses});
        fixture.ask(&fixture.person, "tasks/update", params, Tasks::Asked).await
    };
    let first = settled(&fixture, &fixture.person, id).await;
    assert_eq!((&first["status"], first.get("requestState")), (&json!("input_required"), None));
    let key = first["inputRequests"].as_object().expect("forms").keys().next().expect("a form").clone();
    // What nobody asked is ignored; what is no answer decides nothing.
    for harmless in [json!({}), json!({"approval-000000000000": says("no")}), json!({&key: {"action": "cancel"}})] {
        assert_eq!(update(harmless).await, json!({"resultType": "complete"}));
    }
    assert_eq!(update(json!({&key: {"action": "accept"}})).await["data"]["code"], "bad-request");
    assert_eq!(settled(&fixture, &fixture.person, id).await, first, "nothing has changed");

    assert_eq!(update(json!({&key: says("yes")})).await, json!({"resultType": "complete"}));
    let second = settled(&fixture, &fixture.person, id).await;
    assert!(second["inputRequests"].get(&key).is_none(), "a key is never used twice: {second}");
    assert_eq!(update(json!({&key: says("no")})).await, json!({"resultType": "complete"}), "late, and ignored");
    let key = second["inputRequests"].as_object().expect("forms").keys().next().expect("a form").clone();
    update(json!({key: says("yes")})).await;
    let ended = settled(&fixture, &fixture.person, id).await;
    assert_eq!(ended["result"]["structuredContent"]["greeting"], "person:mei said yes; person:mei said yes");
}

#[tokio::test]
async fn a_service_is_not_asked_what_people_decide() {
    let fixture = Fixture::start().await;
    let handle = fixture.call("build", json!({"ends": "asks"}), Tasks::Asked).await;
    let id = handle["taskId"].as_str().expect("an id");
    while task(&fixture, &fixture.planner, id, Tasks::Asked).await["statusMessage"] == "Queued"
        || !task(&fixture, &fixture.planner, id, Tasks::Asked).await["statusMessage"]
            .as_str()
            .is_some_and(|it| it.contains("may not answer"))
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let told = wait(&fixture, &fixture.planner, id, json!({}), json!({"elicitation": {}})).await;
    assert_eq!((&told["resultType"], &told["structuredContent"]["status"]), (&json!("complete"), &json!("asking")));
}

#[tokio::test]
async fn a_doubt_is_resolved_in_a_form_or_with_a_tool() {
    let fixture = Fixture::start().await;
    for (outcome, status) in [("not_happened", "done"), ("happened", "failed")] {
        let job = started(&fixture, "doubtful").await;
        let form = asked(&fixture, &job).await;
        let told = answered(&fixture, &job, &form, json!({"action": "decline"})).await;
        assert_eq!(told["structuredContent"]["status"], "asking", "who does not say has not said no");
        let form = asked(&fixture, &job).await;
        let said = json!({"action": "accept", "content": {"outcome": outcome}});
        let ended = answered(&fixture, &job, &form, said).await;
        assert_eq!(ended["structuredContent"]["status"], status, "{ended}");

        let job = started(&fixture, "doubtful").await;
        asked(&fixture, &job).await;
        let arguments = json!({"job_id": job, "happened": outcome == "happened"});
        let call = json!({"name": "resolve_job", "arguments": arguments});
        fixture.ask(&fixture.person, "tools/call", call, Tasks::Unknown).await;
        assert_eq!(asked(&fixture, &job).await["structuredContent"]["status"], status);
    }
}
