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

/// A row with every field.
pub(super) fn full(resource: &Resource, n: u32, targets: &Targets) -> Map<String, Value> {
    let pair = |field: &Field| (field.name.clone(), value::good(field, n, targets.of(field)));
    resource.fields.iter().map(pair).collect()
}

/// A row with the required fields alone.
pub(super) fn least(resource: &Resource, n: u32, targets: &Targets) -> Map<String, Value> {
    full(resource, n, targets)
        .into_iter()
        .filter(|(name, _)| resource.field(name).is_some_and(|field| field.required))
        .collect()
}

/// What must come back for what was sent: the default, or null, where nothing was.
pub(super) fn assert_row(resource: &Resource, sent: &Map<String, Value>, received: &Value) {
    for field in &resource.fields {
        let expected = sent.get(&field.name).cloned().unwrap_or_else(|| value::default(field));
        let got = &received[&field.name];
        assert!(value::same(field, &expected, got), "{}.{}: sent {expected}, got {got}", resource.name, field.name);
    }
    for name in ["created_at", "updated_at"] {
        let text = received[name].as_str().unwrap_or_default();
        assert!(text.len() == 20 && text.ends_with('Z'), "{}.{name} is {text:?}", resource.name);
    }
}

/// The resources, and those that refer to each.
pub(super) fn referrers<'a>(spec: &'a Spec, name: &str) -> Vec<(&'a Resource, &'a Field)> {
    let refers = |field: &&Field| matches!(&field.kind, Kind::Ref(target) if target == name);
    spec.resources.iter().flat_map(|one| one.fields.iter().filter(refers).map(move |field| (one, field))).collect()
}
