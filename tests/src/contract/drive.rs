//! A deployed app, line by line of its contract.

use super::{
    http, lists, pages, races, refusals,
    rows::{self, Targets},
    site::{Site, api},
    spec::{Resource, Spec},
    value,
};
use reqwest::Method;
use serde_json::{Map, Value, json};

/// Holds an app without rows against the contract of the goal it was built from.
///
/// # Panics
/// At the first line of the contract that does not hold.
pub async fn drive(site: &Site, spec: &Spec) {
    let mut targets = Targets::default();
    for resource in &spec.resources {
        starts_empty(site, resource).await;
        let row = rows::full(resource, 1, &targets);
        let mut created = site.create(resource, &row).await;
        targets.remember(resource, &created);
        if rows::full(resource, 1, &targets) != row {
            created = refers_to_itself(site, resource, &created, &targets).await;
        }
        let row = rows::full(resource, 1, &targets);
        reads_back(site, resource, &row, &created).await;
        takes_what_it_must(site, resource, &targets).await;
        refusals::bad_values(site, resource, &targets).await;
        refusals::unique(site, resource, &targets).await;
        changes(site, resource, &created, &targets).await;
        lists::drive(site, resource, &targets).await;
        races::drive(site, resource, &targets).await;
        http::drive(site, resource, &created, &targets).await;
        pages::drive(site, resource, &targets).await;
    }
    for resource in &spec.resources {
        refusals::still_referenced(site, spec, resource, &targets).await;
    }
    pages::nothing_else(site, spec).await;
}

async fn starts_empty(site: &Site, resource: &Resource) {
    let list = site.list(&api(resource)).await;
    assert_eq!(list, json!({"items": [], "page": 1, "per_page": 20, "total": 0}), "{}", resource.name);
}

async fn refers_to_itself(site: &Site, resource: &Resource, created: &Value, targets: &Targets) -> Value {
    let path = format!("{}/{}", api(resource), created["id"]);
    let row = rows::full(resource, 1, targets);
    let answer = site.json(Method::PUT, &path, &row).await;
    assert_eq!(answer.status, 200, "{}: {}", resource.name, answer.text);
    rows::assert_row(resource, &row, &answer.json());
    answer.json()
}

async fn reads_back(site: &Site, resource: &Resource, row: &Map<String, Value>, created: &Value) {
    let one = site.list(&format!("{}/{}", api(resource), created["id"])).await;
    assert_eq!(&one, created);
    let first = site.get(&api(resource)).await;
    assert_eq!(first.header("x-cache"), "MISS", "{} right after a write", resource.name);
    let second = site.get(&api(resource)).await;
    assert_eq!(second.header("x-cache"), "HIT", "{} right after a read", resource.name);
    assert_eq!(first.text, second.text);
    assert_eq!(second.json()["items"], json!([created]));
    let names: Vec<&String> = created.as_object().expect("a bare object").keys().collect();
    assert_eq!(names.len(), row.len() + 3, "{names:?}");
}

/// The ends of each type's range, null and absence.
async fn takes_what_it_must(site: &Site, resource: &Resource, targets: &Targets) {
    for field in &resource.fields {
        for edge in value::edges(field) {
            let mut row = rows::full(resource, 2, targets);
            row.insert(field.name.clone(), edge);
            let made = site.create(resource, &row).await;
            site.remove(resource, &made).await;
        }
    }
    let least = rows::least(resource, 3, targets);
    let made = site.create(resource, &least).await;
    // Nulls are never taken.
    let again = site.create(resource, &rows::nulls(resource, 4, targets)).await;
    let more = site.create(resource, &rows::nulls(resource, 5, targets)).await;
    for row in [made, again, more] {
        site.remove(resource, &row).await;
    }
}

async fn changes(site: &Site, resource: &Resource, created: &Value, targets: &Targets) {
    let path = format!("{}/{}", api(resource), created["id"]);
    let other = rows::full(resource, 7, targets);
    for (name, value) in &other {
        let before = site.list(&path).await;
        let answer = site.json(Method::PATCH, &path, &json!({ name.as_str(): value })).await;
        assert_eq!(answer.status, 200, "PATCH {name}: {}", answer.text);
        let after = answer.json();
        for field in resource.fields.iter().filter(|field| field.name != *name) {
            assert_eq!(before[&field.name], after[&field.name], "PATCH {name} changed {}", field.name);
        }
    }
    rows::assert_row(resource, &other, &site.list(&path).await);
    assert_eq!(site.json(Method::PATCH, &path, &json!({})).await.status, 200);

    // Its own value is no other row's.
    assert_eq!(site.json(Method::PUT, &path, &other).await.status, 200);
    assert_eq!(site.json(Method::PATCH, &path, &other).await.status, 200);
    let least = rows::least(resource, 8, targets);
    let answer = site.json(Method::PUT, &path, &least).await;
    assert_eq!(answer.status, 200, "PUT {}: {}", resource.name, answer.text);
    rows::assert_row(resource, &least, &answer.json());
    for field in resource.fields.iter().filter(|field| !field.required) {
        let answer = site.json(Method::PATCH, &path, &json!({ field.name.as_str(): null })).await;
        assert_eq!((answer.status, &answer.json()[&field.name]), (200, &Value::Null), "PATCH {} to null", field.name);
    }

    let row = rows::full(resource, 1, targets);
    assert_eq!(site.json(Method::PUT, &path, &row).await.status, 200);
    rows::assert_row(resource, &row, &site.list(&path).await);
}
