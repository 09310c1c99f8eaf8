//! Rows that others refer to.

use super::{
    part::{call, refused},
    subject::{Room, Subject},
};
use protocol::artifact::{Check, Field, FieldType, Method};
use serde_json::{Value, json};

/// A row stays while another refers to it; where a reference is unique, no second row takes it.
pub(super) fn kept(subjects: &[Subject<'_>]) -> Vec<Check> {
    let with_rows = || subjects.iter().filter(|one| one.has_row());
    let mut checks = Vec::new();
    for referrer in with_rows() {
        for field in referrer.fields() {
            let target = with_rows().find(|one| field.kind == FieldType::Ref(one.name().to_owned()));
            checks.extend(target.into_iter().flat_map(|target| holds(referrer, field, target)));
        }
    }
    checks
}

fn holds(referrer: &Subject<'_>, field: &Field, target: &Subject<'_>) -> Vec<Check> {
    let id = format!("{}.{}", referrer.name(), field.name);
    let point = |step: &str, title: String, value: Value| {
        let body = json!({ field.name.as_str(): value });
        call(format!("{id}.{step}"), title, Method::Patch, referrer.row_path(), Some(body), 200)
    };
    let mut checks = Vec::new();
    if !field.required {
        checks.push(point("refer", format!("{id} refers"), json!(target.id())));
        checks.extend(second(referrer, field, target));
    }
    let title = format!("What {id} refers to stays");
    checks.push(call(format!("{id}.held"), title, Method::Delete, target.row_path(), None, 409));
    if !field.required {
        checks.push(point("free", format!("{id} lets go"), Value::Null));
    }
    checks
}

fn second(referrer: &Subject<'_>, field: &Field, target: &Subject<'_>) -> Option<Check> {
    let mut twin = referrer.row(6);
    twin.insert(field.name.clone(), json!(target.id()));
    let title = format!("{}.{} is unique", referrer.name(), field.name);
    (field.unique && referrer.room == Room::Many).then(|| {
        let id = format!("{}.{}.taken", referrer.name(), field.name);
        refused(id, title, referrer.list(), twin.into(), 409, Some(&field.name))
    })
}
