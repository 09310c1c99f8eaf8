use std::collections::BTreeMap;

/// Two versions of one crate cost build time and binary size, and their types don't fit together.
#[test]
fn there_is_one_version_of_each_dependency_but_for_known_twins() {
    let skip = crate::policy().bans.skip;
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in crate::metadata().packages {
        versions.entry(package.name.to_string()).or_default().push(package.version.to_string());
    }
    for twin in &skip {
        let there =
            versions.get(&twin.name).is_some_and(|found| found.iter().any(|version| is(version, &twin.version)));
        assert!(there, "{} {} has gone: take it out of deny.toml", twin.name, twin.version);
    }
    for (name, found) in &versions {
        let known = |version: &&String| skip.iter().any(|twin| twin.name == *name && is(version, &twin.version));
        let others: Vec<_> = found.iter().filter(|version| !known(version)).collect();
        assert!(others.len() <= 1, "{name}: {others:?}");
    }
}

/// `0.22.1` is a `0.22`.
fn is(version: &str, prefix: &str) -> bool {
    version.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
