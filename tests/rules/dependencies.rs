use cargo_metadata::{DependencyKind, Package};
use std::collections::BTreeSet;

/// What each of our crates may use of ours, besides in its tests.
const ALLOWED: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("runtime", &["protocol"]),
    ("environment", &["protocol", "runtime"]),
    ("blueprint", &["protocol"]),
    ("planner", &["protocol", "runtime", "environment", "blueprint"]),
    ("architect", &["protocol", "runtime", "environment", "blueprint"]),
    ("coder", &["protocol", "runtime", "environment", "blueprint"]),
    ("tester", &["protocol", "runtime", "environment", "blueprint"]),
    ("yonin", &["protocol", "runtime", "environment", "planner", "architect", "coder", "tester"]),
];

#[test]
fn dependencies_point_one_way() {
    let metadata = crate::metadata();
    let packages = metadata.workspace_packages();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let ruled: BTreeSet<&str> = ALLOWED.iter().map(|&(name, _)| name).chain(["tests", "fuzz", "benches"]).collect();
    assert_eq!(ours, ruled, "every crate of the workspace has a rule, and every rule a crate");
    for &(name, allowed) in ALLOWED {
        let package = packages.iter().find(|package| package.name.as_str() == name).expect("checked above");
        for used in uses(package).filter(|used| ours.contains(used)) {
            assert!(allowed.contains(&used), "{name} must not depend on {used}");
        }
    }
}

#[test]
fn sql_stays_in_the_runtime_and_the_environment() {
    for package in crate::metadata().workspace_packages() {
        let speaks_sql = uses(package).any(|used| used == "sqlx");
        let may = ["runtime", "environment"].contains(&package.name.as_str());
        assert!(!speaks_sql || may, "{} must not depend on sqlx", package.name);
    }
}

#[test]
fn the_protocol_does_no_input_or_output() {
    let metadata = crate::metadata();
    let protocol = metadata.workspace_packages().into_iter().find(|package| package.name.as_str() == "protocol");
    for used in uses(protocol.expect("protocol")) {
        assert!(!["tokio", "axum", "reqwest", "sqlx", "redis", "rmcp"].contains(&used), "protocol must not use {used}");
    }
}

/// As a dependency of tests alone, a feature is in no program that is delivered, also when the whole tree is built at once.
#[test]
fn no_program_that_is_delivered_has_what_is_for_tests() {
    for feature in ["fail-points", "overlays"] {
        only_tests_ask_for(feature);
    }
}

fn only_tests_ask_for(feature: &str) {
    let metadata = crate::metadata();
    let mut asked = 0;
    for package in metadata.workspace_packages() {
        for wanted in package.dependencies.iter().filter(|one| one.features.iter().any(|name| name == feature)) {
            assert_eq!(wanted.kind, DependencyKind::Development, "{} must not ask for {feature}", package.name);
            asked += 1;
        }
        let passed_on = format!("/{feature}");
        let passed_on = package.features.iter().any(|(_, parts)| parts.iter().any(|part| part.contains(&passed_on)));
        assert!(!passed_on, "{} must not pass {feature} on", package.name);
    }
    assert!(asked > 0, "the tests ask for {feature}");
}

fn uses(package: &Package) -> impl Iterator<Item = &str> {
    let normal = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
    normal.map(|dependency| dependency.name.as_str())
}
