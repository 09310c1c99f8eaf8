//! What tools say, as MCP results.

use protocol::{Code, Problem};
use rmcp::model::{CallToolResult, ContentBlock, ErrorData};
use serde::Serialize;
use serde_json::Value;

/// Answers whose JSON is longer than this many bytes are not said a second time as text: clients that large answers are meant
/// for read the structured content.
const LONGEST_TEXT: usize = 256 * 1024;

/// An answer: its JSON as structured content, and the same as text for clients that know nothing else.
pub(super) fn good(value: Value) -> CallToolResult {
    let text = value.to_string();
    let text = if text.len() > LONGEST_TEXT {
        format!("{} bytes of JSON, in the structured content", text.len())
    } else {
        text
    };
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = value.is_object().then_some(value);
    result
}

/// With links after what the answer says.
pub(super) fn linked(mut result: CallToolResult, links: Vec<ContentBlock>) -> CallToolResult {
    result.content.extend(links);
    result
}

/// A problem as a tool's own error, which the caller's model reads.
pub(super) fn bad(problem: &Problem) -> CallToolResult {
    let mut result = CallToolResult::error(vec![ContentBlock::text(problem.to_string())]);
    result.structured_content = Some(json(problem));
    result
}

/// A problem as a protocol error, where there is no tool's result to put it in. The data carries the problem itself.
pub(super) fn protocol_error(problem: &Problem) -> ErrorData {
    let (message, data) = (problem.to_string(), Some(json(problem)));
    match problem.code {
        Code::NotFound
        | Code::BadRequest
        | Code::BadCursor
        | Code::BadGoal
        | Code::BadAppName
        | Code::BadRequestState => ErrorData::invalid_params(message, data),
        _ if problem.status < 500 => ErrorData::invalid_request(message, data),
        _ => ErrorData::internal_error(message, data),
    }
}

pub(super) fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("types on the wire are JSON")
}
