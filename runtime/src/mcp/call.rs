//! What a request says, and who makes it.

use super::{IDEMPOTENCY_META, SHARE_META, answer};
use crate::{Principal, decode, http::Caller};
use protocol::{Code, JobId, Problem};
use rmcp::{
    ErrorData, RoleServer,
    model::{CallToolRequestParams, InputResponses, ProtocolVersion},
    service::RequestContext,
};
use serde_json::Value;

/// What is read of a share, in characters.
const LONGEST_SHARE: usize = 128;
const IDEMPOTENCY_HEADER: &str = "idempotency-key";
/// The longest idempotency key, in bytes.
const LONGEST_KEY: usize = 255;

/// A call, taken out of its request.
pub(super) struct Call {
    pub(super) arguments: Value,
    pub(super) idempotency_key: Result<Option<String>, Problem>,
    pub(super) share: Option<String>,
    pub(super) wants_task: bool,
    /// A person's answers, and what says to which questions.
    pub(super) responses: InputResponses,
    pub(super) request_state: Option<String>,
    /// Clients before 2025-06-18 know no links in answers.
    pub(super) reads_links: bool,
}

impl Call {
    pub(super) fn of(request: CallToolRequestParams, context: &RequestContext<RoleServer>) -> Self {
        Self {
            arguments: Value::Object(request.arguments.unwrap_or_default()),
            idempotency_key: idempotency_key(context),
            share: context
                .meta
                .get(SHARE_META)
                .and_then(Value::as_str)
                .map(|share| share.chars().take(LONGEST_SHARE).collect()),
            reads_links: reads_links(context),
            wants_task: context.client_capabilities().is_some_and(|capabilities| capabilities.supports_tasks()),
            responses: request.input_responses.unwrap_or_default(),
            request_state: request.request_state,
        }
    }
}

/// Links in answers came with 2025-06-18.
pub(super) fn reads_links(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| version.as_str() >= ProtocolVersion::V_2025_06_18.as_str())
}

pub(super) fn caller(context: &RequestContext<RoleServer>) -> Result<Principal, ErrorData> {
    let parts = context.extensions.get::<http::request::Parts>();
    let caller = parts.map(|parts| Caller::of(&parts.extensions));
    caller
        .unwrap_or_else(|| Err(Code::Unauthorized.problem("the call came without a request")))
        .map_err(|problem| answer::protocol_error(&problem))
}

pub(super) fn job_id(text: &str) -> Result<JobId, ErrorData> {
    text.parse().map_err(|_| answer::protocol_error(&Code::NotFound.problem("there is no such task")))
}

fn idempotency_key(context: &RequestContext<RoleServer>) -> Result<Option<String>, Problem> {
    let headers = context.extensions.get::<http::request::Parts>().map(|parts| &parts.headers);
    let key = match (context.meta.get(IDEMPOTENCY_META), headers.and_then(|headers| headers.get(IDEMPOTENCY_HEADER))) {
        (Some(value), _) => decode::value::<String>(value.clone())?,
        (None, Some(header)) => String::from_utf8_lossy(header.as_bytes()).into_owned(),
        (None, None) => return Ok(None),
    };
    if key.is_empty() || key.len() > LONGEST_KEY {
        return Err(Code::BadRequest.problem(format!("an idempotency key has 1 to {LONGEST_KEY} bytes")));
    }
    Ok(Some(key))
}
