//! Where traces go: to a collector, by OTLP over HTTP.

use super::span;
use opentelemetry::{Key, KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{ExporterBuildError, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::runtime::Handle;
use tracing_subscriber::{Layer, Registry, filter::FilterFn};

/// How long a process waits, at its end, for what was not sent yet.
const FLUSH: Duration = Duration::from_secs(3);
/// How long it takes to find out that nobody listens.
const CONNECT: Duration = Duration::from_secs(5);

/// How long it may take to answer, unless told.
const PATIENCE: Duration = Duration::from_secs(10);

/// The variables that say how long it may take, in milliseconds.
const TIMEOUTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
/// The variables that say where the collector is.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The traces of a process on their way to a collector, if it is told of one.
#[derive(Debug)]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// What the variables that OpenTelemetry names ask for; nothing unless they name an endpoint.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn of_process(service: &str) -> Result<Self, Mistake> {
        let variable = |name: &str| std::env::var(name).ok();
        if !wanted(variable) {
            return Ok(Self(None));
        }
        let (exporter, resource) = (OnRuntime::new(variable)?, resource(service));
        let provider = SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build();
        Ok(Self(Some(provider)))
    }

    /// None.
    pub(super) fn none() -> Self {
        Self(None)
    }

    #[cfg(test)]
    pub(super) fn of(provider: SdkTracerProvider) -> Self {
        Self(Some(provider))
    }

    /// What makes them of spans: of ours alone, never of a library's, which nobody has looked at for secrets.
    pub(super) fn layer(&self) -> Option<Box<dyn Layer<Registry> + Send + Sync>> {
        let tracer = self.0.as_ref()?.tracer("yonin");
        let layer = tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false);
        Some(layer.with_filter(FilterFn::new(span::is_traced)).boxed())
    }

    /// Sends what was not sent yet, for 3 s at most.
    pub async fn end(self) {
        let Some(provider) = self.0 else { return };
        // It blocks, and the exporter needs the threads that others run on.
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH)).await;
        if let Ok(Err(error)) = ended {
            tracing::warn!(%error, "Not all traces were sent before the end");
        }
    }
}

/// Why no traces go out that are wanted.
#[derive(Debug, thiserror::Error)]
pub(super) enum Mistake {
    /// A variable says what can't be.
    #[error(transparent)]
    Variable(#[from] ExporterBuildError),
    /// There are no certificates of authorities.
    #[error("this machine can't speak HTTPS")]
    Https(#[from] reqwest::Error),
}

impl Mistake {
    /// What may be said of it where others read.
    pub(super) fn in_log(&self) -> &'static str {
        match self {
            Self::Variable(_) => "an endpoint that is no address, or another value that can't be read",
            Self::Https(_) => "this machine can't speak HTTPS",
        }
    }
}

/// Whether traces are to go out.
fn wanted(variable: impl Fn(&str) -> Option<String>) -> bool {
    let says = |name, word: &str| variable(name).is_some_and(|value| value.trim().eq_ignore_ascii_case(word));
    endpoint(&variable).is_some() && !says("OTEL_SDK_DISABLED", "true") && !says("OTEL_TRACES_EXPORTER", "none")
}

/// Where they go. An empty variable is none.
fn endpoint(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    ENDPOINTS.into_iter().find_map(|name| variable(name).filter(|value| !value.trim().is_empty()))
}

/// How long one request may take: a collector that takes it and says nothing would hold up all that follow.
fn patience(variable: impl Fn(&str) -> Option<String>) -> Duration {
    let millis = TIMEOUTS.into_iter().find_map(|name| variable(name)?.trim().parse().ok());
    millis.map_or(PATIENCE, Duration::from_millis)
}

/// Who we are: what the variables say, and by default the service's own name.
fn resource(service: &str) -> Resource {
    let told = Resource::builder().build();
    let name = told.get(&Key::new("service.name")).map(|name| name.to_string());
    let mut resource = Resource::builder();
    // The library's word for a service that nobody has named.
    if name.is_none_or(|name| name.starts_with("unknown_service")) {
        resource = resource.with_service_name(format!("yonin-{service}"));
    }
    if told.get(&Key::new("service.version")).is_none() {
        resource = resource.with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    }
    resource.build()
}

/// An exporter whose requests run where all others do. The library calls it on a thread of its own, on which no network works.
#[derive(Debug)]
struct OnRuntime {
    exporter: Arc<opentelemetry_otlp::SpanExporter>,
    runtime: Handle,
    /// The last batch did not arrive.
    failing: AtomicBool,
}

impl OnRuntime {
    fn new(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Mistake> {
        let client = client(&endpoint(&variable).unwrap_or_default(), patience(&variable))?;
        let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().with_http_client(client);
        let (runtime, failing) = (Handle::current(), AtomicBool::new(false));
        Ok(Self { exporter: Arc::new(exporter.build()?), runtime, failing })
    }

    /// Says once that nothing arrives, and once that it does again.
    fn tell(&self, exported: &OTelSdkResult) {
        match (self.failing.swap(exported.is_err(), Ordering::Relaxed), exported) {
            (false, Err(error)) => tracing::warn!(%error, "Traces do not reach the collector, and are dropped"),
            (true, Ok(())) => tracing::info!("Traces reach the collector again"),
            _ => {}
        }
    }
}

impl SpanExporter for OnRuntime {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exporter = Arc::clone(&self.exporter);
        let exported = self.runtime.spawn(async move { exporter.export(batch).await }).await;
        let exported = exported.unwrap_or_else(|broken| Err(OTelSdkError::InternalFailure(broken.to_string())));
        self.tell(&exported);
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        // Nobody else holds it: nothing is exported before.
        if let Some(exporter) = Arc::get_mut(&mut self.exporter) {
            exporter.set_resource(resource);
        }
    }
}

/// A redirect could carry a key to somebody else, so none is followed. Plain HTTP is for a collector nearby: it is reached directly,
/// whatever proxy the environment names, and needs no list of authorities, which a container may not have.
fn client(endpoint: &str, patience: Duration) -> Result<reqwest::Client, reqwest::Error> {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let mut http = http.connect_timeout(CONNECT).timeout(patience);
    if !endpoint.trim_start().to_ascii_lowercase().starts_with("https:") {
        http = http.no_proxy().tls_certs_only([]);
    }
    http.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_out_only_where_they_are_wanted() {
        let with = |variables: &[(&str, &str)]| {
            wanted(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(!with(&[]));
        assert!(!with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", ""), ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", " ")]));
        for endpoint in ENDPOINTS {
            let here = (endpoint, "http://collector:4318");
            assert!(with(&[here]));
            assert!(with(&[here, ("OTEL_SDK_DISABLED", "false"), ("OTEL_TRACES_EXPORTER", "otlp")]));
            assert!(!with(&[here, ("OTEL_SDK_DISABLED", "TRUE")]));
            assert!(!with(&[here, ("OTEL_TRACES_EXPORTER", "none")]));
        }
    }

    #[test]
    fn an_empty_variable_says_nothing() {
        let variable = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" | "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT" => Some(" ".to_owned()),
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("HTTPS://collector".to_owned()),
            _ => Some("250".to_owned()),
        };
        assert_eq!(endpoint(variable).as_deref(), Some("HTTPS://collector"));
        assert_eq!(patience(variable), Duration::from_millis(250));
        assert_eq!(patience(|_| None), PATIENCE);
    }

    #[test]
    fn a_service_has_a_name_of_its_own() {
        let name = resource("planner").get(&Key::new("service.name")).map(|name| name.to_string());
        assert_eq!(name.as_deref(), Some("yonin-planner"));
    }
}
