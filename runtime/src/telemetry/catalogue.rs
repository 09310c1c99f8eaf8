use metrics::{describe_counter, describe_gauge, describe_histogram};

/// Something that services measure. Its name ends with its unit, and with `_total` when it only grows while the process lives.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name at `/metrics`.
    pub name: &'static str,
    /// How it changes.
    pub kind: Kind,
    /// What tells its series apart.
    pub labels: &'static [&'static str],
    /// What it is.
    pub meaning: &'static str,
}

/// How a metric changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Measurements, counted in buckets.
    Histogram,
}

impl Kind {
    /// As Prometheus calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Everything that any service measures: what `/metrics` says of them, and the table in the operator's handbook.
pub const METRICS: &[Metric] = &[
    gauge(
        "yonin_jobs",
        &["agent", "state"],
        "Open jobs in the store: queued and due, blocked by another of their lane, running, waiting, asking a person, in_doubt. Counted every 5 s; every replica of an agent counts the same rows",
    ),
    gauge("yonin_queue_age_seconds", &["agent"], "How long the oldest queued job that nothing blocks has been due"),
    gauge("yonin_slots", &["agent"], "Jobs that this replica runs at once"),
    gauge("yonin_store_up", &["agent"], "1 when the store answered at the last count, 0 when it did not"),
    gauge(
        "yonin_hints_connected",
        &[],
        "1 when hints pass over Redis, 0 when replicas poll; only where YONIN_HINTS_URL is set",
    ),
    gauge(
        "yonin_environment_up",
        &["server"],
        "1 when the environment's mysql or redis answered the host, which asks every 10 s, 0 when it did not within 5 s",
    ),
    counter("yonin_hints_dropped_total", &[], "Hints that were not passed on because too many waited"),
    counter(
        "yonin_store_retries_total",
        &[],
        "Transactions that were tried again: others were in the way, or a connection broke",
    ),
    counter("yonin_jobs_claimed_total", &["agent"], "Jobs that this replica began or took up again"),
    counter(
        "yonin_runs_total",
        &["tool", "ended"],
        "Runs of jobs by what they came to: done, failed, cancelled, retried, handed_back, in_doubt, waiting",
    ),
    counter(
        "yonin_jobs_failed_total",
        &["agent", "tool", "code"],
        "Jobs that ended badly, by the code of their problem",
    ),
    counter(
        "yonin_jobs_dead_total",
        &["agent", "tool", "reason"],
        "Jobs that were given up: too many failures in a row, or too many lost_leases",
    ),
    counter(
        "yonin_jobs_lost_total",
        &["tool"],
        "Jobs that this replica lost in the middle: it could not renew its lease, or another took them over",
    ),
    counter(
        "yonin_model_calls_total",
        &["agent", "model", "outcome"],
        "Calls of language models: answered, refused, lost",
    ),
    counter("yonin_model_tokens_total", &["agent", "model", "direction"], "Tokens that calls took: in, out"),
    counter(
        "yonin_model_cost_microdollars_total",
        &["agent", "model"],
        "Millionths of a US dollar that calls took; only for models with a price in YONIN_MODEL_PRICES",
    ),
    counter(
        "yonin_releases_total",
        &["outcome"],
        "Releases that the host made live (activated), and ways back that it took (rolled_back)",
    ),
    gauge(
        "yonin_waiting_calls",
        &["service"],
        "MCP calls that wait for a job right now; each holds a connection, for 45 s at most",
    ),
    counter(
        "yonin_requests_too_fast_total",
        &[],
        "Requests that were refused with 429: more than their caller may send",
    ),
    counter(
        "yonin_tool_calls_total",
        &["service", "tool", "outcome"],
        "Calls of MCP tools; the outcome is ok or the code of a problem",
    ),
    counter("yonin_http_requests_total", &["service", "method", "route", "status"], "Requests that were answered"),
    histogram("yonin_http_request_seconds", &["service", "method", "route"], "How long answers took to begin"),
];

const fn counter(name: &'static str, labels: &'static [&'static str], meaning: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, meaning }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], meaning: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, meaning }
}

const fn histogram(name: &'static str, labels: &'static [&'static str], meaning: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, labels, meaning }
}

/// Tells the recorder what everything means, and begins to count where there is nothing to tell apart: an increase is seen only from
/// a value that was there before.
pub(super) fn describe() {
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => {
                describe_counter!(metric.name, metric.meaning);
                if metric.labels.is_empty() {
                    metrics::counter!(metric.name).absolute(0);
                }
            }
            Kind::Gauge => describe_gauge!(metric.name, metric.meaning),
            Kind::Histogram => describe_histogram!(metric.name, metric.meaning),
        }
    }
}
