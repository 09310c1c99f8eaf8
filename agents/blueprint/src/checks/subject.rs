//! What the checks can count on: which rows can surely be made, whatever rows there are already.

use super::value::good;
use crate::schema;
use protocol::artifact::{Design, Field, FieldType, Resource};
use serde_json::{Map, Value, json};

/// One resource, seen by its checks.
pub(super) struct Subject<'a> {
    pub(super) resource: &'a Resource,
    pub(super) room: Room,
    /// Its table is new with this design, so it is empty.
    empty: bool,
    /// The resources that have a row of the checks' own by the time this one gets its own.
    targets: Vec<&'a str>,
}

/// How many rows can be made in a table for sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Room {
    /// Perhaps none: required references go round in a circle, or the few values of a unique field may all be taken.
    None,
    /// One; a second would need a target, or one of few values, for itself.
    One,
    /// As many as are wanted.
    Many,
}

impl<'a> Subject<'a> {
    /// All of a design's resources, behind those that their required references point to.
    pub(super) fn all(design: &'a Design) -> Vec<Self> {
        let mut ordered: Vec<Self> = Vec::new();
        let mut rest: Vec<&Resource> = design.resources.iter().collect();
        while !rest.is_empty() {
            let has_row = |name: &str| ordered.iter().any(|one| one.resource.name == name && one.room > Room::None);
            let ready = |one: &&Resource| required_targets(one).all(&has_row);
            let ready = rest.iter().position(ready);
            let resource = rest.remove(ready.unwrap_or(0));
            let empty = schema::is_created(&resource.name, &design.migrations);
            let room = if ready.is_some() { room(resource, empty) } else { Room::None };
            let targets = ordered.iter().filter(|one| one.room > Room::None).map(Self::name).collect();
            ordered.push(Self { resource, room, empty, targets });
        }
        ordered
    }

    pub(super) fn name(&self) -> &'a str {
        &self.resource.name
    }

    pub(super) fn fields(&self) -> &'a [Field] {
        &self.resource.fields
    }

    pub(super) fn has_row(&self) -> bool {
        self.room > Room::None
    }

    /// The address of the list.
    pub(super) fn list(&self) -> String {
        format!("/api/{}", self.name())
    }

    /// The address of the row that the checks made.
    pub(super) fn row_path(&self) -> String {
        format!("/api/{}/{}", self.name(), self.id())
    }

    /// The id of the row that the checks made.
    pub(super) fn id(&self) -> String {
        id_of(self.name())
    }

    /// A row, another for each `n` from 1 to 9. What may be taken or have no target yet is null, or absent where that is
    /// the same.
    pub(super) fn row(&self, n: u32) -> Map<String, Value> {
        let mut row = Map::new();
        for field in self.fields() {
            let value = match &field.kind {
                FieldType::Ref(target) if field.required => Some(self.target(target)),
                FieldType::Ref(_) => None,
                _ if is_scarce(field) && !field.required && !(self.empty && n == 1) => None,
                _ => Some(good(field, n)),
            };
            if value.is_some() || field.default.is_some() {
                row.insert(field.name.clone(), value.unwrap_or(Value::Null));
            }
        }
        row
    }

    /// A row with as little in it as is sure to be taken.
    pub(super) fn least(&self, n: u32) -> Map<String, Value> {
        let mut row = self.row(n);
        // Defaults may be taken already, or point nowhere.
        let stays = |field: &&Field| {
            field.required || field.default.is_some() && (field.unique || matches!(field.kind, FieldType::Ref(_)))
        };
        let names: Vec<&str> = self.fields().iter().filter(stays).map(|field| field.name.as_str()).collect();
        row.retain(|name, _| names.contains(&name.as_str()));
        row
    }

    fn target(&self, name: &str) -> Value {
        if self.targets.contains(&name) { json!(id_of(name)) } else { json!(NO_ROW) }
    }
}

/// An id that no row has.
pub(super) const NO_ROW: i64 = 999_999_999;

/// What stands for the id of the row that the checks made of a resource.
pub(super) fn id_of(resource: &str) -> String {
    format!("${{{resource}_id}}")
}

/// A unique field with few values: all of them may be taken.
pub(super) fn is_scarce(field: &Field) -> bool {
    field.unique && matches!(field.kind, FieldType::Bool | FieldType::Enum(_))
}

fn required_targets(resource: &Resource) -> impl Iterator<Item = &str> {
    resource.fields.iter().filter(|field| field.required).filter_map(|field| match &field.kind {
        FieldType::Ref(target) => Some(target.as_str()),
        _ => None,
    })
}

fn room(resource: &Resource, empty: bool) -> Room {
    let required = || resource.fields.iter().filter(|field| field.required && field.unique);
    if required().any(is_scarce) {
        return if empty { Room::One } else { Room::None };
    }
    if required().any(|field| matches!(field.kind, FieldType::Ref(_))) { Room::One } else { Room::Many }
}
