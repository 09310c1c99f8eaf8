//! What is asked of an app later, and what becomes of the rows that it has by then.

use super::{
    rows,
    site::{Site, api},
    spec::{self, Field, NAMES, Resource, Spec},
    value,
};
use proptest::{prelude::*, sample};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A second goal for an app.
#[derive(Debug, Clone)]
pub struct Growth {
    /// How it is written: what is new, and nothing else.
    pub goal: String,
    /// What the app keeps then.
    pub after: Spec,
    /// What it kept before.
    before: Spec,
}

impl Growth {
    /// New fields, other defaults, new resources.
    pub fn of(before: &Spec) -> impl Strategy<Value = Self> + use<> {
        let before = before.clone();
        let names = known_names(&before);
        let free: Vec<&'static str> = NAMES.into_iter().filter(|name| !names.contains(name)).collect();
        sample::subsequence(free, 0..=2).prop_flat_map(move |new| {
            let all: Vec<&'static str> = names.iter().copied().chain(new).collect();
            let added: Vec<_> = (0..names.len()).map(|place| added_fields(all.clone(), place)).collect();
            let made: Vec<_> = (names.len()..all.len()).map(|place| spec::resource(all.clone(), place)).collect();
            let before = before.clone();
            (added, made).prop_map(move |(added, made)| Self::from_parts(&before, added, made))
        })
    }

    fn from_parts(before: &Spec, added: Vec<Vec<Field>>, made: Vec<Resource>) -> Self {
        let (mut after, mut asked) = (before.clone(), Vec::new());
        for (resource, added) in after.resources.iter_mut().zip(added) {
            let mut said = added.clone();
            // A default where there was none.
            if let Some(field) = resource.fields.iter_mut().find(|field| field.default.is_none() && !field.unique) {
                field.default = Some(spec::default(&field.kind));
                said.push(field.clone());
            }
            resource.fields.extend(added);
            if !said.is_empty() {
                asked.push(Resource { name: resource.name.clone(), fields: said });
            }
        }
        after.resources.extend(made.iter().cloned());
        asked.extend(made);
        if asked.is_empty() {
            let one = Resource { name: "one_more".to_owned(), fields: before.resources[0].fields[..1].to_vec() };
            after.resources.push(one.clone());
            asked.push(one);
        }
        Self { goal: spec::say(&asked, before.prose), after, before: before.clone() }
    }
}

fn known_names(spec: &Spec) -> Vec<&'static str> {
    let known = |resource: &Resource| NAMES.into_iter().find(|name| *name == resource.name);
    spec.resources.iter().filter_map(known).collect()
}

fn added_fields(names: Vec<&'static str>, place: usize) -> impl Strategy<Value = Vec<Field>> {
    sample::subsequence(vec!["extra", "added", "link", "having"], 0..=2).prop_flat_map(move |fields| {
        fields.into_iter().map(|name| spec::field(name, names.clone(), place)).collect::<Vec<_>>()
    })
}

/// All rows of an app, by resource.
pub async fn rows_of(site: &Site, spec: &Spec) -> BTreeMap<String, Vec<Value>> {
    let mut rows = BTreeMap::new();
    for resource in &spec.resources {
        let list = site.list(&format!("{}?per_page=100", api(resource))).await;
        rows.insert(resource.name.clone(), list["items"].as_array().expect("items").clone());
    }
    rows
}

/// Rows that were there before the app grew have what they had; in new fields they have the default, unless it would make
/// them collide or point nowhere, and otherwise nothing.
///
/// # Panics
/// When one was lost or changed.
pub async fn survives(site: &Site, growth: &Growth, rows: &BTreeMap<String, Vec<Value>>) {
    let now = rows_of(site, &growth.after).await;
    for resource in &growth.after.resources {
        let old = growth.before.resources.iter().find(|one| one.name == resource.name);
        let (before, after) = (rows.get(&resource.name).map_or(&[][..], Vec::as_slice), &now[&resource.name]);
        assert_eq!(before.len(), after.len(), "rows of {}", resource.name);
        for (before, after) in before.iter().zip(after) {
            for field in &resource.fields {
                let known = old.and_then(|old| old.field(&field.name)).is_some();
                let fills = !field.unique && !matches!(field.kind, spec::Kind::Ref(_));
                let expected = match (known, fills) {
                    (true, _) => before[&field.name].clone(),
                    (false, true) => rows::default(field),
                    (false, false) => Value::Null,
                };
                let got = &after[&field.name];
                assert!(
                    value::same(field, &expected, got),
                    "{}.{}: {expected} became {got}",
                    resource.name,
                    field.name
                );
            }
            assert_eq!((&before["id"], &before["created_at"]), (&after["id"], &after["created_at"]));
        }
    }
}

/// Deletes every row, those that refer to others first.
///
/// # Panics
/// When the app refuses.
pub async fn clear(site: &Site, spec: &Spec) {
    let rows = rows_of(site, spec).await;
    for resource in &spec.resources {
        let free = |field: &&Field| !field.required && matches!(field.kind, spec::Kind::Ref(_));
        for row in &rows[&resource.name] {
            for field in resource.fields.iter().filter(free) {
                let path = format!("{}/{}", api(resource), row["id"]);
                let answer = site.json(Method::PATCH, &path, &json!({ field.name.as_str(): null })).await;
                assert_eq!(answer.status, 200, "{}", answer.text);
            }
        }
    }
    for resource in spec.resources.iter().rev() {
        for row in &rows[&resource.name] {
            site.remove(resource, row).await;
        }
    }
}
