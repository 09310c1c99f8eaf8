//! Every rule of every field: what breaks it is refused, and says which field it was.

use super::{
    part::{call, capture_id, refused},
    subject::{Room, Subject},
    value::{bad, good},
};
use protocol::artifact::{Check, Field, FieldType, Method};
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    mem::{Discriminant, discriminant},
};

/// What was shown already. A rule of a type is the same for every field of it: every field shows one, the first field of
/// its type all of them.
#[derive(Default)]
pub(super) struct Rules {
    types: HashSet<Discriminant<FieldType>>,
    required: bool,
}

impl Rules {
    pub(super) fn refuse(&mut self, subject: &Subject<'_>) -> Vec<Check> {
        let mut checks = Vec::new();
        for field in subject.fields() {
            let all = if self.types.insert(discriminant(&field.kind)) { usize::MAX } else { 1 };
            let broken = bad(field).into_iter().take(all).enumerate();
            checks.extend(broken.map(|(n, value)| refuses(subject, field, &format!("bad-{n}"), Some(value))));
            checks.extend(self.required(subject, field));
            checks.extend(unique(subject, field));
        }
        let mut body = subject.row(5);
        body.insert("no_such_field".to_owned(), json!(1));
        let (id, title) =
            (format!("{}.unknown-field", subject.name()), "A field that is not there is refused".to_owned());
        checks.push(refused(id, title, subject.list(), body.into(), 422, Some("no_such_field")));
        checks
    }

    fn required(&mut self, subject: &Subject<'_>, field: &Field) -> Vec<Check> {
        if !field.required {
            return Vec::new();
        }
        let mut checks = Vec::new();
        if field.default.is_none() {
            checks.push(refuses(subject, field, "absent", None));
        }
        if field.default.is_some() || !std::mem::replace(&mut self.required, true) {
            checks.push(refuses(subject, field, "null", Some(Value::Null)));
            checks.push(refuses(subject, field, "empty", Some(json!(""))));
        }
        checks
    }
}

fn refuses(subject: &Subject<'_>, field: &Field, rule: &str, value: Option<Value>) -> Check {
    let mut body = subject.row(5);
    body.remove(&field.name);
    body.extend(value.map(|value| (field.name.clone(), value)));
    let id = format!("{}.{}.{rule}", subject.name(), field.name);
    let title = format!("{}.{} refuses {rule}", subject.name(), field.name);
    refused(id, title, subject.list(), body.into(), 422, Some(&field.name))
}

/// The value of the row that is there is taken; one that differs in case, accents or a space at its end is not.
fn unique(subject: &Subject<'_>, field: &Field) -> Vec<Check> {
    let first = subject.row(1).get(&field.name).cloned().filter(|value| !value.is_null());
    let Some(first) = first.filter(|_| field.unique && subject.has_row()) else { return Vec::new() };
    let id = format!("{}.{}", subject.name(), field.name);
    let mut twin = subject.row(6);
    twin.insert(field.name.clone(), first);
    // In a table with room for one row, another field may be the one that is found taken.
    let named = (subject.room == Room::Many).then_some(field.name.as_str());
    let taken = refused(format!("{id}.taken"), format!("{id} is unique"), subject.list(), twin.into(), 409, named);
    let mut checks = vec![taken];
    if subject.room == Room::Many && field.kind == FieldType::String {
        checks.extend(almost(subject, field));
    }
    checks
}

fn almost(subject: &Subject<'_>, field: &Field) -> Vec<Check> {
    let taken = good(field, 1).as_str().unwrap_or_default().to_owned();
    let others =
        [("case", taken.replace('A', "a")), ("accent", taken.replace('é', "e")), ("space", format!("{taken} "))];
    let mut checks = Vec::new();
    for (what, value) in others {
        let id = format!("{}.{}.{what}", subject.name(), field.name);
        let mut row = subject.row(6);
        row.insert(field.name.clone(), json!(value));
        let title = format!("{}.{} compares exactly: {what}", subject.name(), field.name);
        let mut made = call(id.clone(), title, Method::Post, subject.list(), Some(row.into()), 201);
        let variable = format!("{}_{}", subject.name(), what);
        capture_id(&mut made, &variable);
        let path = format!("{}/${{{variable}_id}}", subject.list());
        checks.push(made);
        checks.push(call(format!("{id}-gone"), "It goes again".to_owned(), Method::Delete, path, None, 204));
    }
    checks
}
