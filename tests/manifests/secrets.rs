//! Secrets: `k8s/make-secrets` makes every one that a pod mounts, once; no file of ours has one in it.

use crate::chart::{Objects, Variant, render};
use k8s_openapi::api::core::v1::Volume;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};
use tester::VerdictKey;

fn make_secrets(cluster: &Path, arguments: &[&str]) -> String {
    run("make-secrets", cluster, arguments, cluster)
}

/// Runs a program with a kubectl that keeps everything in a directory, and in another what it was like at each restart. What it said.
fn run(program: &str, cluster: &Path, arguments: &[&str], restarts: &Path) -> String {
    let pretend = crate::root().join("tests/manifests/pretend-kubectl");
    let output = Command::new(crate::root().join("k8s").join(program))
        .args(arguments)
        .env("YONIN_KUBECTL", pretend)
        .env("PRETEND_CLUSTER", cluster)
        .env("PRETEND_RESTARTS", restarts)
        .output()
        .expect("bash is there");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    said.into_owned()
}

/// Every value: namespace/secret/key.
fn values(cluster: &Path) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let list =
        |dir: &Path| fs::read_dir(dir).expect("a directory").map(|it| it.expect("an entry").path()).collect::<Vec<_>>();
    for key in list(cluster).iter().flat_map(|it| list(it)).flat_map(|it| list(&it)) {
        let name = key.strip_prefix(cluster).expect("below").display().to_string();
        values.insert(name, fs::read_to_string(key).expect("UTF-8"));
    }
    values
}

#[test]
fn every_secret_that_is_mounted_is_made_and_made_once() {
    let cluster = tempfile::tempdir().expect("a directory");
    let said = make_secrets(cluster.path(), &[]);
    let made = values(cluster.path());
    for (name, value) in &made {
        assert!(!value.is_empty() && !value.contains(char::is_whitespace), "{name} is one word");
        assert!(!said.contains(value.as_str()), "{name} was said");
    }
    let mounted = mounted(&Objects::of(&Variant::K3S));
    let names: BTreeSet<String> = made.keys().filter(|name| !name.contains("/admin/")).cloned().collect();
    assert_eq!(names, mounted);

    make_secrets(cluster.path(), &[]);
    assert_eq!(values(cluster.path()), made, "a second time changes nothing");
    // What is lost is made again so that it fits the rest.
    fs::remove_dir_all(cluster.path().join("external-env/host")).expect("it was there");
    make_secrets(cluster.path(), &[]);
    let again = values(cluster.path());
    for key in ["callers", "tester-public-key", "mysql-url", "redis-url"] {
        let name = format!("external-env/host/{key}");
        assert_eq!(again[&name], made[&name]);
    }
    fit(&again);
}

#[test]
fn what_compose_has_used_goes_on() {
    let (cluster, dir) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let seed = "07".repeat(32);
    let public = hex::encode(VerdictKey::from_seed(&[7; 32]).public().to_bytes());
    for (file, value) in
        [("planner_key", "p"), ("env_mysql_password", "m"), ("signing_key", &seed), ("tester_public_key", &public)]
    {
        fs::write(dir.path().join(file), value).expect("it can be written");
    }
    make_secrets(cluster.path(), &["--from", dir.path().to_str().expect("UTF-8")]);
    let made = values(cluster.path());
    assert_eq!((made["ai-agents/planner/key"].as_str(), made["external-env/mysql/root-password"].as_str()), ("p", "m"));
    assert_eq!(made["external-env/host/mysql-url"], "mysql://root:m@mysql.external-env.svc.cluster.local:3306/");
    fit(&made);
}

#[test]
fn nobody_is_refused_while_a_key_is_rotated() {
    for (service, called) in [
        ("planner", vec!["ai-agents/architect", "ai-agents/coder", "ai-agents/tester"]),
        ("architect", vec!["ai-agents/coder"]),
        ("tester", vec!["external-env/host"]),
    ] {
        let (cluster, restarts) =
            (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        make_secrets(cluster.path(), &[]);
        let before = values(cluster.path());
        let (key, own) = (format!("ai-agents/{service}/key"), format!("{service}-agent"));
        // What each process has read when it started.
        let mut shown = before[&key].clone();
        let mut known: BTreeMap<_, _> =
            called.iter().map(|it| (*it, before[&format!("{it}/callers")].clone())).collect();

        run("rotate-key", cluster.path(), &[service], restarts.path());
        let mut steps: Vec<_> =
            fs::read_dir(restarts.path()).expect("steps").map(|it| it.expect("an entry").path()).collect();
        steps.sort();
        for step in steps {
            let name = step.file_name().and_then(|it| it.to_str()).and_then(|it| it.split_once('-')).expect("a step").1;
            let values = values(&step);
            if name == own {
                shown.clone_from(&values[&key]);
            } else {
                let of = called.iter().find(|it| name.starts_with(it.rsplit('/').next().expect("a name")));
                let of = of.expect("it is called");
                known.insert(of, values[&format!("{of}/callers")].clone());
            }
            for (of, callers) in &known {
                assert!(admits(callers, &shown), "{of} refuses {service} after the restart of {name}");
            }
        }
        let after = values(cluster.path());
        assert!(after[&key] != before[&key] && shown == after[&key], "there is a new key, and it is used");
        assert!(
            known.values().all(|callers| !admits(callers, &before[&key])),
            "the old key of {service} is still good"
        );
        fit(&after);
    }
}

/// Whether a service with these callers takes this key.
fn admits(callers: &str, key: &str) -> bool {
    let variables =
        [("YONIN_KEY", "own"), ("YONIN_CALLERS", callers)].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut reader = runtime::config::Reader::of(variables);
    let config = runtime::config::ServiceConfig::read(&mut reader);
    reader.finish().expect("no mistakes");
    let header = format!("Bearer {key}").parse().expect("a header");
    config.callers.authenticate(&[(reqwest::header::AUTHORIZATION, header)].into_iter().collect()).is_ok()
}

/// Do the services know each other, and the host the Tester's signature?
fn fit(values: &BTreeMap<String, String>) {
    let seed = hex::decode(&values["ai-agents/tester/signing-key"]).expect("hexadecimal");
    let key = VerdictKey::from_seed(&seed.try_into().expect("32 bytes"));
    assert_eq!(hex::encode(key.public().to_bytes()), values["external-env/host/tester-public-key"]);
    for (service, callers) in [
        ("ai-agents/architect", vec!["planner"]),
        ("ai-agents/coder", vec!["planner", "architect"]),
        ("ai-agents/tester", vec!["planner"]),
        ("external-env/host", vec!["coder", "tester"]),
    ] {
        for caller in ["planner", "architect", "coder", "tester"] {
            let admitted = admits(&values[&format!("{service}/callers")], &values[&format!("ai-agents/{caller}/key")]);
            assert_eq!(admitted, callers.contains(&caller), "{caller} at {service}");
        }
    }
}

/// Namespace/secret/key of all that pods mount. Where no keys are named, those that the program reads.
fn mounted(objects: &Objects) -> BTreeSet<String> {
    let mut mounted = BTreeSet::new();
    for workload in objects.workloads() {
        let mut add = |secret: &str, keys: Vec<String>| {
            mounted.extend(keys.into_iter().map(|key| format!("{}/{secret}/{key}", workload.namespace)));
        };
        for Volume { secret, projected, .. } in workload.pod.volumes.clone().unwrap_or_default() {
            if let Some(secret) = secret {
                let name = secret.secret_name.expect("a name");
                let keys = secret
                    .items
                    .map_or_else(|| read(&workload.name), |items| items.into_iter().map(|it| it.key).collect());
                add(&name, keys);
            }
            for secret in projected.into_iter().flat_map(|it| it.sources.unwrap_or_default()).filter_map(|it| it.secret)
            {
                let keys = secret
                    .items
                    .map_or_else(|| read(&workload.name), |items| items.into_iter().map(|it| it.key).collect());
                add(&secret.name, keys);
            }
        }
    }
    mounted
}

/// The files in /run/secrets that a service's variables name, and which come from its own Secret.
fn read(name: &str) -> Vec<String> {
    let maps = Objects::of(&Variant::K3S).all::<k8s_openapi::api::core::v1::ConfigMap>();
    let map = maps.into_iter().find(|it| it.metadata.name.as_deref() == Some(name)).expect("a configuration");
    let files = map
        .data
        .unwrap_or_default()
        .into_values()
        .filter_map(|value| Some(value.strip_prefix("/run/secrets/")?.to_owned()));
    files.filter(|file| !["store-url", "hints-url"].contains(&file.as_str())).collect()
}

#[test]
fn no_manifest_has_a_secret_in_it() {
    for variant in Variant::ALL {
        let objects = Objects::of(&variant);
        assert!(objects.named("Secret").is_empty());
        for line in render(&variant).lines().map(str::to_lowercase) {
            let suspicious =
                ["password:", "token:", "secret_key", "begin private"].iter().any(|word| line.contains(word));
            assert!(!suspicious || line.contains("automountserviceaccounttoken: false"), "{variant:?}: {line}");
        }
    }
}
