use super::{
    super::harness::Harness,
    client::{Client, OLD, uris},
};
use serde_json::{Value, json};

#[tokio::test]
async fn what_the_server_says_of_itself_is_so_in_each_revision() {
    let harness = Harness::start().await;
    let client = Client::of(&harness);
    insta::assert_json_snapshot!("discovered", client.ask("server/discover", json!({})).await);
    for version in OLD {
        let hello = json!({
            "protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
        });
        let told = client.as_of(version).ask("initialize", hello).await;
        assert_eq!(told["protocolVersion"], version);
        let offered = json!({"completions": {}, "prompts": {}, "resources": {}, "tools": {}});
        assert_eq!(told["capabilities"], offered, "no sessions: no subscriptions, and no tasks");
        for method in ["resources/subscribe", "resources/unsubscribe", "subscriptions/listen"] {
            let refused =
                client.as_of(version).ask(method, json!({"uri": "yonin://apps/shop", "notifications": {}})).await;
            assert_eq!(refused["code"], -32601, "{version} {method}: {refused}");
        }
    }
}

#[tokio::test]
async fn tools_say_what_they_take_and_give() {
    let harness = Harness::start().await;
    let client = Client::of(&harness);
    let mut listed = client.ask("tools/list", json!({})).await;
    assert_eq!(client.ask("tools/list", json!({})).await, listed, "the same, in the same order");
    for tool in listed["tools"].as_array().expect("tools") {
        for (name, property) in tool["inputSchema"]["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{} does not say what {name} is", tool["name"]);
        }
        assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{}", tool["name"]);
        assert_eq!(tool["outputSchema"]["type"], "object", "{}", tool["name"]);
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{} {hint}", tool["name"]);
        }
    }
    // Most of them give a task: one schema shows it.
    for tool in listed["tools"].as_array_mut().expect("tools").iter_mut().filter(|tool| tool["name"] != "get_task") {
        tool.as_object_mut().expect("an object").remove("outputSchema");
    }
    insta::assert_json_snapshot!("tools", listed);
}

#[tokio::test]
async fn lists_of_one_page_take_no_cursor() {
    let harness = Harness::start().await;
    let client = Client::of(&harness);
    for method in ["tools/list", "prompts/list", "resources/templates/list", "resources/list"] {
        for version in OLD.into_iter().chain([client.version]) {
            let refused = client.as_of(version).ask(method, json!({"cursor": "bm90IG91cnM"})).await;
            assert_eq!(
                (&refused["code"], &refused["data"]["code"]),
                (&json!(-32602), &json!("bad-cursor")),
                "{method}"
            );
        }
    }
}

#[tokio::test]
async fn answers_about_a_task_link_to_what_there_is_to_read_of_it() {
    let harness = Harness::start().await;
    let client = Client::of(&harness);
    harness.world.hold("verify");
    let begun = client.call("submit_task", json!({"goal": "posts(title:string!)", "app": "shop"})).await;
    let id = begun["structuredContent"]["job_id"].as_str().expect("an id").to_owned();
    let task = format!("yonin://tasks/{id}");
    assert_eq!(uris(&begun["content"]), [&*task], "nothing is handed on yet");
    harness.ran("verify", 1).await;
    let running = client.call("get_task", json!({"id": id})).await;
    let early: Vec<_> = ["plan", "design", "changes", "diff"].iter().map(|it| format!("{task}/{it}")).collect();
    assert_eq!(uris(&running["content"])[1..], early);
    harness.world.let_go();

    let ended = client.call("wait_task", json!({"id": id})).await;
    assert_eq!(ended["structuredContent"]["status"], "succeeded");
    let said: Value = serde_json::from_str(ended["content"][0]["text"].as_str().expect("text")).expect("JSON");
    assert_eq!(said, ended["structuredContent"], "the same for who reads text alone");
    assert_eq!(uris(&ended["content"]).len(), 8, "the task, and each artifact: {ended:#}");
    let as_task = client.ask("tasks/get", json!({"taskId": id})).await;
    assert_eq!(uris(&as_task["result"]["content"]), uris(&ended["content"]), "to who follows it as a task, too");

    for (version, links) in [("2025-11-25", 8), ("2025-06-18", 8), ("2025-03-26", 0)] {
        let told = client.as_of(version).call("get_task", json!({"id": id})).await;
        assert_eq!(uris(&told["content"]).len(), links, "{version}: {told:#}");
        assert_eq!(told["content"][0]["type"], "text");
    }
}

#[tokio::test]
async fn a_task_that_failed_links_to_what_shows_why() {
    let harness = Harness::start().await;
    let client = Client::of(&harness);
    harness.world.state().previews_green = [false].into();
    let task = harness.submit("posts(title:string!)", json!({"budget": {"attempts": 1}})).await;
    harness.ended(task.id).await;
    let failed = client.ask("tasks/get", json!({"taskId": task.id})).await;
    assert_eq!(failed["result"]["isError"], true, "{failed:#}");
    let verdict = format!("yonin://tasks/{}/verdict", task.id);
    assert!(uris(&failed["result"]["content"]).contains(&&*verdict), "{failed:#}");
    let read = client.read(&verdict).await;
    assert!(read["contents"][0]["text"].as_str().is_some_and(|text| text.contains("\"passed\":false")), "{read:#}");
}
