//! Logs, metrics and traces.

mod catalogue;
mod context;
#[cfg(test)]
pub(crate) mod kept;
mod otlp;
pub(crate) mod span;

pub use catalogue::{Kind, METRICS, Metric};
pub(crate) use context::{TRACEPARENT, TRACESTATE, TraceContext};
pub use otlp::Traces;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use protocol::TaskId;
use std::{
    io::{self, IsTerminal as _},
    sync::OnceLock,
    time::Duration,
};
use tracing::Metadata;
use tracing_subscriber::{
    EnvFilter,
    filter::{FilterExt as _, FilterFn},
    fmt,
    prelude::*,
};

/// What is logged unless told: the MCP library says at every request what only its developers want to know.
const DEFAULT_LEVELS: &str = "info,rmcp=warn";

/// Starts logging to standard error: JSON lines when `YONIN_LOG_FORMAT` is `json`, text otherwise; the level from `YONIN_LOG`
/// (`info,rmcp=warn` unless given). Colours only on a terminal, and not when `NO_COLOR` is set. What is measured from here on is kept for
/// `/metrics`. Call it once, in `main`; a second call changes nothing.
///
/// No traces go out: what comes and goes has nothing to trace.
pub fn start() -> Traces {
    let traces = Traces::none();
    begin(&traces);
    traces
}

/// As [`start`], for a service that runs from here on: its traces go out by OTLP over HTTP when the variables that OpenTelemetry
/// names for it (`OTEL_EXPORTER_OTLP_ENDPOINT`) say where to; it is `yonin-` and this name there, unless they say otherwise. Whatever
/// becomes of the traces, the service works. Call it inside the runtime that the service runs on.
pub fn start_traced(service: &str) -> Traces {
    let (traces, mistake) = match Traces::of_process(service) {
        Ok(traces) => (traces, None),
        Err(mistake) => (Traces::none(), Some(mistake)),
    };
    begin(&traces);
    if let Some(mistake) = mistake {
        // An address may hold a password, and the library shows addresses that are none.
        let why = mistake.in_log();
        tracing::warn!(why, "The variables OTEL_* ask for what can't be done; no traces go out");
    }
    traces
}

/// Says of the span that goes on which task it is about.
pub fn about(task: TaskId) {
    span::attribute("task.id", task.to_string());
}

fn begin(traces: &Traces) {
    let wanted = std::env::var("YONIN_LOG").unwrap_or_else(|_| DEFAULT_LEVELS.to_owned());
    let (filter, mistake) = match EnvFilter::try_new(wanted) {
        Ok(filter) => (filter, None),
        Err(mistake) => (EnvFilter::new(DEFAULT_LEVELS), Some(mistake)),
    };
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let layer = fmt::layer().with_writer(io::stderr).with_ansi(colours);
    let json = std::env::var("YONIN_LOG_FORMAT").is_ok_and(|format| format == "json");
    let layer = if json { layer.json().flatten_event(true).boxed() } else { layer.with_target(false).boxed() };
    let log = layer.with_filter(filter.and(discreet()).and(FilterFn::new(|metadata| !span::is_traced(metadata))));
    // Fails only when somebody started before: a test, or the program around us.
    let _ = tracing_subscriber::registry().with(traces.layer()).with(log).try_init();
    if let Some(mistake) = mistake {
        tracing::warn!(%mistake, "YONIN_LOG is not understood; logging at info");
    }
    recorder();
}

/// Whatever the level, the library that speaks with language models says nothing: it would quote what providers answer, which may
/// quote a key, or a conversation.
pub(crate) fn discreet() -> FilterFn {
    FilterFn::new(|event: &Metadata<'_>| !event.target().starts_with("genai"))
}

/// Upper bounds of the buckets of everything measured in seconds.
const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0];

/// What the process has measured, for `/metrics`. The recorder is the process's own, as the `metrics` crate wants it: all
/// services of one process share it and label what they record with their name.
pub(crate) fn recorder() -> Option<&'static PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    RECORDER.get_or_init(install).as_ref()
}

fn install() -> Option<PrometheusHandle> {
    let installed = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .and_then(PrometheusBuilder::install_recorder);
    match installed {
        Ok(handle) => {
            catalogue::describe();
            Some(handle)
        }
        Err(error) => {
            tracing::warn!(%error, "Metrics are not recorded: another recorder was there first");
            None
        }
    }
}

/// Empties the recorder's buffers now and then, so that a process nobody scrapes does not grow.
pub(crate) async fn keep_up() {
    let mut ticks = tokio::time::interval(Duration::from_secs(10));
    loop {
        ticks.tick().await;
        if let Some(recorder) = recorder() {
            recorder.run_upkeep();
        }
    }
}
