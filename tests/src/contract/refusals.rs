//! What an app must refuse, and what it must not.

use super::{
    rows::{self, Targets},
    site::{Site, api},
    spec::{Field, Kind, Resource, Spec},
    value,
};
use reqwest::Method;
use serde_json::{Value, json};

/// Values that break a type or a modifier, and fields that are not there: 422, and nothing is stored.
pub(super) async fn bad_values(site: &Site, resource: &Resource, targets: &Targets) {
    let before = site.list(&api(resource)).await["total"].clone();
    for field in &resource.fields {
        for bad in value::bad(field) {
            refuses(site, resource, targets, &field.name, Some(bad)).await;
        }
        if field.required && field.default.is_none() {
            refuses(site, resource, targets, &field.name, None).await;
        }
    }
    for unknown in ["nope", "id", "created_at", "", "0", "\0a"] {
        refuses(site, resource, targets, unknown, Some(json!(1))).await;
    }
    assert_eq!(site.list(&api(resource)).await["total"], before, "a refused row was stored");
}

async fn refuses(site: &Site, resource: &Resource, targets: &Targets, name: &str, value: Option<Value>) {
    let mut row = rows::full(resource, 2, targets);
    row.remove(name);
    row.extend(value.clone().map(|value| (name.to_owned(), value)));
    let answer = site.json(Method::POST, &api(resource), &row).await;
    assert_eq!(answer.status, 422, "{}.{name} took {value:?}: {}", resource.name, answer.text);
    let errors = &answer.json()["errors"][name];
    assert!(errors.as_array().is_some_and(|list| !list.is_empty()), "{name}: {}", answer.text);
}

/// 409 for a value that is taken, by POST, PUT and PATCH; texts that are only alike are taken.
pub(super) async fn unique(site: &Site, resource: &Resource, targets: &Targets) {
    for field in resource.fields.iter().filter(|field| field.unique) {
        let Some(taken) = rows::full(resource, 1, targets).remove(&field.name).filter(|value| !value.is_null()) else {
            continue;
        };
        let mut twin = rows::full(resource, 3, targets);
        let other = site.create(resource, &twin).await;
        let path = format!("{}/{}", api(resource), other["id"]);
        for same in value::equals(field, &taken) {
            twin.insert(field.name.clone(), same.clone());
            let change = json!({ field.name.as_str(): same });
            for (method, path, body) in [
                (Method::POST, &api(resource), &Value::Object(twin.clone())),
                (Method::PUT, &path, &Value::Object(twin.clone())),
                (Method::PATCH, &path, &change),
            ] {
                let answer = site.json(method.clone(), path, body).await;
                assert_eq!(answer.status, 409, "{method} {}.{}={same}: {}", resource.name, field.name, answer.text);
            }
        }
        site.remove(resource, &other).await;
        if field.kind == Kind::String {
            almost(site, resource, targets, field, &taken).await;
        }
        let broken = resource.fields.iter().find(|other| other.name != field.name);
        twin.insert(broken.map_or("nope".to_owned(), |field| field.name.clone()), json!({"not": "valid"}));
        let answer = site.json(Method::POST, &api(resource), &twin).await;
        assert_eq!(answer.status, 422, "422 comes before 409: {}", answer.text);
    }
}

async fn almost(site: &Site, resource: &Resource, targets: &Targets, field: &Field, taken: &Value) {
    let text = taken.as_str().expect("a string");
    for other in [
        text.to_uppercase(),
        text.trim_end().to_owned(),
        text.replace('ü', "u"),
        text.replace('ü', "u\u{308}"),
        text.replace('あ', "ア"),
        text.replace('あ', "ぁ"),
        text.replace('A', "Ａ"),
        text.replace('🎉', "🎊"),
    ] {
        assert_ne!(other, text);
        let mut row = rows::full(resource, 4, targets);
        row.insert(field.name.clone(), json!(other));
        let made = site.create(resource, &row).await;
        site.remove(resource, &made).await;
    }
}

/// 409 for the deletion of a row that another refers to, and for nothing else.
pub(super) async fn still_referenced(site: &Site, spec: &Spec, resource: &Resource, targets: &Targets) {
    for (referrer, field) in rows::referrers(spec, &resource.name) {
        let target = site.create(resource, &rows::full(resource, 20, targets)).await;
        let mut row = rows::full(referrer, 21, targets);
        row.insert(field.name.clone(), target["id"].clone());
        let holder = site.create(referrer, &row).await;
        let path = format!("{}/{}", api(resource), target["id"]);
        assert_eq!(site.send(site.request(Method::DELETE, &path)).await.status, 409, "{path} is still referenced");
        site.remove(referrer, &holder).await;
        site.remove(resource, &target).await;
    }
}
