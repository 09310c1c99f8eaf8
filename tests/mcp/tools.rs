//! What the tools of all services show of themselves is what clients know.

use serde_json::{Value, json};
use tests::cluster::{Role, Setup};

/// The formats of JSON Schema, draft 2020-12, section 7.3 of its validation: of texts alone.
const FORMATS: [&str; 19] = [
    "date-time",
    "date",
    "time",
    "duration",
    "email",
    "idn-email",
    "hostname",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "iri",
    "iri-reference",
    "uuid",
    "uri-template",
    "json-pointer",
    "relative-json-pointer",
    "regex",
];

#[tokio::test]
async fn no_tool_has_a_format_that_json_schema_does_not_know() {
    let cluster = Setup::new().start().await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut known = 0;
    for role in Role::ALL {
        let request = http.post(format!("{}/mcp", cluster.proxy(role).origin())).bearer_auth(cluster.key_to(role));
        let request = request.header("accept", "application/json, text/event-stream");
        let list = request.json(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}));
        let listed: Value = list.send().await.expect("an answer").json().await.expect("JSON");
        let tools = listed["result"]["tools"].as_array().unwrap_or_else(|| panic!("{}: {listed}", role.name()));
        let found: Vec<_> =
            tools.iter().flat_map(|tool| formats(tool).into_iter().map(|it| (&tool["name"], it))).collect();
        let unknown: Vec<_> = found.iter().filter(|(_, format)| !FORMATS.contains(format)).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", role.name());
        known += found.len();
    }
    assert!(known > 0, "ids and times have some");
    cluster.stop().await;
}

/// Every `format` there is. A property of that name has no text but a schema.
fn formats(schema: &Value) -> Vec<&str> {
    let inner: Vec<&Value> = match schema {
        Value::Object(members) => members.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => return vec![],
    };
    let own = schema.get("format").and_then(Value::as_str);
    own.into_iter().chain(inner.into_iter().flat_map(formats)).collect()
}
