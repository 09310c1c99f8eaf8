use crate::fixture::{Fixture, Tasks};
use rmcp::{
    RoleClient, ServiceExt as _,
    model::{CallToolRequestParams, ProtocolVersion},
    service::{ClientLifecycleMode, ClientServiceExt as _, RunningService},
    transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig},
};
use serde_json::{Value, json};

fn transport(fixture: &Fixture) -> StreamableHttpClientTransport<reqwest::Client> {
    let config =
        StreamableHttpClientTransportConfig::with_uri(fixture.url("/mcp")).auth_header(fixture.person.reveal());
    StreamableHttpClientTransport::with_client(fixture.http.clone(), config)
}

async fn greets(client: RunningService<RoleClient, ()>) {
    let names: Vec<_> = client.list_all_tools().await.expect("tools").into_iter().map(|tool| tool.name).collect();
    assert_eq!(
        names,
        [
            "greet",
            "refuse",
            "burst",
            "build",
            "get_job",
            "wait_job",
            "cancel_job",
            "resolve_job",
            "get_usage",
            "get_transcript"
        ]
    );
    let arguments = json!({"name": "Mei"}).as_object().cloned().expect("an object");
    let answer =
        client.call_tool(CallToolRequestParams::new("greet").with_arguments(arguments)).await.expect("an answer");
    assert_eq!(answer.structured_content, Some(json!({"greeting": "こんにちは, Mei"})));
    client.cancel().await.expect("a client that ends");
}

#[tokio::test]
async fn a_client_that_discovers_is_served() {
    let fixture = Fixture::start().await;
    let lifecycle = ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] };
    greets(().serve_with_lifecycle(transport(&fixture), lifecycle).await.expect("a server")).await;
}

#[tokio::test]
async fn a_client_that_initializes_is_served_on_the_same_endpoint() {
    let fixture = Fixture::start().await;
    greets(().serve(transport(&fixture)).await.expect("a server")).await;
}

#[tokio::test]
async fn the_oldest_clients_need_no_version_header_and_no_session() {
    let fixture = Fixture::start().await;
    let answer = fixture.http.post(fixture.url("/mcp")).bearer_auth(fixture.person.reveal())
        .header("accept", "application/json, text/event-stream")
        .json(&json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "greet", "arguments": {"name": "A"}}}))
        .send().await.expect("an answer");
    assert!(answer.headers().get("mcp-session-id").is_none());
    let answer: Value = answer.json().await.expect("JSON");
    assert_eq!(answer["result"]["structuredContent"], json!({"greeting": "こんにちは, A"}));
}

#[tokio::test]
async fn tools_say_what_they_take_and_give() {
    let fixture = Fixture::start().await;
    let listed = fixture.ask(&fixture.person, "tools/list", json!({}), Tasks::Unknown).await;
    insta::assert_json_snapshot!(listed);
}

#[tokio::test]
async fn the_server_says_who_it_is() {
    let fixture = Fixture::start().await;
    let discovered = fixture.ask(&fixture.person, "server/discover", json!({}), Tasks::Unknown).await;
    insta::assert_json_snapshot!(discovered);
}

#[tokio::test]
async fn what_goes_wrong_in_a_tool_is_a_result_that_models_can_read() {
    let fixture = Fixture::start().await;
    let refused = fixture.call("refuse", json!({}), Tasks::Unknown).await;
    insta::assert_json_snapshot!(refused);

    let burst = fixture.call("burst", json!({}), Tasks::Unknown).await;
    assert_eq!((&burst["isError"], &burst["structuredContent"]["code"]), (&json!(true), &json!("internal")));

    let misnamed = fixture.call("greet", json!({"nam": "x"}), Tasks::Unknown).await;
    assert_eq!(misnamed["structuredContent"]["code"], "bad-request");
    assert!(misnamed["structuredContent"]["detail"].as_str().is_some_and(|it| it.contains("nam")), "{misnamed}");

    let untyped = fixture.call("greet", json!({"name": 7}), Tasks::Unknown).await;
    assert!(untyped["structuredContent"]["detail"].as_str().is_some_and(|it| it.starts_with("name: ")), "{untyped}");
}

#[tokio::test]
async fn an_unknown_tool_is_an_error_of_the_protocol() {
    let fixture = Fixture::start().await;
    let error = fixture.call("nothing", json!({}), Tasks::Unknown).await;
    assert_eq!((&error["code"], &error["data"]["code"]), (&json!(-32602), &json!("not-found")));
}

#[tokio::test]
async fn nobody_holds_a_stream_open() {
    let fixture = Fixture::start().await;
    for method in [reqwest::Method::GET, reqwest::Method::DELETE] {
        let request = fixture.http.request(method, fixture.url("/mcp")).bearer_auth(fixture.person.reveal());
        let answer =
            request.header("accept", "text/event-stream").header("mcp-protocol-version", "2026-07-28").send().await;
        assert_eq!(answer.expect("an answer").status(), 405);
    }
}
