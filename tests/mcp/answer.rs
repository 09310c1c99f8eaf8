//! What every answer is like, whatever was asked. Shared with `fuzz`, which asks for everything.

use serde_json::Value;

/// Looks at an answer.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check(status: u16, kind: &str, text: &str) -> Result<(), &'static str> {
    let json = |text: &str| serde_json::from_str::<Value>(text).map_err(|_| "no JSON");
    if status >= 500 || text.contains(r#""code":"internal""#) {
        return Err("it broke");
    }
    match kind.split(';').next().unwrap_or_default() {
        "application/json" => is_rpc(&json(text)?),
        "application/problem+json" => {
            let problem = json(text)?;
            let is_one = problem["code"].is_string() && problem["status"] == status;
            if is_one { Ok(()) } else { Err("a problem without a code, or with another status") }
        }
        "text/event-stream" => {
            let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
            data.filter(|data| !data.trim().is_empty()).try_for_each(|data| is_rpc(&json(data)?))
        }
        // Words, of those who know no JSON: what is wrong with the request of HTTP. Or nothing at all, to a notification.
        "text/plain" | "" if matches!(status, 202 | 400 | 405 | 406 | 415 | 422) => Ok(()),
        _ => Err("a kind of answer that nobody expects"),
    }
}

fn is_rpc(message: &Value) -> Result<(), &'static str> {
    let (result, error) = (&message["result"], &message["error"]);
    let error_is_one = error["code"].is_i64() && error["message"].is_string();
    let is_answer = result.is_object() != error_is_one && (message.get("id").is_some() || error_is_one);
    let is_message = message["method"].is_string();
    if message["jsonrpc"] == "2.0" && (is_answer || is_message) { Ok(()) } else { Err("no message of JSON-RPC") }
}
