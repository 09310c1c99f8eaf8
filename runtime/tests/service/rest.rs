use crate::fixture::Fixture;
use serde_json::{Value, json};

async fn problem(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

fn greeting(fixture: &Fixture) -> reqwest::RequestBuilder {
    fixture.http.post(fixture.url("/v1/greetings")).bearer_auth(fixture.person.reveal())
}

#[tokio::test]
async fn a_good_body_reaches_the_handler_with_its_caller() {
    let fixture = Fixture::start().await;
    let answer = greeting(&fixture).json(&json!({"name": "Mei"})).send().await.expect("an answer");
    assert_eq!(answer.text().await.expect("text"), "person:mei: Mei");
}

#[tokio::test]
async fn each_kind_of_bad_body_has_its_own_code() {
    let fixture = Fixture::start().await;
    let json_of = |body: &'static str| greeting(&fixture).header("content-type", "application/json").body(body);
    for (request, status, code) in [
        (greeting(&fixture).header("content-type", "text/plain").body("{}"), 415, "unsupported-media-type"),
        (greeting(&fixture).body("{}"), 415, "unsupported-media-type"),
        (json_of("{\"name\": "), 400, "bad-json"),
        (json_of(""), 400, "bad-json"),
        (json_of("{\"name\": 7}"), 422, "bad-request"),
        (json_of("{\"name\": \"a\", \"age\": 7}"), 422, "bad-request"),
    ] {
        let (got, problem) = problem(request).await;
        assert_eq!((got, &problem["code"]), (status, &json!(code)));
    }
    insta::assert_json_snapshot!(problem(json_of("{\"name\": 7}")).await.1);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let fixture = Fixture::start().await;
    let (status, unknown) = problem(fixture.http.get(fixture.url("/v2"))).await;
    assert_eq!((status, &unknown["code"]), (404, &json!("not-found")));

    let answer = fixture.http.delete(fixture.url("/v1/greetings")).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), &answer.headers()["allow"]), (405, &"POST".parse().expect("a header")));
    assert_eq!(answer.json::<Value>().await.expect("JSON")["code"], "method-not-allowed");
}

#[tokio::test]
async fn a_panic_ends_one_request_only() {
    let fixture = Fixture::start().await;
    let (status, internal) = problem(fixture.http.get(fixture.url("/panic"))).await;
    assert_eq!((status, &internal["code"]), (500, &json!("internal")));
    assert!(!internal.to_string().contains("on purpose"));
    assert_eq!(fixture.http.get(fixture.url("/public")).send().await.expect("an answer").status(), 200);
}
