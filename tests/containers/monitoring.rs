//! The profile `monitoring`: Prometheus with the chart's own targets, rules and alerts.

use crate::compose::{Compose, reached};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Two rounds of looking for targets and asking them, and some more.
const PATIENCE: Duration = Duration::from_secs(90);

/// Every replica is asked and answers, every rule counts, alerts have somewhere to go.
pub(crate) async fn everything_is_watched(compose: &Compose) {
    let until = Instant::now() + PATIENCE;
    while let Err(missing) = look(compose).await {
        assert!(Instant::now() < until, "{missing}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn look(compose: &Compose) -> Result<(), String> {
    let targets = ask(compose, "targets?state=active").await?;
    let mut up = BTreeMap::<&str, u32>::new();
    for target in list(&targets["activeTargets"]) {
        if target["health"] != "up" {
            return Err(format!("a target is not up: {target:#}"));
        }
        *up.entry(target["labels"]["job"].as_str().unwrap_or_default()).or_default() += 1;
    }
    let all = [("architect-agent", 1), ("coder-agent", 2), ("host", 1), ("planner-agent", 1), ("tester-agent", 1)];
    if up != BTreeMap::from(all) {
        return Err(format!("not all are asked: {up:?}"));
    }
    let rules = ask(compose, "rules").await?;
    let rules: Vec<_> = list(&rules["groups"]).iter().flat_map(|group| list(&group["rules"])).collect();
    if let Some(bad) = rules.iter().find(|rule| rule["health"] != "ok") {
        return Err(format!("a rule does not count: {bad:#}"));
    }
    let alerts = rules.iter().filter(|rule| rule["type"] == "alerting");
    if alerts.clone().count() < 10 {
        return Err(format!("rules are missing: {rules:#?}"));
    }
    if let Some(fires) = alerts.clone().find(|alert| alert["name"] == "YoninTargetDown" && alert["state"] != "inactive")
    {
        return Err(format!("an alert where all is well: {fires:#}"));
    }
    let told = ask(compose, "alertmanagers").await?;
    if list(&told["activeAlertmanagers"]).len() != 1 {
        return Err(format!("nobody is told of alerts: {told:#}"));
    }
    println!("Prometheus asks {} replicas, and has {} rules", up.values().sum::<u32>(), rules.len());
    Ok(())
}

async fn ask(compose: &Compose, what: &str) -> Result<Value, String> {
    let answer =
        reqwest::get(format!("{}/api/v1/{what}", compose.prometheus())).await.map_err(|error| format!("{error:?}"))?;
    let answer: Value = answer.json().await.map_err(|error| format!("{error:?}"))?;
    Ok(answer["data"].clone())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Prometheus reaches what it asks, and nothing else; in the networks that it asks in, nobody reaches more than before, nor Prometheus.
pub(crate) fn watching_opens_no_way(compose: &Compose) {
    let container = |service: &str| compose.container(service);
    let agents = ["planner", "architect", "coder", "tester"];
    let agents = agents.map(|agent| format!("{agent}-agent-replicas.ai-agents.svc.cluster.local:8080"));
    let asked = agents.into_iter().chain(["host-replicas.external-env.svc.cluster.local:8080".to_owned()]);
    assert_eq!(reached(&container("prometheus"), asked.clone()).len(), asked.count());
    for (from, to) in [
        (
            "prometheus",
            &[
                ("architect", "ai-agents", 8080),
                ("coder", "ai-agents", 8080),
                ("store", "ai-agents", 3306),
                ("hints", "ai-agents", 6379),
                ("host", "external-env", 8080),
                ("mysql", "external-env", 3306),
                ("redis", "external-env", 6379),
                ("web", "external-env", 80),
            ][..],
        ),
        ("php", &[("coder", "metrics", 8080), ("host", "metrics-host", 8080), ("prometheus", "metrics-host", 9090)]),
        ("host", &[("coder", "metrics", 8080), ("planner", "metrics", 8080), ("prometheus", "metrics-host", 9090)]),
        ("coder", &[("host", "metrics-host", 8080), ("prometheus", "metrics", 9090)]),
    ] {
        let at = |(service, network, port): &(&str, &str, u16)| {
            format!("{}:{port}", compose.address(&container(service), network))
        };
        assert_eq!(reached(&container(from), to.iter().map(at)), Vec::<String>::new(), "{from} reaches too much");
    }
}
