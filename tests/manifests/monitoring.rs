//! Rules and alerts: do they fire when they should, and do they look at what is there? That services export just these metrics is
//! tested on running ones, in the scenarios.

use crate::{
    chart::{Objects, Variant, documents},
    tools::succeed,
};
use k8s_openapi::api::core::v1::ConfigMap;
use runtime::telemetry::{Kind, METRICS};
use std::{collections::BTreeSet, fs};

const RULES: &str = "k8s/chart/files/rules.yaml";
const RULES_TEST: &str = "tests/manifests/rules_test.yaml";

#[test]
fn rules_are_well_formed() {
    succeed("promtool", &["check", "rules", RULES], "");
}

#[test]
fn every_alert_fires_when_it_should_and_not_before() {
    succeed("promtool", &["test", "rules", RULES_TEST], "");
    // And none is left untested: each fires in one test at least, and is looked for in vain in another.
    let tests = &documents(&fs::read_to_string(crate::root().join(RULES_TEST)).expect("the tests"))[0];
    let (mut fires, mut rests) = (BTreeSet::new(), BTreeSet::new());
    for case in tests["tests"].as_array().expect("tests") {
        for looked in case["alert_rule_test"].as_array().into_iter().flatten() {
            let name = looked["alertname"].as_str().expect("a name").to_owned();
            let fired = looked["exp_alerts"].as_array().is_some_and(|alerts| !alerts.is_empty());
            (if fired { &mut fires } else { &mut rests }).insert(name);
        }
    }
    let alerts: BTreeSet<String> = rules().into_iter().filter_map(|(alert, _)| alert).collect();
    assert!(alerts.len() >= 8);
    assert_eq!((&fires, &rests), (&alerts, &alerts));
}

/// Alert, if it is one, and expression of every rule.
fn rules() -> Vec<(Option<String>, String)> {
    let rules = &documents(&fs::read_to_string(crate::root().join(RULES)).expect("the rules"))[0];
    let groups = rules["groups"].as_array().expect("groups");
    groups
        .iter()
        .flat_map(|group| group["rules"].as_array().expect("rules"))
        .map(|rule| {
            (rule["alert"].as_str().map(str::to_owned), rule["expr"].as_str().expect("an expression").to_owned())
        })
        .collect()
}

#[test]
fn rules_look_at_what_services_export() {
    let known: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
    let mut seen = BTreeSet::new();
    let words = |text: &str| -> Vec<String> {
        text.split(|it: char| !(it.is_ascii_alphanumeric() || it == '_' || it == ':')).map(str::to_owned).collect()
    };
    for (_, expression) in rules() {
        for word in words(&expression).into_iter().filter(|word| word.starts_with("yonin_")) {
            assert!(known.contains(word.as_str()), "{word} is exported by nobody: {expression}");
            seen.insert(word);
        }
    }
    for scaled in Objects::of(&Variant::KEDA).named("ScaledObject") {
        let query = scaled["spec"]["triggers"][0]["metadata"]["query"].as_str().expect("a query");
        let names: Vec<_> = words(query).into_iter().filter(|word| word.starts_with("yonin_")).collect();
        assert_eq!(names, ["yonin_jobs"]);
    }
    assert!(seen.len() >= 8, "{seen:?}");
}

#[test]
fn names_follow_the_conventions() {
    for metric in METRICS {
        let (name, kind) = (metric.name, metric.kind);
        assert!(name.starts_with("yonin_"), "{name}");
        assert_eq!(name.ends_with("_total"), kind == Kind::Counter, "{name}");
        assert!(kind != Kind::Histogram || name.ends_with("_seconds"), "{name}");
    }
}

#[test]
fn the_handbook_lists_every_metric() {
    let mut table = String::from("| metric | kind | labels | meaning |\n|---|---|---|---|\n");
    for metric in METRICS {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        table +=
            &format!("| `{}` | {} | {} | {} |\n", metric.name, metric.kind.name(), labels.join(" "), metric.meaning);
    }
    let path = "docs/operations/metrics.md";
    let page = fs::read_to_string(crate::root().join(path)).expect("the page");
    let (before, rest) = page.split_once("<!-- metrics -->\n").expect("where the table begins");
    let (_, after) = rest.split_once("<!-- /metrics -->").expect("where the table ends");
    crate::kept(path, &format!("{before}<!-- metrics -->\n{table}<!-- /metrics -->{after}"));
}

#[test]
fn prometheus_and_alertmanager_understand_their_configurations() {
    let maps = Objects::of(&Variant::K3S).all::<ConfigMap>();
    let dir = tempfile::tempdir().expect("a directory");
    for (map, file) in
        [("prometheus", "prometheus.yml"), ("prometheus", "rules.yaml"), ("alertmanager", "alertmanager.yml")]
    {
        let map = maps.iter().find(|it| it.metadata.name.as_deref() == Some(map)).expect("a configuration");
        let text = &map.data.as_ref().expect("files")[file];
        let here = text.replace("/etc/prometheus/", &format!("{}/", dir.path().display()));
        fs::write(dir.path().join(file), here).expect("it can be written");
    }
    let path = |file: &str| dir.path().join(file).display().to_string();
    let said = succeed("promtool", &["check", "config", &path("prometheus.yml")], "");
    assert!(said.contains("1 rule files found"), "{said}");
    succeed("amtool", &["check-config", &path("alertmanager.yml")], "");
}

#[test]
fn an_operator_gets_the_same_rules_and_targets() {
    let objects = Objects::of(&Variant::ELSEWHERE);
    let rules = &documents(&fs::read_to_string(crate::root().join(RULES)).expect("the rules"))[0];
    assert_eq!(&objects.named("PrometheusRule")[0]["spec"], rules);
    let jobs: BTreeSet<_> = objects
        .named("ServiceMonitor")
        .into_iter()
        .map(|it| it["spec"]["endpoints"][0]["relabelings"][0]["replacement"].as_str().expect("a job").to_owned())
        .collect();
    let expected = ["planner-agent", "architect-agent", "coder-agent", "tester-agent", "host"];
    assert_eq!(jobs, expected.map(str::to_owned).into());
}
