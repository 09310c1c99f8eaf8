//! Every rule of every field: what breaks it is refused, and says which field it was.

use super::{
    part::{at, call, expect},
    value::{bad, good, row},
};
use protocol::artifact::{Check, Field, FieldType, Matcher, Method, Resource};
use serde_json::{Value, json};

pub(super) fn refuses(resource: &Resource) -> Vec<Check> {
    let mut checks = Vec::new();
    for field in &resource.fields {
        for (n, value) in bad(field).into_iter().enumerate() {
            checks.push(refused(resource, field, &format!("bad-{n}"), Some(value)));
        }
        if field.required {
            checks.push(refused(resource, field, "null", Some(Value::Null)));
            checks.push(refused(resource, field, "empty", Some(json!(""))));
            if field.default.is_none() {
                checks.push(refused(resource, field, "absent", None));
            }
        }
        if field.unique {
            checks.extend(unique(resource, field));
        }
    }
    let mut body = row(resource, 5);
    body.insert("no_such_field".to_owned(), json!(1));
    checks.push(refusal(
        resource,
        "unknown-field",
        "A field that is not there is refused",
        body.into(),
        "no_such_field",
    ));
    checks
}

fn refused(resource: &Resource, field: &Field, rule: &str, value: Option<Value>) -> Check {
    let mut body = row(resource, 5);
    body.remove(&field.name);
    body.extend(value.map(|value| (field.name.clone(), value)));
    let (id, title) = (format!("{}.{rule}", field.name), format!("{}.{} refuses {rule}", resource.name, field.name));
    refusal(resource, &id, &title, body.into(), &field.name)
}

fn refusal(resource: &Resource, id: &str, title: &str, body: Value, field: &str) -> Check {
    let path = format!("/api/{}", resource.name);
    let mut check = call(format!("{}.{id}", resource.name), title.to_owned(), Method::Post, path, Some(body), 422);
    expect(&mut check, |it| it.json.push(at(format!("/errors/{field}/0"), Matcher::Present)));
    check
}

/// The value of the row that is there is taken; one that differs in case alone is not.
fn unique(resource: &Resource, field: &Field) -> Vec<Check> {
    let (name, path) = (&resource.name, format!("/api/{}", resource.name));
    let mut twin = row(resource, 6);
    twin.insert(field.name.clone(), good(field, 1));
    let title = format!("{name}.{} is unique", field.name);
    let mut checks = vec![call(
        format!("{name}.{}.taken", field.name),
        title,
        Method::Post,
        path.clone(),
        Some(twin.clone().into()),
        409,
    )];
    if field.kind == FieldType::String {
        let other = good(field, 1).as_str().unwrap_or_default().replace("Aé", "aé");
        twin.insert(field.name.clone(), json!(other));
        let title = format!("{name}.{} compares exactly", field.name);
        checks.push(call(format!("{name}.{}.case", field.name), title, Method::Post, path, Some(twin.into()), 201));
    }
    checks
}
