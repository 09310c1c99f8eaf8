//! How a generated app is shown to be right: every endpoint, every rule, the rows, the keys, the pages.

mod api;
mod pages;
mod part;
mod rules;
mod value;

use part::{get, html};
use protocol::artifact::{Act, Check, Design, FieldType, LogCheck, Resource};

/// What must hold of an app that was built from this design. Rows that the checks make are removed again, and their values
/// are new in every run, so the app may hold data.
#[must_use]
pub fn checks(design: &Design) -> Vec<Check> {
    let resources = in_order(&design.resources);
    let mut checks = vec![html("index", "The front page links every resource", "/", &resources)];
    for resource in &resources {
        let keys: Vec<_> =
            design.cache.iter().filter(|key| key.key.starts_with(&format!("list:{}:", resource.name))).collect();
        checks.extend(api::creates(resource));
        checks.extend(api::lists(resource, &keys));
        checks.extend(rules::refuses(resource));
        checks.extend(api::changes(resource));
        checks.extend(api::speaks_http(resource));
        checks.extend(pages::shows(resource));
    }
    for resource in resources.iter().rev() {
        checks.extend(api::deletes(resource, &resources));
    }
    checks.push(get("nothing-else", "Nothing else is served", "/no-such-page", 404));
    checks.push(Check {
        id: "log".to_owned(),
        title: "PHP reports no unhandled error".to_owned(),
        criterion: None,
        smoke: true,
        act: Act::Log(LogCheck { lacks: "(?i)uncaught|unhandled".to_owned() }),
    });
    checks
}

/// Resources in an order in which rows can be made: behind those that their required references point to.
fn in_order(resources: &[Resource]) -> Vec<&Resource> {
    let mut ordered: Vec<&Resource> = Vec::new();
    let mut rest: Vec<&Resource> = resources.iter().collect();
    while !rest.is_empty() {
        let ready = |resource: &&&Resource| {
            resource.fields.iter().filter(|field| field.required).all(|field| match &field.kind {
                FieldType::Ref(target) => ordered.iter().any(|one| one.name == *target),
                _ => true,
            })
        };
        // A circle of required references allows no row at all; what is left is then tried as it stands.
        let next = rest.iter().position(|resource| ready(&resource)).unwrap_or(0);
        let resource = rest.remove(next);
        ordered.push(resource);
    }
    ordered
}
