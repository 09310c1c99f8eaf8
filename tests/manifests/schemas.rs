//! Does every object fit what Kubernetes, and those who know how clusters are broken into, expect?

use crate::{
    chart::{Objects, Variant, render},
    tools::{run, succeed},
};
use k8s_openapi::{
    Resource,
    api::{
        apps::v1::{Deployment, StatefulSet},
        autoscaling::v2::HorizontalPodAutoscaler,
        batch::v1::Job,
        core::v1::{ConfigMap, LimitRange, Namespace, PersistentVolumeClaim, ResourceQuota, Service, ServiceAccount},
        networking::v1::{Ingress, NetworkPolicy},
        policy::v1::PodDisruptionBudget,
    },
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeSet;

/// The oldest Kubernetes that the manifests are for, and the newest that there are schemas of.
const VERSIONS: [&str; 2] = ["1.33", "1.37"];

/// Of operators', which have schemas of their own.
const OTHERS: [&str; 3] = ["ScaledObject", "ServiceMonitor", "PrometheusRule"];

#[test]
fn every_object_fits_the_schemas() {
    // JSON is YAML; a document each, and each once: most are the same in all variants.
    let known: BTreeSet<String> = Variant::ALL
        .iter()
        .flat_map(|variant| Objects::of(variant).each().to_vec())
        .filter(|it| !OTHERS.contains(&it["kind"].as_str().unwrap_or_default()))
        .map(|it| it.to_string())
        .collect();
    assert!(known.len() > 100);
    let text: Vec<_> = known.into_iter().collect();
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a file");
    std::fs::write(file.path(), text.join("\n---\n")).expect("it can be written");
    let path = file.path().to_str().expect("UTF-8");
    for version in VERSIONS {
        let output = run("kubernetes-validate", &["--strict", "--kubernetes-version", version, path], "");
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !said.contains("WARN"), "{version}: {said}");
    }
}

#[test]
fn every_object_reads_back_as_what_it_was() {
    for variant in Variant::ALL {
        let objects = Objects::of(&variant);
        let mut read = reads::<Namespace>(&objects) + reads::<ResourceQuota>(&objects) + reads::<LimitRange>(&objects);
        read += reads::<ServiceAccount>(&objects) + reads::<ConfigMap>(&objects) + reads::<Service>(&objects);
        read += reads::<PersistentVolumeClaim>(&objects) + reads::<Deployment>(&objects);
        read += reads::<StatefulSet>(&objects) + reads::<Job>(&objects) + reads::<HorizontalPodAutoscaler>(&objects);
        read += reads::<PodDisruptionBudget>(&objects) + reads::<Ingress>(&objects) + reads::<NetworkPolicy>(&objects);
        let others: usize = OTHERS.iter().map(|kind| objects.named(kind).len()).sum();
        assert_eq!(read + others, objects.each().len(), "{variant:?}: an object of a kind that is not looked at");
    }
}

/// How many of a kind there are. What a type does not know would be gone when it is written again.
fn reads<T: Resource + Serialize + DeserializeOwned>(objects: &Objects) -> usize {
    let ours = |object: &&Value| object["apiVersion"] == T::API_VERSION && object["kind"] == T::KIND;
    let mut count = 0;
    for object in objects.each().iter().filter(ours) {
        let read: T = serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}: {object}"));
        let mut again = serde_json::to_value(read).expect("JSON");
        let mut object = object.clone();
        // A status that is not there is written as an empty one, by some types.
        for value in [&mut again, &mut object] {
            without_nothing(value);
        }
        assert_eq!(again, object);
        count += 1;
    }
    count
}

/// Takes out what says nothing: null, and empty objects and lists, which some types leave out.
fn without_nothing(value: &mut Value) {
    let says = |value: &Value| {
        !(value.is_null()
            || value.as_object().is_some_and(serde_json::Map::is_empty)
            || value.as_array().is_some_and(Vec::is_empty))
    };
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(without_nothing);
            fields.retain(|_, value| says(value));
        }
        Value::Array(items) => items.iter_mut().for_each(without_nothing),
        _ => {}
    }
}

/// What checkov finds and we leave, each with its reason.
#[derive(Debug, Deserialize)]
struct Accepted {
    check: String,
    /// `Kind.namespace.name`; all of them when it ends with `*`.
    resource: String,
    because: String,
}

#[test]
fn checkov_finds_nothing_but_what_was_looked_at() {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a file");
    std::fs::write(file.path(), render(&Variant::K3S)).expect("it can be written");
    let path = file.path().to_str().expect("UTF-8");
    let arguments = ["--skip-download", "--framework", "kubernetes", "--quiet", "--compact", "-o", "json", "-f", path];
    let output = run("checkov", &arguments, "");
    let said: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    assert!(said["summary"]["passed"].as_u64() > Some(1000), "{}", said["summary"]);
    let found = said["results"]["failed_checks"].as_array().expect("a list");
    let found: BTreeSet<(String, String)> =
        found.iter().map(|it| (text(&it["check_id"]), without_hash(&text(&it["resource"])))).collect();

    let accepted = std::fs::read_to_string(crate::root().join("tests/manifests/accepted.json")).expect("accepted.json");
    let accepted: Vec<Accepted> = serde_json::from_str(&accepted).expect("a list");
    let mut used = BTreeSet::new();
    for (check, resource) in &found {
        let at = accepted.iter().position(|it| {
            it.check == *check
                && it.resource.strip_suffix('*').map_or(it.resource == *resource, |start| resource.starts_with(start))
        });
        used.insert(at.unwrap_or_else(|| panic!("{check} is not accepted of {resource}")));
    }
    for (index, it) in accepted.iter().enumerate() {
        assert!(used.contains(&index), "{} is not found of {} any more", it.check, it.resource);
        assert!(it.because.len() > 20, "{}: why?", it.check);
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// The migration's name ends with a digest of what it runs.
fn without_hash(resource: &str) -> String {
    match resource.rsplit_once('-') {
        Some((start, _)) if start.ends_with("store-migrate") => start.to_owned(),
        _ => resource.to_owned(),
    }
}

/// The Rust types are of the version that the chart says it needs.
#[test]
fn the_chart_names_the_oldest_version() {
    let chart = succeed("helm", &["show", "chart", "k8s/chart"], "");
    assert!(chart.contains(&format!("kubeVersion: '>={}.0-0'", VERSIONS[0])), "{chart}");
}
