//! The runner against a small app and a host that says what a test wants it to say.

mod app;
mod stage;

use super::*;
use crate::run::tests::stage::Stage;
use proptest::prelude::*;
use protocol::{Code, artifact::CheckResult};
use serde_json::{Value, json};

/// A check from JSON, as engines write it; its id is its title.
fn http(id: &str, act: Value) -> Value {
    let mut act = act;
    act["kind"] = json!("http");
    json!({"id": id, "title": id, "act": act})
}

fn result<'r>(results: &'r [CheckResult], id: &str) -> &'r CheckResult {
    results.iter().find(|result| result.id == id).unwrap_or_else(|| panic!("no result for {id}"))
}

fn why(result: &CheckResult) -> &str {
    match &result.outcome {
        Outcome::Passed => "",
        Outcome::Failed { why } | Outcome::Errored { why } => why,
    }
}

#[tokio::test]
async fn captures_and_jars_carry_from_check_to_check() {
    let stage = Stage::set().await;
    let results = stage
        .run(json!([
            http("form", json!({"method": "GET", "path": "/form", "jar": "a", "expect": {"status": [200]},
                "capture": {"csrf": {"body": "name=\"csrf\" value=\"([^\"]+)\""}}})),
            http("post", json!({"method": "POST", "path": "/form", "jar": "a",
                "body": {"form": {"csrf": "${csrf}", "title": "a b&c ${run}"}},
                "expect": {"status": [303], "headers": {"location": {"matches": "^/notes/[0-9]+$"}}},
                "capture": {"where": {"header": "location"}}})),
            http("note", json!({"method": "GET", "path": "${where}", "expect": {"status": [200],
                "headers": {"content-type": {"contains": "json"}, "x-nope": "absent"},
                "json": [{"pointer": "/title", "is": {"equals": "a b&c ${run}"}}, {"pointer": "/id", "is": {"between": [1, 9]}}]},
                "capture": {"id": {"json": "/id"}}})),
            http("typed", json!({"method": "POST", "path": "/echo", "body": {"json": {"id": "${id}", "text": "n${id}"}},
                "expect": {"status": [200], "json": [{"pointer": "", "is": {"equals": {"id": 1, "text": "n1"}}}]}})),
            http("stranger", json!({"method": "POST", "path": "/form", "body": {"form": {"csrf": "${csrf}", "title": "x"}},
                "expect": {"status": [403]}})),
        ]))
        .await
        .expect("a run");
    let ids: Vec<_> = results.iter().map(|result| result.id.as_str()).collect();
    assert_eq!(ids, ["lint", "form", "post", "note", "typed", "stranger", "no-5xx", "no-php-warnings"]);
    for result in &results {
        assert_eq!(result.outcome, Outcome::Passed, "{result:#?}");
    }
    assert!(passed(&results));
}

#[tokio::test]
async fn every_kind_of_mismatch_is_a_failure_that_says_what_was_seen() {
    let stage = Stage::set().await;
    let cases = [
        (json!({"status": [201]}), "status: expected 201, got 200"),
        (
            json!({"status": [200], "headers": {"x-cache": {"equals": "HIT"}}}),
            "header x-cache: expected \"HIT\", got nothing",
        ),
        (json!({"status": [200], "json": [{"pointer": "/a", "is": {"equals": "5"}}]}), "expected \"5\", got 5"),
        (json!({"status": [200], "json": [{"pointer": "/b", "is": "present"}]}), "got nothing"),
        (json!({"status": [200], "body": [{"lacks": "5"}]}), "contains \"5\""),
        (json!({"status": [200], "body": [{"matches": "^x"}]}), "no match of /^x/"),
    ];
    for (expect, seen) in cases {
        let list = json!([http("c", json!({"method": "GET", "path": "/five", "expect": expect}))]);
        let results = stage.run(list).await.expect("a run");
        let result = result(&results, "c");
        assert!(matches!(result.outcome, Outcome::Failed { .. }), "{result:#?}");
        assert!(why(result).contains(seen), "{}", why(result));
        assert!(result.evidence.sent.starts_with("GET /five") && result.evidence.received.contains(r#"{"a":5}"#));
        assert!(!passed(&results));
    }
}

#[tokio::test]
async fn what_cannot_be_carried_out_is_an_error_of_the_check_alone() {
    let stage = Stage::set().await;
    let results = stage
        .run(json!([
            http("unknown", json!({"method": "GET", "path": "/x/${nobody}", "expect": {"status": [200]}})),
            http("keeps-nothing", json!({"method": "GET", "path": "/five", "expect": {"status": [200]},
                "capture": {"id": {"json": "/id"}}})),
            http("needs-it", json!({"method": "GET", "path": "/x/${id}", "expect": {"status": [200]}})),
            http("no-status", json!({"method": "GET", "path": "/five", "expect": {"status": []}})),
            http("elsewhere", json!({"method": "GET", "path": "http://example.com/", "expect": {"status": [200]}})),
            http("no-json", json!({"method": "GET", "path": "/form", "expect": {"status": [200],
                "json": [{"pointer": "/a", "is": "absent"}]}})),
            http("huge", json!({"method": "GET", "path": "/huge", "expect": {"status": [200]}})),
            json!({"id": "writes", "title": "writes", "act": {"kind": "sql", "query": "delete from notes", "expect": {"count": 0}}}),
            http("broken", json!({"method": "GET", "path": "/broken", "expect": {"status": [200]}})),
            http("good", json!({"method": "GET", "path": "/five", "expect": {"status": [200]}})),
        ]))
        .await
        .expect("a run");
    for id in ["unknown", "needs-it", "no-status", "elsewhere", "huge", "writes", "broken"] {
        assert!(matches!(result(&results, id).outcome, Outcome::Errored { .. }), "{:#?}", result(&results, id));
    }
    for id in ["keeps-nothing", "no-json"] {
        assert!(matches!(result(&results, id).outcome, Outcome::Failed { .. }), "{:#?}", result(&results, id));
    }
    assert_eq!(result(&results, "good").outcome, Outcome::Passed);
    assert!(!passed(&results));
}

#[tokio::test]
async fn evidence_shows_no_secrets_and_stays_short() {
    let stage = Stage::set().await;
    let results = stage
        .run(json!([
            http(
                "login",
                json!({"method": "GET", "path": "/form", "jar": "a", "headers": {"authorization": "Bearer letmein-77"},
                "expect": {"status": [200]}})
            ),
            http("again", json!({"method": "GET", "path": "/form", "jar": "a", "expect": {"status": [200]}})),
            http("leak", json!({"method": "GET", "path": "/leak", "expect": {"status": [201]}})),
            http("at-the-cut", json!({"method": "GET", "path": "/leak-at-the-cut", "expect": {"status": [201]}})),
            http(
                "long",
                json!({"method": "POST", "path": "/echo", "body": {"json": {"a": "x".repeat(9_000)}},
                "expect": {"status": [200]}})
            ),
        ]))
        .await
        .expect("a run");
    let all = serde_json::to_string(&results).expect("JSON");
    for secret in ["letmein-77", "session-secret", stage::PASSWORD, &stage::PASSWORD[..8]] {
        assert!(!all.contains(secret), "{secret}");
    }
    assert!(result(&results, "login").evidence.sent.contains("authorization: [redacted]"));
    for result in &results {
        let Evidence { sent, received } = &result.evidence;
        assert!(sent.len() <= crate::evidence::LIMIT && received.len() <= crate::evidence::LIMIT, "{}", result.id);
    }
}

#[tokio::test]
async fn the_mandatory_checks_see_what_no_proposed_check_looks_at() {
    let stage = Stage::set().await;
    let fine = json!([http("fine", json!({"method": "GET", "path": "/five", "expect": {"status": [200]}}))]);

    stage.host.breaks_syntax_of("src/a.php");
    let results = stage.run(fine.clone()).await.expect("a run");
    assert!(why(result(&results, "lint")).contains("src/a.php"));
    assert!(!passed(&results));
    stage.host.parses_again();

    stage.host.logs("PHP Warning:  from an earlier run");
    let results = stage.run(fine.clone()).await.expect("a run");
    assert!(passed(&results), "{results:#?}");

    let warns = json!([http("warns", json!({"method": "GET", "path": "/warns", "expect": {"status": [200]}}))]);
    let results = stage.run(warns).await.expect("a run");
    assert_eq!(result(&results, "warns").outcome, Outcome::Passed);
    assert!(why(result(&results, "no-php-warnings")).contains("Undefined variable"));
    assert!(!passed(&results));
}

#[tokio::test]
async fn on_the_live_app_nothing_that_writes_is_sent() {
    let stage = Stage::set().await;
    let mut liar =
        http("liar", json!({"method": "POST", "path": "/echo", "body": {"json": 1}, "expect": {"status": [200]}}));
    liar["smoke"] = json!(true);
    let mut reads = http("reads", json!({"method": "GET", "path": "/five", "expect": {"status": [200]}}));
    reads["smoke"] = json!(true);
    let writes =
        http("writes", json!({"method": "POST", "path": "/echo", "body": {"json": 1}, "expect": {"status": [200]}}));
    let results = stage.smoke(json!([writes, liar, reads])).await.expect("a run");
    let ids: Vec<_> = results.iter().map(|result| result.id.as_str()).collect();
    assert_eq!(ids, ["lint", "liar", "reads", "no-5xx", "no-php-warnings"]);
    assert!(matches!(result(&results, "liar").outcome, Outcome::Errored { .. }));
    assert_eq!(stage.app.posts(), 0);
}

fn arrange(id: &str, act: Value) -> Value {
    let mut act = act;
    act["kind"] = json!("arrange");
    json!({"id": id, "title": id, "act": act})
}

#[tokio::test]
async fn what_is_arranged_is_evidence_and_what_it_captures_is_there_for_the_next() {
    let stage = Stage::set().await;
    let insert = "insert into members (email, password_hash) values (?, ?), (?, null)";
    let results = stage
        .run(json!([
            arrange("made", json!({"statement": insert, "params": ["a@${run}", "${bcrypt:pw-${run}}", 5], "rows": 2, "capture_id": "member"})),
            arrange("promoted", json!({"statement": "update members set role = 'admin' where id = ?", "params": ["${member}"]})),
            http("typed", json!({"method": "POST", "path": "/echo", "body": {"json": "${member}"},
                "expect": {"status": [200], "json": [{"pointer": "", "is": {"equals": 41}}]}})),
            arrange("too-few", json!({"statement": "delete from members", "rows": 1})),
            arrange("no-id", json!({"statement": "delete from members", "capture_id": "gone"})),
            arrange("unknown", json!({"statement": "delete from members where id = ?", "params": ["${nobody}"]})),
            arrange("refused", json!({"statement": "delete from no_such_table"})),
        ]))
        .await
        .expect("a run");
    let outcome = |id: &str| &result(&results, id).outcome;
    for id in ["made", "promoted", "typed"] {
        assert_eq!(*outcome(id), Outcome::Passed, "{:#?}", result(&results, id));
    }
    assert_eq!(why(result(&results, "too-few")), "expected 1 rows, got 2");
    assert!(matches!(outcome("no-id"), Outcome::Failed { .. }));
    for id in ["unknown", "refused"] {
        assert!(matches!(outcome(id), Outcome::Errored { .. }), "{:#?}", result(&results, id));
    }
    let Evidence { sent, received } = &result(&results, "made").evidence;
    assert!(sent.starts_with(insert) && sent.contains("a@r1") && received == "2 rows, id 41", "{sent} {received}");
    let arranged = stage.host.arranged();
    assert_eq!((arranged.len(), arranged[0].epoch.turn, arranged[1].params[0].clone()), (4, 3, json!(41)));
    let hash = arranged[0].params[1].as_str().expect("a hash");
    assert_eq!(bcrypt::verify("pw-r1", hash).ok(), Some(true));
}

#[tokio::test]
async fn on_the_live_app_nothing_is_arranged_whoever_says_so() {
    let stage = Stage::set().await;
    let mut liar = arrange("liar", json!({"statement": "delete from members"}));
    liar["smoke"] = json!(true);
    let honest = arrange("honest", json!({"statement": "delete from members"}));
    let results = stage.smoke(json!([honest, liar])).await.expect("a run");
    let ids: Vec<_> = results.iter().map(|result| result.id.as_str()).collect();
    assert_eq!(ids, ["lint", "liar", "no-5xx", "no-php-warnings"]);
    assert_eq!(why(result(&results, "liar")), "rows of the live app are never changed");
    assert_eq!(stage.host.arranged(), []);
}

#[tokio::test]
async fn a_closed_port_or_a_closed_preview_gives_no_results_at_all() {
    let stage = Stage::set().await;
    let fine = json!([http("fine", json!({"method": "GET", "path": "/five", "expect": {"status": [200]}}))]);
    stage.host.closes_preview();
    assert_eq!(stage.run(fine.clone()).await.expect_err("gone").code, Code::PreviewGone);
    let stage = Stage::set().await;
    stage.app.stop();
    assert_eq!(stage.run(fine).await.expect_err("down").code, Code::WebUnavailable);
}

#[tokio::test]
async fn a_server_error_while_the_database_is_away_says_nothing_about_the_change() {
    let stage = Stage::set().await;
    let boom = json!([http("boom", json!({"method": "GET", "path": "/boom", "expect": {"status": [500]}}))]);
    let reads = json!([{"id": "rows", "title": "rows", "act": {"kind": "sql", "query": "select 1 as one",
        "expect": {"count": 1}}}]);
    let looks = json!([{"id": "keys", "title": "keys", "act": {"kind": "cache", "key": "*", "expect": "absent"}}]);
    let (boom, reads, looks) = tokio::join!(stage.run(boom), stage.run(reads), stage.run(looks));
    assert_eq!(boom.expect_err("no database").code, Code::MysqlUnavailable);
    assert_eq!(reads.expect_err("no database").code, Code::MysqlUnavailable);
    assert_eq!(looks.expect_err("no cache").code, Code::RedisUnavailable);
}

fn any_results() -> impl Strategy<Value = Vec<CheckResult>> {
    let id = prop_oneof![
        Just("lint".to_owned()),
        Just("no-5xx".to_owned()),
        Just("no-php-warnings".to_owned()),
        "[a-c]".prop_map(String::from),
    ];
    let outcome = prop_oneof![
        4 => Just(Outcome::Passed),
        1 => Just(Outcome::Failed { why: String::new() }),
        1 => Just(Outcome::Errored { why: String::new() }),
    ];
    let result = (id, outcome).prop_map(|(id, outcome)| CheckResult { outcome, ..blank(&id, "", None) });
    proptest::collection::vec(result, 0..10)
}

proptest! {
    #[test]
    fn nothing_passes_unless_all_of_it_did(results in any_results()) {
        let every = results.iter().all(|result| result.outcome == Outcome::Passed);
        let has = |id: &str| results.iter().any(|result| result.id == id);
        let complete = Verdict::MANDATORY.iter().all(|id| has(id));
        let own = results.iter().any(|result| !Verdict::MANDATORY.contains(&result.id.as_str()));
        prop_assert_eq!(passed(&results), every && complete && own);
    }
}

#[test]
fn a_result_that_nobody_filled_in_does_not_pass() {
    assert!(matches!(blank("a", "a", None).outcome, Outcome::Errored { .. }));
}
