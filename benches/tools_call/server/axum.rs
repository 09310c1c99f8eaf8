//! Bare axum: what answering this JSON costs at the least.

use super::Serving;
use axum::{Json, Router, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(super) async fn start() -> anyhow::Result<Serving> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, Router::new().route("/mcp", post(answer))).await });
    Ok(Serving { origin, _running: None })
}

/// The same answer as an MCP server gives.
async fn answer(Json(mut request): Json<Value>) -> Json<Value> {
    let arguments = request["params"]["arguments"].take();
    let text = json!([{"type": "text", "text": arguments.to_string()}]);
    let result = json!({"resultType": "complete", "content": text, "structuredContent": arguments, "isError": false});
    Json(json!({"jsonrpc": "2.0", "id": request["id"], "result": result}))
}
