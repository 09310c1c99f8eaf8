//! Rows that a spec takes.

use super::{
    spec::{Field, Kind, Resource, Spec},
    value,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// An id of each resource that has a row, for references.
#[derive(Debug, Default)]
pub(super) struct Targets(BTreeMap<String, u64>);

impl Targets {
    pub(super) fn remember(&mut self, resource: &Resource, row: &Value) {
        let id = row["id"].as_u64().expect("an id is a number");
        self.0.insert(resource.name.clone(), id);
    }

    pub(super) fn of(&self, field: &Field) -> Option<u64> {
        match &field.kind {
            Kind::Ref(target) => self.0.get(target).copied(),
            _ => None,
        }
    }
}

/// A row with every field. A unique field of few values has one in the first row alone.
pub(super) fn full(resource: &Resource, n: u32, targets: &Targets) -> Map<String, Value> {
    let value = |field: &Field| match field.unique && n != 1 {
        true if has_few_values(field) => Value::Null,
        _ => value::good(field, n, targets.of(field)),
    };
    resource.fields.iter().map(|field| (field.name.clone(), value(field))).collect()
}

/// A row with the required fields alone, and null where a default would point to no row or be taken.
pub(super) fn least(resource: &Resource, n: u32, targets: &Targets) -> Map<String, Value> {
    let mut row = full(resource, n, targets);
    for field in resource.fields.iter().filter(|field| !field.required) {
        let astray = matches!(field.kind, Kind::Ref(_)) && targets.of(field) != Some(1);
        if field.default.is_some() && (astray || field.unique && has_few_values(field)) {
            row.insert(field.name.clone(), Value::Null);
        } else {
            row.remove(&field.name);
        }
    }
    row
}

fn has_few_values(field: &Field) -> bool {
    matches!(field.kind, Kind::Bool | Kind::Enum | Kind::Ref(_))
}

/// A row with null wherever it may be.
pub(super) fn nulls(resource: &Resource, n: u32, targets: &Targets) -> Map<String, Value> {
    let mut row = full(resource, n, targets);
    for field in resource.fields.iter().filter(|field| !field.required) {
        row.insert(field.name.clone(), Value::Null);
    }
    row
}

/// What must come back for what was sent: the default, or null, where nothing was.
pub(super) fn assert_row(resource: &Resource, sent: &Map<String, Value>, received: &Value) {
    for field in &resource.fields {
        let expected = sent.get(&field.name).cloned().unwrap_or_else(|| default(field));
        let got = &received[&field.name];
        assert!(value::same(field, &expected, got), "{}.{}: sent {expected}, got {got}", resource.name, field.name);
    }
    for name in ["created_at", "updated_at"] {
        let text = received[name].as_str().unwrap_or_default();
        assert!(text.len() == 20 && text.ends_with('Z'), "{}.{name} is {text:?}", resource.name);
    }
}

/// What an absent value becomes.
pub(super) fn default(field: &Field) -> Value {
    field.default.as_ref().map_or(Value::Null, |preset| preset.value.clone())
}

/// The resources, and those that refer to each.
pub(super) fn referrers<'a>(spec: &'a Spec, name: &str) -> Vec<(&'a Resource, &'a Field)> {
    let refers = |field: &&Field| matches!(&field.kind, Kind::Ref(target) if target == name);
    spec.resources.iter().flat_map(|one| one.fields.iter().filter(refers).map(move |field| (one, field))).collect()
}
