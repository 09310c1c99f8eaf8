use super::{
    provider::{IN, OUT, Provider, Says},
    talk::{About, Talk},
};
use crate::model::limits::{Limits, Most};
use protocol::chat::Try;
use serde_json::json;

fn note(text: &str) -> Says {
    Says::call("note", &json!({"text": text}))
}

fn done() -> Says {
    Says::call("done", &json!({}))
}

#[tokio::test]
async fn a_worker_that_dies_in_a_call_repeats_that_call_alone_and_both_are_charged() {
    let provider = Provider::saying([note("a"), Says::Silence(String::new())]).await;
    // The call that nobody listens to any more is not in the way of the next.
    let talk = Talk::to(&provider, "openai", About::Notes).set("YONIN_MODEL_CALLS", "1");
    let mut begun = talk.begin().await;
    provider.was_asked(2).await;
    drop(begun.worker);
    begun.scene.store.end_leases().await.expect("ends");
    provider.says([note("b"), done()]);
    // Another replica.
    begun.jobs = talk.jobs(&begun.scene, &talk.models(), &begun.runs);
    begun.worker = begun.scene.worker(&begun.jobs);
    let ended = begun.ended(&provider).await;
    assert_eq!(ended.outcome, Ok(json!(["a", "b"])), "{}", ended.detail);
    assert_eq!(ended.asked.len(), 4, "one for each turn, and the second once more");
    assert_eq!(ended.asked[1].body, ended.asked[2].body, "word for word");
    let lost = ended.tries().into_iter().find_map(|one| match one {
        Try::Lost { tokens, .. } => Some(tokens.total()),
        _ => None,
    });
    assert_eq!(ended.spent.total(), 3 * (IN + OUT) + lost.expect("the call that nobody saw the end of"));
}

#[tokio::test]
async fn a_job_without_leave_to_call_lets_go_and_has_not_tried() {
    let provider = Provider::saying([done()]).await;
    let talk = Talk::to(&provider, "openai", About::Notes).set("YONIN_MODEL_CALLS", "1");
    let most = Most { calls: 1, tokens_per_minute: None };
    let permit = Limits::of(&format!("openai {}", provider.url()), most).enter(1).expect("nobody is there");
    let begun = talk.begin().await;
    begun.runs.reaches(1).await;
    begun.scene.store.end_pauses().await.expect("ends");
    crate::job::tests::scene::when(&begun.jobs, begun.id, |job| job.started_at.is_some()).await;
    assert!(begun.turns().await.is_empty());
    assert!(provider.asked().is_empty());
    drop(permit);
    let ended = begun.ended(&provider).await;
    assert_eq!((&ended.outcome, ended.asked.len(), ended.tries().len()), (&Ok(json!([])), 1, 1));
    assert!(begun.runs.now() >= 2, "it was let go in between");
}
