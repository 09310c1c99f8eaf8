//! The spans that traces are made of. Names and attributes are those of OpenTelemetry's conventions where it has some; beside
//! them stand our own: `task.id`, `job.id`, `app`. No goal, no argument, no answer and no key is in any of them.

use super::context::TraceContext;
use crate::job::JobRecord;
use http::{StatusCode, Uri};
use opentelemetry::{
    Context, KeyValue,
    trace::{Status, TraceContextExt as _},
};
use protocol::{AppName, TaskId, chat::Try};
use serde_json::Value;
use std::str::FromStr;
use tracing::{Metadata, Span};

/// What these spans are told from all others by. They are in no log line.
const TARGET: &str = "yonin::trace";

/// Whether it is one of them.
pub(super) fn is_traced(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == TARGET
}

/// What log lines that are written in a span carry of it: its trace. Nothing where no traces go out.
pub(crate) fn in_log(span: &Span) -> Span {
    match TraceContext::of_span(span) {
        Some(here) => tracing::info_span!("traced", trace.id = here.trace_id()),
        None => Span::none(),
    }
}

/// A request that is answered.
pub(crate) fn request(service: &'static str, method: &str, route: Option<&str>, from: Option<&TraceContext>) -> Span {
    let span = tracing::info_span!(
        target: TARGET,
        "request",
        otel.name = route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}")),
        otel.kind = "server",
        yonin.service = service,
        http.request.method = method,
        http.route = route,
    );
    continued(span, from)
}

/// Says what a request came to.
pub(crate) fn answered(span: &Span, status: StatusCode) {
    span.in_scope(|| {
        attribute("http.response.status_code", i64::from(status.as_u16()));
        if status.is_server_error() {
            failed(status.as_str());
        }
    });
}

/// A call of one of our tools. Who calls may be in another trace than the request that carries the call: then the two are linked.
pub(crate) fn tool_call(
    service: &'static str,
    tool: &str,
    arguments: &Value,
    from: Option<&TraceContext>,
    request: Option<&TraceContext>,
) -> Span {
    let span = tracing::info_span!(
        target: TARGET,
        "tools/call",
        otel.name = format!("tools/call {tool}"),
        otel.kind = "server",
        yonin.service = service,
        mcp.method.name = "tools/call",
        gen_ai.operation.name = "execute_tool",
        gen_ai.tool.name = tool,
        app = app(arguments),
        task.id = task(arguments),
    );
    if let Some(request) = request.filter(|_| from.is_some()) {
        request.link_to(&span);
    }
    continued(span, from.or(request))
}

/// One run of a job, from its claim until it lets go.
pub(crate) fn run(service: &'static str, tool: &'static str, job: &JobRecord, from: Option<&TraceContext>) -> Span {
    let span = tracing::info_span!(
        target: TARGET,
        parent: None,
        "run",
        otel.name = format!("run {tool}"),
        otel.kind = "consumer",
        yonin.service = service,
        job.id = %job.id,
        job.tool = tool,
        job.fence = job.fence,
        app = app(&job.input),
        task.id = task(&job.input),
    );
    continued(span, from)
}

/// A call of a peer, with all its tries.
pub(crate) fn peer_call(endpoint: &str, method: &str, tool: Option<&str>) -> Span {
    let at = endpoint.parse::<Uri>().unwrap_or_default();
    tracing::info_span!(
        target: TARGET,
        "call",
        otel.name = tool.map_or_else(|| method.to_owned(), |tool| format!("{method} {tool}")),
        otel.kind = "client",
        mcp.method.name = method,
        gen_ai.tool.name = tool,
        server.address = at.host(),
        server.port = at.port_u16(),
    )
}

/// A call of a language model, as its setting names it: `PROVIDER:MODEL[@URL]`, of which the address stays out.
pub(crate) fn model_call(model: &str) -> Span {
    let (provider, name) = model.split_once(':').unwrap_or(("", model));
    let name = name.split("@http").next().unwrap_or_default();
    tracing::info_span!(
        target: TARGET,
        "chat",
        otel.name = format!("chat {name}"),
        otel.kind = "client",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = provider,
        gen_ai.request.model = name,
    )
}

/// Says what a call of a language model took, on the current span.
pub(crate) fn thought(tried: &Try) {
    let tokens = match tried {
        Try::Answered(reply) => reply.tokens,
        Try::Refused { problem, tokens, .. } => {
            failed(problem.code.as_str());
            *tokens
        }
        Try::Lost { tokens, .. } => *tokens,
    };
    attribute("gen_ai.usage.input_tokens", i64::try_from(tokens.input).unwrap_or(i64::MAX));
    attribute("gen_ai.usage.output_tokens", i64::try_from(tokens.output).unwrap_or(i64::MAX));
}

/// Says that what goes on came to nothing, and the code of why, on the current span.
pub(crate) fn failed(code: &str) {
    Context::map_current(|context| {
        let span = context.span();
        span.set_attribute(KeyValue::new("error.type", code.to_owned()));
        span.set_status(Status::error(code.to_owned()));
    });
}

/// Adds to what is known of the current span.
pub(crate) fn attribute(key: &'static str, value: impl Into<opentelemetry::Value>) {
    Context::map_current(|context| context.span().set_attribute(KeyValue::new(key, value)));
}

fn continued(span: Span, from: Option<&TraceContext>) -> Span {
    if let Some(from) = from {
        from.continue_in(&span);
    }
    span
}

fn app(input: &Value) -> Option<String> {
    named::<AppName>(input, "app")
}

fn task(input: &Value) -> Option<String> {
    named::<TaskId>(input, "task")
}

/// What a tool is about: every one of ours that is about an app or a task calls it so, itself or in the plan that it is given.
fn named<N: FromStr + ToString>(input: &Value, name: &str) -> Option<String> {
    let value = input.get(name).or_else(|| input.get("plan")?.get(name))?;
    value.as_str()?.parse::<N>().ok().map(|it| it.to_string())
}
