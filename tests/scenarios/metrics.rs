//! Running services export what the catalogue says, and nothing else: the handbook's table and the alerts' rules are made from it.

use reqwest::Client;
use runtime::telemetry::METRICS;
use std::collections::{BTreeMap, BTreeSet};
use tests::{
    cluster::{Role, Setup, Stores},
    provider::{Provider, Says},
};

/// Name, and labels of one series, as a service tells them.
type Series = BTreeMap<String, BTreeSet<String>>;

#[tokio::test]
async fn services_export_what_the_catalogue_says() {
    let redis = std::env::var("YONIN_TEST_REDIS").expect("the test run starts a Redis: ./dev databases");
    // A model that never answers well: its calls are counted all the same.
    let provider = Provider::answering(|_| Says::text("no")).await;
    let model = format!("openai:thinker@{}", provider.url());
    let mut cluster = Setup::new()
        .stores(Stores::mariadb())
        .hints(redis)
        .variable(Role::Architect, "YONIN_MODEL", &model)
        .variable(Role::Architect, "YONIN_MODEL_PRICES", format!("openai:thinker=1/2,{model}=1/2"))
        .start()
        .await;
    let app = cluster.fresh_app();
    cluster.goal(&app, "posts(title:string!)").fail().await;
    let mut found = Series::new();
    for role in Role::ALL {
        let text = scrape(&cluster.replica(role, 0).origin()).await;
        check_kinds(&text);
        for (name, labels) in series(&text) {
            found.entry(name).or_default().extend(labels);
        }
    }
    let expected: Series = METRICS
        .iter()
        .map(|metric| (metric.name.to_owned(), metric.labels.iter().map(|label| (*label).to_owned()).collect()))
        .collect();
    assert_eq!(found, expected);
    cluster.stop().await;
}

#[tokio::test]
async fn what_waits_is_counted_while_every_slot_is_taken() {
    let mut cluster = Setup::new().variable(Role::Planner, "YONIN_SLOTS", "1").start().await;
    // A person is asked first, so that its lane stays taken; what comes after it is blocked, and not what a replica more could do.
    let app = cluster.fresh_app();
    let first = cluster
        .goal(&app, "posts(title:string!)")
        .approval(protocol::task::Approval::Always)
        .submit()
        .await
        .expect("it is taken");
    cluster.when(first.id, |task| task.question.is_some()).await;
    let second = cluster.goal(&app, "posts(title:string!, body:text)").submit().await.expect("it is taken");
    let origin = cluster.replica(Role::Planner, 0).origin();
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    let wanted = [("asking", 1.0), ("blocked", 1.0), ("queued", 0.0)];
    loop {
        let text = scrape(&origin).await;
        let jobs = |state: &str| value(&text, &format!(r#"yonin_jobs{{agent="planner",state="{state}"}}"#));
        if wanted.iter().all(|(state, count)| jobs(state) == Some(*count)) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{text}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let text = scrape(&origin).await;
    assert_eq!(value(&text, r#"yonin_slots{agent="planner"}"#), Some(1.0));
    assert_eq!(value(&text, r#"yonin_store_up{agent="planner"}"#), Some(1.0));
    for id in [second.id, first.id] {
        let answer =
            cluster.api(reqwest::Method::POST, &format!("/v1/tasks/{id}/cancel")).send().await.expect("an answer");
        assert!(answer.status().is_success());
        cluster.finished(id).await;
    }
    cluster.stop().await;
}

async fn scrape(origin: &str) -> String {
    let answer = Client::new().get(format!("{origin}/metrics")).send().await.expect("an answer");
    answer.error_for_status().expect("200").text().await.expect("text")
}

/// What each metric's comment says it is, and that it says what it means.
fn check_kinds(text: &str) {
    for metric in METRICS.iter().filter(|metric| text.contains(&format!("\n{}", metric.name))) {
        let kind = format!("# TYPE {} {}\n", metric.name, metric.kind.name());
        assert!(text.contains(&kind), "{kind}");
        assert!(text.contains(&format!("# HELP {} ", metric.name)), "{} is not explained", metric.name);
    }
}

/// Our series. Histograms are known by their buckets.
fn series(text: &str) -> Series {
    let mut series = Series::new();
    for line in text.lines().filter(|line| line.starts_with("yonin_")) {
        let (name, rest) = line.split_once(['{', ' ']).expect("a value");
        let name = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let labels = rest.split_once('}').map_or("", |(labels, _)| labels);
        let names = labels.split(',').filter_map(|label| Some(label.split_once("=\"")?.0.to_owned()));
        series.entry(name.to_owned()).or_default().extend(names.filter(|name| name != "le"));
    }
    series
}

fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}
