use super::{
    provider::{Provider, Says},
    talk::{About, Ended, Talk},
};
use protocol::{Code, chat::Try};
use serde_json::json;

fn plan() -> Says {
    Says::text(r#"{"plan": "sell"}"#)
}

async fn both(first: &Provider, second: &Provider, about: About) -> Ended {
    let models = format!("openai:one@{}, anthropic:two@{}", first.url(), second.url());
    let talk = Talk::with(&models, about).set("YONIN_MODEL_IDLE_SECONDS", "1");
    talk.set("YONIN_MODEL_PRICES", "openai:one=1/1, anthropic:two=2/2").ended(first).await
}

#[tokio::test]
async fn the_second_model_is_asked_at_once_when_the_first_refuses() {
    let retry_after = Says::Status(429, vec![("retry-after", "600".to_owned())], String::new());
    for refuses in [Says::status(500), Says::status(429), Says::status(401), retry_after] {
        let (first, second) = (Provider::saying([refuses.clone()]).await, Provider::saying([plan()]).await);
        let ended = both(&first, &second, About::Plan).await;
        assert_eq!(ended.outcome, Ok(json!({"plan": "sell"})), "{refuses:?}");
        let [Try::Answered(reply)] = ended.tries()[..] else { panic!("{:?}", ended.turns) };
        assert_eq!((reply.model.as_str(), reply.tokens.micro_usd), ("anthropic:two", Some(220)), "{refuses:?}");
        assert_eq!((first.asked().len(), second.asked().len()), (1, 1), "{refuses:?}");
    }
}

#[tokio::test]
async fn a_model_that_wants_to_be_left_alone_is_passed_over() {
    let busy = Says::Status(429, vec![("retry-after", "600".to_owned())], String::new());
    let second = [Says::call("note", &json!({"text": "a"})), Says::call("done", &json!({}))];
    let (first, second) = (Provider::saying([busy]).await, Provider::saying(second).await);
    let ended = both(&first, &second, About::Notes).await;
    assert_eq!(ended.outcome, Ok(json!(["a"])));
    assert_eq!((first.asked().len(), second.asked().len()), (1, 2));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_written_down_before_the_second_model_is_asked() {
    for breaks in [Says::Cut("{".to_owned()), Says::Silence("{".to_owned())] {
        let (first, second) = (Provider::saying([breaks]).await, Provider::saying([plan()]).await);
        let ended = both(&first, &second, About::Plan).await;
        let [Try::Refused { model, tokens, .. }, Try::Answered(reply)] = ended.tries()[..] else {
            panic!("{:?}", ended.turns)
        };
        assert_eq!((model.as_str(), reply.model.as_str()), ("openai:one", "anthropic:two"));
        assert!(tokens.total() > 0 && tokens.micro_usd == Some(tokens.total()), "{tokens:?}");
        assert_eq!((first.asked().len(), second.asked().len()), (1, 1));
    }
}

#[tokio::test]
async fn what_each_model_said_is_told_when_none_answers() {
    let (first, second) = (Provider::saying([Says::status(401)]).await, Provider::saying([Says::status(404)]).await);
    let ended = both(&first, &second, About::Plan).await;
    assert_eq!(ended.outcome, Err(Code::ModelUnavailable));
    assert!(ended.detail.contains("openai:one: answered 401"), "{}", ended.detail);
    assert!(ended.detail.contains("anthropic:two: answered 404"), "{}", ended.detail);
}

#[tokio::test]
async fn nobody_at_an_address_costs_nothing() {
    let (first, second) = (Provider::saying([]).await, Provider::saying([plan()]).await);
    let url = first.url();
    drop(first);
    // The port is free again as soon as the server is gone.
    while tokio::net::TcpStream::connect(url.trim_start_matches("http://")).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let talk = Talk::with(&format!("openai:one@{url}, openai:two@{}", second.url()), About::Plan);
    let ended = talk.ended(&second).await;
    assert!(matches!(ended.tries()[..], [Try::Answered(_)]), "{:?}", ended.turns);
}
