use spdx::{Expression, ParseMode};

#[test]
fn every_dependency_has_a_licence_that_we_can_ship() {
    let allow = crate::policy().licenses.allow;
    for package in crate::metadata().packages {
        let text = package.license.as_deref().unwrap_or_else(|| panic!("{} names no licence", package.name));
        let licence =
            Expression::parse_mode(text, ParseMode::LAX).unwrap_or_else(|error| panic!("{}: {error}", package.name));
        let allowed = licence.evaluate(|licence| allow.contains(&licence.to_string()));
        assert!(allowed, "{} {}: {text} is not in deny.toml", package.name, package.version);
    }
}

#[test]
fn every_dependency_comes_from_a_registry_that_we_know() {
    let known = crate::policy().sources.allow_registry;
    for package in crate::metadata().packages {
        let Some(source) = &package.source else { continue };
        let registry = source.repr.strip_prefix("registry+").unwrap_or(&source.repr);
        assert!(known.iter().any(|known| known == registry), "{}: {source}", package.name);
    }
}
