//! An MCP client that sends what a test says, and nothing else.

use super::super::harness::Harness;
use reqwest::RequestBuilder;
use runtime::Credential;
use serde_json::{Value, json};

pub(super) const NEW: &str = "2026-07-28";
pub(super) const OLD: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// Who calls, where, and in which revision.
#[derive(Clone, Copy)]
pub(super) struct Client<'a> {
    pub(super) origin: &'a str,
    pub(super) key: &'a Credential,
    pub(super) version: &'a str,
}

impl<'a> Client<'a> {
    /// The person of the harness, in the newest revision.
    pub(super) fn of(harness: &'a Harness) -> Self {
        Self { origin: harness.origin(), key: harness.key(), version: NEW }
    }

    pub(super) fn as_of(self, version: &'a str) -> Self {
        Self { version, ..self }
    }

    pub(super) fn with(self, key: &'a Credential) -> Self {
        Self { key, ..self }
    }

    pub(super) fn request(&self, method: &str, mut params: Value) -> RequestBuilder {
        let request = reqwest::Client::new()
            .post(format!("{}/mcp", self.origin))
            .bearer_auth(self.key.reveal())
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", self.version);
        let untasked = params.as_object_mut().expect("an object").remove("untasked").is_some();
        if self.version != NEW {
            return request.json(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}));
        }
        let name = ["name", "uri", "taskId"].iter().find_map(|name| params[name].as_str()).map(str::to_owned);
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": NEW,
            "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}},
        });
        if untasked {
            params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
        }
        let request = request.header("mcp-method", method);
        let request = match name {
            Some(name) => request.header("mcp-name", name),
            None => request,
        };
        request.json(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
    }

    /// What comes back: the result, or the error.
    pub(super) async fn ask(&self, method: &str, params: Value) -> Value {
        let answer = self.request(method, params).send().await.expect("an answer");
        let mut answer: Value = answer.json().await.expect("JSON");
        let part = if answer.get("error").is_some() { "error" } else { "result" };
        answer[part].take()
    }

    /// A tool's answer, as a client without the tasks extension gets it.
    pub(super) async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({"name": tool, "arguments": arguments, "untasked": true})).await
    }

    pub(super) async fn read(&self, uri: &str) -> Value {
        self.ask("resources/read", json!({"uri": uri})).await
    }

    /// What is suggested for this argument.
    pub(super) async fn complete(&self, of: Value, argument: &str, typed: &str) -> Value {
        let params = json!({"ref": of, "argument": {"name": argument, "value": typed}});
        self.ask("completion/complete", params).await
    }
}

/// The addresses in a list or among an answer's links.
pub(super) fn uris(listed: &Value) -> Vec<&str> {
    listed.as_array().expect("a list").iter().filter_map(|it| it["uri"].as_str()).collect()
}
