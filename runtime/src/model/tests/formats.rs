use super::{
    provider::{IN, OUT, Provider, Says},
    talk::{About, KEY, Talk},
};
use protocol::chat::Tokens;
use serde_json::{Value, json};

const FORMATS: [&str; 4] = ["openai", "responses", "anthropic", "ollama"];

#[tokio::test]
async fn every_format_carries_a_form_and_counts() {
    for format in FORMATS {
        let provider = Provider::saying([Says::text(r#"{"plan": "売る"}"#)]).await;
        let ended = Talk::to(&provider, format, About::Plan).ended(&provider).await;
        assert_eq!(ended.outcome, Ok(json!({"plan": "売る"})), "{format}: {}", ended.detail);
        assert_eq!(ended.spent, Tokens { input: IN, output: OUT, micro_usd: None }, "{format}");
        let asked = &ended.asked[0];
        let path = match format {
            "openai" => "/chat/completions",
            "responses" => "/responses",
            "anthropic" => "/messages",
            _ => "/api/chat",
        };
        assert_eq!(asked.path, path);
        let form = match format {
            "openai" => &asked.body["response_format"]["json_schema"]["schema"],
            "responses" => &asked.body["text"]["format"]["schema"],
            "anthropic" => &asked.body["output_config"]["format"]["schema"],
            _ => &json!({"properties": {"plan": {"type": asked.body["format"]}}}),
        };
        let wanted = if format == "ollama" { "json" } else { "string" };
        assert_eq!(form["properties"]["plan"]["type"], wanted, "{format}: {}", asked.body);
        assert_eq!((&asked.body["model"], &asked.body["stream"]), (&json!("test"), &json!(true)), "{format}");
        let key = if format == "anthropic" {
            ("x-api-key", KEY.to_owned())
        } else {
            ("authorization", format!("Bearer {KEY}"))
        };
        assert_eq!(asked.headers.get(key.0).and_then(|value| value.to_str().ok()), Some(key.1.as_str()), "{format}");
    }
}

#[tokio::test]
async fn every_format_carries_calls_and_what_became_of_them() {
    for format in FORMATS {
        let call = |name: &str, text: &str| (name.to_owned(), json!({"text": text}).to_string());
        let both = Says::Calls(vec![call("note", "a"), call("note", "b")]);
        let provider = Provider::saying([both.clone(), both, Says::call("done", &json!({}))]).await;
        let ended = Talk::to(&provider, format, About::Notes).ended(&provider).await;
        assert_eq!(ended.outcome, Ok(json!(["a", "b", "a", "b"])), "{format}: {}", ended.detail);
        assert_eq!(ended.spent.total(), 3 * (IN + OUT), "{format}");
        let asked = &ended.asked[2].body;
        let (called, answered) = pairs(format, asked);
        if format != "ollama" {
            assert_eq!(called, answered, "{format}: {asked}");
            assert_eq!(called.len(), 4, "each has an id of its own: {asked}");
        }
        assert_eq!(asked.to_string().matches("noted").count(), 4, "{format}: {asked}");
    }
}

#[tokio::test]
async fn a_model_looks_around_before_it_answers_in_a_form() {
    for format in FORMATS {
        let script = [
            Says::call("look", &json!({"at": "the sea"})),
            Says::text("It is blue."),
            Says::text(r#"{"plan": "sell"}"#),
        ];
        let provider = Provider::saying(script).await;
        let ended = Talk::to(&provider, format, About::SeenPlan).ended(&provider).await;
        assert_eq!((ended.outcome, ended.asked.len()), (Ok(json!({"plan": "sell"})), 3), "{format}: {}", ended.detail);
        assert!(ended.asked[1].body.to_string().contains("seen: "), "{format}");
        let body = &ended.asked[0].body;
        let forms = [&body["response_format"], &body["text"]["format"], &body["format"]];
        assert!(forms.iter().all(|form| form.is_null()), "it could call nothing: {body}");
        assert_eq!(body["output_config"]["format"].is_object(), format == "anthropic", "{body}");
    }
}

#[tokio::test]
async fn anthropic_is_told_what_to_keep() {
    let script = [Says::call("note", &json!({"text": "a"})), Says::call("done", &json!({}))];
    let provider = Provider::saying(script).await;
    let ended = Talk::to(&provider, "anthropic", About::Notes).ended(&provider).await;
    let kept = json!({"type": "ephemeral"});
    for asked in &ended.asked {
        let body = &asked.body;
        assert_eq!(body["system"][0]["cache_control"], kept, "{body}");
        let last = body["messages"].as_array().and_then(|said| said.last()).expect("a message");
        let last = last["content"].as_array().and_then(|parts| parts.last()).expect("a part");
        assert_eq!(last["cache_control"], kept, "{body}");
        assert_eq!(body.to_string().matches("cache_control").count(), 2, "four may stand there: {body}");
    }
    let provider = Provider::saying([Says::call("done", &json!({}))]).await;
    let ended = Talk::to(&provider, "openai", About::Notes).ended(&provider).await;
    assert!(!ended.asked[0].body.to_string().contains("cache"), "{}", ended.asked[0].body);
}

#[tokio::test]
async fn what_a_model_thought_goes_back_to_it_with_its_calls() {
    let note = || Says::call("note", &json!({"text": "a"}));
    for (format, thought) in [
        ("anthropic", json!([{"type": "thinking", "thinking": "Hm, a note.", "signature": "sealed-by-them"}])),
        ("openai", json!("Hm, a note.")),
    ] {
        let thinks = Says::Thinking("Hm, a note.".to_owned(), "sealed-by-them".to_owned(), Box::new(note()));
        let provider = Provider::saying([thinks, note(), Says::call("done", &json!({}))]).await;
        let ended = Talk::to(&provider, format, About::Notes).ended(&provider).await;
        assert_eq!(ended.outcome, Ok(json!(["a", "a"])), "{format}: {}", ended.detail);
        for asked in &ended.asked[1..] {
            let body = &asked.body;
            let back = if format == "anthropic" {
                json!([body["messages"][1]["content"][0]])
            } else {
                body["messages"][2]["reasoning_content"].clone()
            };
            assert_eq!(back, thought, "{format}: {body}");
            assert_eq!(body.to_string().matches("Hm, a note.").count(), 1, "{format}: {body}");
        }
    }
}

#[tokio::test]
async fn what_one_model_thought_is_not_told_to_another() {
    let thinks = Says::Thinking(
        "Hm.".to_owned(),
        "sealed-by-them".to_owned(),
        Box::new(Says::call("note", &json!({"text": "a"}))),
    );
    let (first, second) =
        (Provider::saying([thinks, Says::status(401)]).await, Provider::saying([Says::call("done", &json!({}))]).await);
    let models = format!("anthropic:one@{}, anthropic:two@{}", first.url(), second.url());
    let ended = Talk::with(&models, About::Notes).ended(&second).await;
    assert_eq!(ended.outcome, Ok(json!(["a"])), "{}", ended.detail);
    assert!(first.asked()[1].body.to_string().contains("sealed-by-them"));
    assert!(!second.asked()[0].body.to_string().contains("sealed-by-them"));
}

/// The ids of the calls that were sent back, and of the results.
fn pairs(format: &str, body: &Value) -> (Vec<Value>, Vec<Value>) {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let ids = |values: Vec<Value>, kind: &str, id: &str| -> Vec<Value> {
        values
            .iter()
            .filter(|value| value["type"] == kind || value["role"] == kind)
            .map(|value| value[id].clone())
            .collect()
    };
    let messages = list(&body["messages"]);
    match format {
        "openai" => {
            let calls = messages.iter().flat_map(|message| list(&message["tool_calls"])).collect();
            (ids(calls, "function", "id"), ids(messages, "tool", "tool_call_id"))
        }
        "responses" => {
            let items = list(&body["input"]);
            (ids(items.clone(), "function_call", "call_id"), ids(items, "function_call_output", "call_id"))
        }
        _ => {
            let blocks: Vec<_> = messages.iter().flat_map(|message| list(&message["content"])).collect();
            (ids(blocks.clone(), "tool_use", "id"), ids(blocks, "tool_result", "tool_use_id"))
        }
    }
}

#[tokio::test]
async fn a_models_name_is_sent_as_it_stands_and_nothing_is_read_into_it() {
    for (format, name) in [
        ("openai", "mine/qwen3-high"),
        ("anthropic", "claude-low"),
        ("responses", "x::gpt-5-none"),
        ("ollama", "qwen3:8b"),
    ] {
        let provider = Provider::saying([Says::text(r#"{"plan": "sell"}"#)]).await;
        let talk = Talk::with(&format!("{format}:{name}@{}", provider.url()), About::Plan);
        let ended = talk.ended(&provider).await;
        let body = &ended.asked[0].body;
        assert_eq!(body["model"], name, "{body}");
        for effort in ["reasoning_effort", "reasoning", "thinking", "think"] {
            assert_eq!(body[effort], Value::Null, "{body}");
        }
    }
}

#[tokio::test]
async fn messages_take_turns_and_none_is_empty() {
    for format in FORMATS {
        let provider = Provider::saying([Says::text(""), Says::text(r#"{"plan": "sell"}"#)]).await;
        let ended = Talk::to(&provider, format, About::Plan).ended(&provider).await;
        let body = &ended.asked[1].body;
        let said = if format == "responses" { &body["input"] } else { &body["messages"] };
        let roles: Vec<_> = said.as_array().expect("messages").iter().map(|said| said["role"].clone()).collect();
        let system = matches!(format, "openai" | "ollama");
        assert_eq!(roles, if system { vec![json!("system"), json!("user")] } else { vec![json!("user")] }, "{body}");
        let text = said.to_string();
        assert!(text.contains("The goal is a shop.\\n\\nBegin.\\n\\nThat cannot be used: it is empty."), "{text}");
    }
}

#[tokio::test]
async fn no_key_is_sent_where_none_is_set() {
    for format in FORMATS {
        let provider = Provider::saying([Says::text(r#"{"plan": "sell"}"#)]).await;
        let ended = Talk::to(&provider, format, About::Plan).set("YONIN_MODEL_KEY", "").ended(&provider).await;
        let headers = &ended.asked[0].headers;
        assert!(!headers.contains_key("authorization") && !headers.contains_key("x-api-key"), "{headers:?}");
    }
}
