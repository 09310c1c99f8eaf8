use super::{
    provider::{Provider, Says},
    talk::{About, Ended, Talk},
};
use protocol::{Code, chat::Try};
use serde_json::{Value, json};
use std::time::Duration;

const FORMATS: [&str; 2] = ["openai", "anthropic"];

fn plan() -> Says {
    Says::text(r#"{"plan": "sell"}"#)
}

fn done() -> Says {
    Says::call("done", &json!({}))
}

async fn planned(format: &str, script: Vec<Says>) -> Ended {
    let provider = Provider::saying(script).await;
    let talk = Talk::to(&provider, format, About::Plan);
    talk.set("YONIN_MODEL_FIRST_BYTE_SECONDS", "1").set("YONIN_MODEL_IDLE_SECONDS", "1").ended(&provider).await
}

async fn noted(format: &str, script: Vec<Says>) -> Ended {
    let provider = Provider::saying(script).await;
    Talk::to(&provider, format, About::Notes).may_spend(5_000_000, None).ended(&provider).await
}

#[tokio::test]
async fn what_passes_is_asked_again_until_it_has_passed() {
    let begun = || r#"{"plan": "se"#.to_owned();
    for (passes, spends) in [
        (Says::status(500), false),
        (Says::status(529), false),
        (Says::status(429), false),
        (Says::Cut(begun()), true),
        (Says::Ends(begun()), true),
        (Says::Garbage(begun()), true),
        (Says::Trouble(begun()), true),
        (Says::Silence(begun()), true),
        (Says::Nothing, true),
    ] {
        for format in FORMATS {
            let ended = planned(format, vec![passes.clone(), plan()]).await;
            assert_eq!(ended.outcome, Ok(json!({"plan": "sell"})), "{format}: {passes:?}: {}", ended.detail);
            assert_eq!(ended.asked.len(), 2, "{format}: {passes:?}");
            let [Try::Refused { problem, pause_millis: Some(0..=500), tokens, .. }, Try::Answered(_)] =
                ended.tries()[..]
            else {
                panic!("{format}: {passes:?}: {:?}", ended.turns);
            };
            assert_eq!((problem.code, tokens.total() > 0), (Code::ModelUnavailable, spends), "{format}: {passes:?}");
        }
    }
}

#[tokio::test]
async fn a_provider_that_says_how_long_it_wants_to_be_left_alone_is_not_called_before() {
    for format in FORMATS {
        let busy = Says::Status(429, vec![("retry-after", "1".to_owned())], "{}".to_owned());
        let provider = Provider::saying([busy, plan()]).await;
        let begun = Talk::to(&provider, format, About::Plan).begin().await;
        provider.was_asked(1).await;
        let refused = std::time::Instant::now();
        let ended = begun.ended(&provider).await;
        assert!(refused.elapsed() > Duration::from_millis(900), "{format}: {:?}", refused.elapsed());
        assert_eq!((ended.outcome.is_ok(), ended.asked.len()), (true, 2), "{format}");
        assert!(matches!(ended.tries()[0], Try::Refused { pause_millis: Some(1_000), .. }), "{:?}", ended.turns);
    }
}

#[tokio::test]
async fn what_does_not_pass_ends_the_job_after_so_many_calls() {
    let huge = || Says::Huge(10 << 20);
    for (script, code, calls) in [
        (vec![Says::status(401)], Code::ModelUnavailable, 1),
        (vec![Says::status(403)], Code::ModelUnavailable, 1),
        (vec![Says::status(404)], Code::ModelUnavailable, 1),
        // Once with the form, and once without.
        (vec![Says::status(400)], Code::ModelUnavailable, 2),
        // It is paid for each time.
        (vec![Says::Cut("{".to_owned())], Code::ModelUnavailable, 8),
        (vec![huge()], Code::ModelUnusable, 1),
        (vec![Says::text("")], Code::ModelUnusable, 4),
        (vec![Says::text("I'm sorry, but I can't help with that.")], Code::ModelUnusable, 4),
        (vec![Says::TooLong(r#"{"plan": "sell, and"#.to_owned())], Code::ModelUnusable, 4),
        (vec![Says::call("rm_rf", &json!({"path": "/"}))], Code::ModelUnusable, 4),
    ] {
        for format in FORMATS {
            let ended = planned(format, script.clone()).await;
            assert_eq!(
                (ended.outcome, ended.asked.len()),
                (Err(code), calls),
                "{format}: {script:?}: {}",
                ended.detail
            );
        }
    }
}

#[tokio::test]
async fn an_outage_is_waited_for_as_long_as_there_is_patience_and_no_longer() {
    let pauses = |ended: &Ended| {
        let pause = |one: &&Try| matches!(one, Try::Refused { pause_millis: Some(_), .. });
        assert!(ended.tries().iter().all(pause), "{:?}", ended.turns);
        let millis = |one: &Try| if let Try::Refused { pause_millis, .. } = one { *pause_millis } else { None };
        ended.tries().into_iter().filter_map(millis).collect::<Vec<_>>()
    };
    for format in FORMATS {
        let provider = Provider::saying([Says::status(503)]).await;
        let talk = Talk::to(&provider, format, About::Plan).set("YONIN_MODEL_PATIENCE_SECONDS", "1800");
        let ended = talk.ended(&provider).await;
        let pauses = pauses(&ended);
        assert_eq!(ended.outcome, Err(Code::ModelUnavailable), "{format}");
        assert!(ended.detail.contains("minutes of waiting"), "{format}: {}", ended.detail);
        let (last, before) = pauses.split_last().expect("it was tried");
        let waited: u64 = before.iter().sum();
        assert!(waited < 1_800_000 && waited + last >= 1_800_000, "{format}: {pauses:?}");
        let longest = |(tried, pause): (usize, &u64)| *pause <= (500 << tried.min(20)).min(300_000);
        assert!(pauses.iter().enumerate().all(longest), "{format}: {pauses:?}");
        assert!(ended.asked.len() < 100 && ended.spent.total() == 0, "{format}: {pauses:?}");
    }
}

#[tokio::test]
async fn an_answer_is_mended_when_it_cannot_be_used() {
    for format in FORMATS {
        for bad in ["", "No.", r#"{"plan": 7}"#, r#"{"plan": "sell"#] {
            let ended = planned(format, vec![Says::text(bad), plan()]).await;
            assert_eq!(ended.outcome, Ok(json!({"plan": "sell"})), "{format}: {bad}");
            assert_eq!(ended.asked.len(), 2, "{format}: {bad}");
        }
        let around = "Sure! {Here} it is:\n```json\n{\"plan\": \"sell\"}\n```\nAnything else?";
        let ended = planned(format, vec![Says::text(around)]).await;
        assert_eq!((ended.outcome, ended.asked.len()), (Ok(json!({"plan": "sell"})), 1), "{format}");
    }
}

#[tokio::test]
async fn a_wrong_call_of_a_tool_is_told_to_the_model() {
    let no_json = Says::Calls(vec![("note".to_owned(), "{\"text\": \"ha".to_owned())]);
    for (wrong, told) in [
        (Says::call("drop_tables", &json!({})), "There is no tool \"drop_tables\"; there are: note, done."),
        (no_json, "The arguments are not a JSON object."),
        (Says::text("I would now call a tool."), "Nothing happens unless you call a tool."),
    ] {
        for format in FORMATS {
            let ended = noted(format, vec![wrong.clone(), done()]).await;
            assert_eq!(ended.outcome, Ok(json!([])), "{format}: {wrong:?}: {}", ended.detail);
            assert_eq!(ended.asked.len(), 2, "{format}: {wrong:?}");
            let said = serde_json::to_string(&ended.turns[1].said).expect("JSON").replace("\\\"", "\"");
            assert!(said.contains(told), "{format}: {said}");
        }
    }
}

#[tokio::test]
async fn an_endless_loop_of_calls_has_an_end() {
    for format in FORMATS {
        let ended = noted(format, vec![Says::call("note", &json!({"text": "again"}))]).await;
        assert_eq!((ended.outcome, ended.asked.len()), (Err(Code::ModelUnusable), 80), "{format}: {}", ended.detail);
        let said = serde_json::to_string(&ended.turns[2].said).expect("JSON");
        assert!(said.contains("exactly the same calls"), "{said}");
    }
}

#[tokio::test]
async fn a_server_that_knows_no_forms_is_asked_without() {
    let provider = Provider::saying([Says::status(400), Says::text("No."), plan()]).await;
    let ended = Talk::to(&provider, "openai", About::Plan).ended(&provider).await;
    assert_eq!(ended.outcome, Ok(json!({"plan": "sell"})));
    let forms: Vec<_> = ended.asked.iter().map(|asked| asked.body["response_format"]["type"].clone()).collect();
    assert_eq!(forms, [json!("json_schema"), Value::Null, Value::Null], "and not again in the next turn");
}
