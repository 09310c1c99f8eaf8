use super::{
    super::harness::Harness,
    client::{Client, OLD, uris},
};
use serde_json::{Value, json};

const KINDS: [&str; 6] = ["plan", "design", "changes", "checks", "verdict", "smoke"];

#[tokio::test]
async fn the_forms_of_addresses_are_told() {
    let harness = Harness::start().await;
    insta::assert_json_snapshot!(Client::of(&harness).ask("resources/templates/list", json!({})).await);
}

#[tokio::test]
async fn what_rest_shows_of_a_task_can_be_read() {
    let harness = Harness::start().await;
    let client = Client::of(&harness);
    let task = harness.submit("投稿 posts(title:string!)\nと一覧", json!({})).await;
    harness.ended(task.id).await;
    let uri = format!("yonin://tasks/{}", task.id);
    let links = client.call("get_task", json!({"id": task.id})).await;
    let size = |uri: &str| {
        let link = links["content"].as_array().expect("content").iter().find(|it| it["uri"] == uri);
        link.expect("a link")["size"].as_u64()
    };
    let paths = KINDS.map(|kind| (kind, format!("artifacts/{kind}")));
    let paths = paths.into_iter().chain([("", String::new())]);
    for (kind, path) in paths {
        let (address, path) = (format!("{uri}/{kind}"), format!("/v1/tasks/{}/{path}", task.id));
        let (address, path) = (address.trim_end_matches('/'), path.trim_end_matches('/'));
        let read = client.read(address).await;
        let [content] = &read["contents"].as_array().expect("contents")[..] else { panic!("one content: {read}") };
        assert_eq!((&content["uri"], &content["mimeType"]), (&json!(address), &json!("application/json")));
        let text = content["text"].as_str().expect("text");
        let shown: Value = harness.get(path).await.json().await.expect("JSON");
        assert_eq!(serde_json::from_str::<Value>(text).expect("JSON"), shown, "{address}");
        assert_eq!(size(address), Some(text.len() as u64), "{address}");
        assert_eq!((&read["ttlMs"], &read["cacheScope"]), (&json!(86_400_000), &json!("private")), "it has ended");
    }
    let diff = client.read(&format!("{uri}/diff")).await;
    let shown = harness.get(&format!("/v1/tasks/{}/diff", task.id)).await.text().await.expect("text");
    assert_eq!(
        (&diff["contents"][0]["mimeType"], &diff["contents"][0]["text"]),
        (&json!("text/x-diff"), &json!(shown))
    );

    let app = client.read("yonin://apps/shop").await;
    let shown: Value = harness.get("/v1/apps/shop").await.json().await.expect("JSON");
    let text = app["contents"][0]["text"].as_str().expect("text");
    assert_eq!(serde_json::from_str::<Value>(text).expect("JSON"), shown);
    assert_eq!((&app["ttlMs"], &app["cacheScope"]), (&json!(1_000), &json!("private")));

    for version in OLD {
        let read = client.as_of(version).read(&uri).await;
        assert_eq!(read["contents"][0]["mimeType"], "application/json", "{version}");
        assert!(read.get("resultType").is_none(), "{version}");
    }
}

#[tokio::test]
async fn a_task_on_its_way_is_not_kept_for_long() {
    let harness = Harness::start().await;
    let client = Client::of(&harness);
    harness.world.hold("design");
    let task = harness.submit("posts(title:string!)", json!({})).await;
    harness.ran("design", 1).await;
    for address in ["", "/plan"] {
        let read = client.read(&format!("yonin://tasks/{}{address}", task.id)).await;
        assert_eq!((&read["ttlMs"], &read["cacheScope"]), (&json!(1_000), &json!("private")), "{read}");
    }
    let early = client.read(&format!("yonin://tasks/{}/verdict", task.id)).await;
    assert_eq!(early["code"], -32602, "not yet");
}

#[tokio::test]
async fn what_is_not_there_has_the_code_of_its_revision() {
    let harness = Harness::start().await;
    let client = Client::of(&harness);
    let nobodys = format!("yonin://tasks/{}", protocol::TaskId::fresh());
    for uri in
        [&*nobodys, &format!("{nobodys}/plan"), "yonin://apps/nothing", "yonin://tasks/1", "file:///etc/passwd", "x"]
    {
        for (version, code) in OLD.map(|old| (old, -32002)).into_iter().chain([(client.version, -32602)]) {
            let refused = client.as_of(version).read(uri).await;
            assert_eq!(refused["code"], code, "{version} {uri}: {refused}");
            assert_eq!((&refused["data"]["code"], &refused["data"]["uri"]), (&json!("not-found"), &json!(uri)));
        }
    }
}

/// And what may be meant by the beginning of an id.
#[tokio::test]
async fn tasks_are_listed_and_suggested_newest_first_on_any_replica() {
    let mut harness = Harness::start().await;
    harness.world.hold("design");
    let mut ids = Vec::new();
    for goal in 0..103 {
        ids.insert(0, harness.submit(&format!("goal {goal}"), json!({})).await.id.to_string());
    }
    let first = Client::of(&harness).ask("resources/list", json!({})).await;
    assert_eq!((&first["ttlMs"], &first["cacheScope"]), (&json!(1_000), &json!("private")));
    let newest = &first["resources"][0];
    assert_eq!((&newest["name"], &newest["title"]), (&json!(ids[0]), &json!("shop: goal 102")));
    assert!(newest["annotations"]["lastModified"].is_string(), "{newest}");

    harness.stop_planner().await;
    harness.start_planner().await;
    let client = Client::of(&harness);
    let second = client.ask("resources/list", json!({"cursor": first["nextCursor"]})).await;
    let third = client.as_of(OLD[0]).ask("resources/list", json!({"cursor": second["nextCursor"]})).await;
    assert!(third.get("nextCursor").is_none());
    let pages = [&first, &second, &third];
    let listed: Vec<_> = pages.iter().flat_map(|page| uris(&page["resources"])).collect();
    assert_eq!(pages.map(|page| uris(&page["resources"]).len()), [50, 50, 3]);
    assert!(listed.iter().zip(&ids).all(|(uri, id)| *uri == format!("yonin://tasks/{id}")));

    let form = json!({"type": "ref/resource", "uri": "yonin://tasks/{id}/verdict"});
    let all = client.complete(form.clone(), "id", "").await["completion"].take();
    assert_eq!((&all["values"], &all["hasMore"], all.get("total")), (&json!(ids[..100]), &json!(true), None));
    let one = client.complete(form.clone(), "id", &ids[102]).await["completion"].take();
    assert_eq!(one, json!({"values": [ids[102]], "total": 1, "hasMore": false}));
    let begun = client.complete(form.clone(), "id", &ids[7][..30].to_uppercase()).await["completion"].take();
    assert!(begun["values"].as_array().expect("values").contains(&json!(ids[7])), "{begun}");
    let none = client.complete(form, "id", "zz").await["completion"].take();
    assert_eq!(none, json!({"values": [], "total": 0, "hasMore": false}));
}

#[tokio::test]
async fn apps_are_suggested_by_name() {
    let harness = Harness::start().await;
    for app in ["shop", "shelf", "blog"] {
        let task: protocol::task::Task = harness
            .post("/v1/tasks", json!({"goal": "posts(title:string!)", "app": app}))
            .await
            .json()
            .await
            .expect("a task");
        harness.ended(task.id).await;
    }
    let form = json!({"type": "ref/resource", "uri": "yonin://apps/{app}"});
    let prompts = ["new_feature", "fix_bug"].map(|name| json!({"type": "ref/prompt", "name": name}));
    for of in prompts.into_iter().chain([form]) {
        for version in OLD.into_iter().chain([super::client::NEW]) {
            let client = Client::of(&harness).as_of(version);
            let found = client.complete(of.clone(), "app", "sh").await["completion"].take();
            assert_eq!(found, json!({"values": ["shelf", "shop"], "total": 2, "hasMore": false}), "{version} {of}");
        }
    }
}

/// Whoever asks: MCP shows what REST shows, and hides what REST hides.
#[tokio::test]
async fn what_rest_hides_nobody_reads() {
    let harness = Harness::start().await;
    let task = harness.submit("posts(title:string!)", json!({})).await;
    harness.ended(task.id).await;
    let uri = format!("yonin://tasks/{}", task.id);
    let form = json!({"type": "ref/resource", "uri": "yonin://tasks/{id}"});
    let mut sees = Vec::new();
    for key in [harness.key(), &harness.mei, &harness.service] {
        let request = harness.without_key(&format!("/v1/tasks/{}", task.id)).bearer_auth(key.reveal());
        let shown = request.send().await.expect("an answer").status().is_success();
        let client = Client::of(&harness).with(key);
        for address in std::iter::once(uri.clone()).chain(KINDS.map(|kind| format!("{uri}/{kind}"))) {
            let read = client.read(&address).await;
            assert_eq!(read.get("contents").is_some(), shown, "{address}");
            if !shown {
                assert_eq!(read["data"]["code"], "not-found", "as if it did not exist");
            }
        }
        let listed = client.ask("resources/list", json!({})).await;
        assert_eq!(uris(&listed["resources"]).contains(&&*uri), shown);
        let suggested = client.complete(form.clone(), "id", &task.id.to_string()).await;
        assert_eq!(suggested["completion"]["total"], u32::from(shown));
        sees.push(shown);
    }
    assert!(sees[0] && !sees[2], "its owner does, a service does not: {sees:?}");
    let unknown = Client::of(&harness);
    let nobody = runtime::Credential::random();
    let answer = unknown.with(&nobody).request("resources/read", json!({"uri": uri})).send().await.expect("an answer");
    assert_eq!(answer.status(), 401);
}
