use super::{
    provider::{Provider, Says},
    talk::{About, KEY, Talk},
};
use crate::telemetry::{discreet, kept::Kept};
use serde_json::json;
use std::{
    io,
    sync::{Arc, Mutex},
};
use tracing_subscriber::{fmt, prelude::*};

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("a log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_key_is_in_no_log_no_trace_no_problem_and_no_conversation() {
    let log = Log::default();
    let writer = log.clone();
    let layer = fmt::layer().with_ansi(false).with_writer(move || writer.clone());
    let kept = Kept::default();
    let subscriber = tracing_subscriber::registry().with(kept.layer()).with(layer.with_filter(discreet()));
    let _guard = tracing::subscriber::set_default(subscriber);
    let words =
        json!({"error": {"message": format!("Incorrect API key provided: {KEY}. Your header was Bearer {KEY}.")}});
    for format in ["openai", "responses", "anthropic", "ollama"] {
        for says in
            [Says::Status(401, Vec::new(), words.to_string()), Says::Status(500, Vec::new(), format!("<p>{KEY}</p>"))]
        {
            let provider = Provider::saying([says]).await;
            let ended = Talk::to(&provider, format, About::Plan).ended(&provider).await;
            assert!(ended.outcome.is_err() && ended.detail.contains("(key)"), "{format}: {}", ended.detail);
            assert!(!ended.detail.contains(KEY), "{format}: {}", ended.detail);
            assert!(!serde_json::to_string(&ended.turns).expect("JSON").contains(KEY), "{format}");
        }
    }
    let log = String::from_utf8(log.0.lock().expect("a log").clone()).expect("text");
    assert!(log.contains("A job failed"), "the log is read: {log}");
    assert!(!log.contains(KEY), "{log}");
    let spans = format!("{:?}", kept.spans());
    assert!(spans.contains("chat test") && !spans.contains(KEY), "{spans}");
    let trace = kept.spans()[0].span_context.trace_id().to_string();
    assert!(log.contains(&format!("trace.id=\"{trace}\"")), "lines say which trace they are of: {log}");
}
