use super::{
    provider::{IN, OUT, Provider, Says},
    talk::{About, Talk},
};
use protocol::{Code, chat::Tokens};
use serde_json::json;

fn note() -> Says {
    Says::call("note", &json!({"text": "n"}))
}

#[tokio::test]
async fn tokens_and_dollars_are_charged_as_the_provider_counts() {
    let provider = Provider::saying([note(), Says::call("done", &json!({}))]).await;
    let talk = Talk::to(&provider, "openai", About::Notes).set("YONIN_MODEL_PRICES", "openai:test=1/10");
    let ended = talk.ended(&provider).await;
    assert_eq!(ended.spent, Tokens { input: 2 * IN, output: 2 * OUT, micro_usd: Some(2 * IN + 20 * OUT) });
}

#[tokio::test]
async fn what_a_provider_does_not_count_is_estimated() {
    let text = format!(r#"{{"plan": "{}"}}"#, "x".repeat(2_980));
    let provider = Provider::saying([Says::Uncounted(text)]).await;
    let ended = Talk::to(&provider, "openai", About::Plan).ended(&provider).await;
    assert_eq!(ended.spent.output, 998);
    assert!((50..200).contains(&ended.spent.input), "{:?}", ended.spent);
}

#[tokio::test]
async fn a_call_that_the_budget_does_not_cover_is_not_made() {
    for (tokens, micro_usd, prices, calls) in [
        (400, None, "", 0),
        // Three calls are covered, and what they leave does not cover a fourth.
        (1_000, None, "", 3),
        (200_000, Some(10), "openai:test=1/10", 0),
        // The answers may be shorter and shorter, and then too short.
        (200_000, Some(6_000), "openai:test=1/10", 4),
        // Nobody knows what it would cost.
        (200_000, Some(1_000_000), "", 0),
    ] {
        let provider = Provider::saying([note()]).await;
        let talk = Talk::to(&provider, "openai", About::Notes).may_spend(tokens, micro_usd);
        let ended = talk.set("YONIN_MODEL_PRICES", prices).ended(&provider).await;
        let seen = (ended.outcome, ended.asked.len());
        assert_eq!(seen, (Err(Code::BudgetExhausted), calls), "{tokens} {micro_usd:?}: {}", ended.detail);
        assert!(micro_usd.is_none_or(|limit| ended.spent.micro_usd.is_none_or(|spent| spent <= limit)));
    }
}

#[tokio::test]
async fn a_conversation_that_outgrows_the_window_is_shortened() {
    let long = |name: &str| Says::call("note", &json!({"text": name, "lines": 1_500}));
    let script = ["a", "b", "c", "d", "e", "f", "g"].map(long).into_iter().chain([Says::call("done", &json!({}))]);
    let provider = Provider::saying(script).await;
    let talk = Talk::to(&provider, "openai", About::Notes).set("YONIN_MODEL_WINDOW", "20000");
    let ended = talk.may_spend(1_000_000, None).ended(&provider).await;
    assert_eq!(ended.outcome, Ok(json!(["a", "b", "c", "d", "e", "f", "g"])), "{}", ended.detail);
    let longest = ended.asked.iter().map(|asked| asked.body.to_string().len()).max();
    assert!(longest < Some(18_000 * 3), "{longest:?}");
    let last = ended.asked.last().expect("asked").body.to_string();
    assert!(last.contains("lines were left out here to make room; call note again to see them"), "{last}");
}

#[tokio::test]
async fn what_fits_no_window_ends_the_job_before_a_call() {
    let provider = Provider::saying([note()]).await;
    let talk = Talk::to(&provider, "openai", About::Notes).set("YONIN_MODEL_WINDOW", "2050");
    let ended = talk.ended(&provider).await;
    assert_eq!((ended.outcome, ended.asked.len()), (Err(Code::ContextTooLarge), 0), "{}", ended.detail);
}
