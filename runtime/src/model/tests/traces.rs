use super::{
    provider::{Provider, Says},
    talk::{About, KEY, Talk},
};
use crate::telemetry::kept::Kept;
use opentelemetry_sdk::trace::SpanData;
use protocol::chat::Try;
use tracing_subscriber::prelude::*;

fn says(span: &SpanData, key: &str) -> Option<String> {
    span.attributes.iter().find(|pair| pair.key.as_str() == key).map(|pair| pair.value.to_string())
}

#[tokio::test]
async fn every_call_of_a_model_is_part_of_its_run_and_says_what_it_took() {
    let kept = Kept::default();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(kept.layer()));
    let busy = Says::Status(503, Vec::new(), format!("not now, {KEY}"));
    let provider = Provider::saying([busy, Says::text(r#"{"plan": "a secret plan"}"#)]).await;
    let ended = Talk::to(&provider, "openai", About::Plan).ended(&provider).await;
    assert!(ended.outcome.is_ok(), "{}", ended.detail);

    let spans = kept.spans();
    let calls: Vec<_> = spans.iter().filter(|span| span.name == "chat test").collect();
    let errors: Vec<_> = calls.iter().map(|call| says(call, "error.type")).collect();
    assert_eq!(errors, [Some("model-unavailable".to_owned()), None]);
    let Try::Answered(reply) = &ended.turns[0].tries[1] else { panic!("it answers: {:?}", ended.turns) };
    assert_eq!(says(calls[1], "gen_ai.usage.output_tokens"), Some(reply.tokens.output.to_string()));
    assert_eq!(says(calls[1], "gen_ai.provider.name").as_deref(), Some("openai"));
    for call in calls {
        let run = spans.iter().find(|span| span.span_context.span_id() == call.parent_span_id).expect("a run");
        assert_eq!(run.name, "run script");
    }
    let all = format!("{spans:?}");
    assert!(!all.contains(KEY) && !all.contains("secret plan") && !all.contains(&provider.url()), "{all}");
}
