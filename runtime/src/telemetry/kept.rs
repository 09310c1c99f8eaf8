use super::otlp::Traces;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracerProvider, Span, SpanData, SpanProcessor},
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tracing_subscriber::{Layer, Registry};

/// Traces that go nowhere: a test looks at them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl Kept {
    /// What makes them of spans.
    pub(crate) fn layer(&self) -> impl Layer<Registry> + Send + Sync + use<> {
        Traces::of(SdkTracerProvider::builder().with_span_processor(self.clone()).build()).layer()
    }

    /// The spans that have ended.
    pub(crate) fn spans(&self) -> Vec<SpanData> {
        self.0.lock().expect("nothing panics while it is held").clone()
    }
}

impl SpanProcessor for Kept {
    fn on_start(&self, _span: &mut Span, _context: &opentelemetry::Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().expect("nothing panics while it is held").push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}
