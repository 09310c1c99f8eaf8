//! The migrations that lead from what the database has to what the model needs. All of them only add.

use protocol::{
    Code, Problem,
    artifact::{Column, Field, FieldType, Migration, Resource},
    tools::coder::{AppSnapshot, Table},
};
use serde_json::Value;
use std::collections::HashSet;

/// What takes the live schema to the model.
///
/// A release that was rolled back leaves its tables and columns behind; where they fit they are used again.
///
/// # Errors
/// [`Code::UnsupportedChange`] where what was left behind does not fit.
pub(crate) fn migrations(after: &[Resource], snapshot: Option<&AppSnapshot>) -> Result<Vec<Migration>, Problem> {
    let tables = snapshot.map_or(&[][..], |one| &one.schema);
    let applied = snapshot.map_or(&[][..], |one| &one.migrations);
    let mut steps = Steps { next: first_number(applied), list: Vec::new() };
    let (old, new): (Vec<_>, Vec<_>) = after.iter().partition(|one| tables.iter().any(|table| table.name == one.name));
    let mut known: HashSet<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let mut later = Vec::new();
    for resource in targets_first(&new) {
        known.insert(&resource.name);
        let (now, then): (Vec<_>, Vec<_>) = references(resource).partition(|(_, target)| known.contains(target));
        steps.add(&format!("create_{}", resource.name), create_table(resource, &now));
        later.extend(then.into_iter().map(|(field, target)| (resource, field, target)));
    }
    for (resource, field, target) in later {
        let sql = format!("alter table `{}` add {}", resource.name, foreign_key(field, target));
        steps.add(&format!("link_{}_{}", resource.name, field.name), sql);
    }
    for resource in old {
        let table = tables.iter().find(|table| table.name == resource.name).expect("partitioned by that");
        extend_table(resource, table, &mut steps)?;
    }
    Ok(steps.list)
}

/// Whether these migrations make that resource's table.
pub(crate) fn is_created(resource: &str, migrations: &[Migration]) -> bool {
    let what = |id: &str| id.split_once('_').map(|(_, what)| what.to_owned());
    migrations.iter().any(|one| what(&one.id) == Some(format!("create_{resource}")))
}

struct Steps {
    next: usize,
    list: Vec<Migration>,
}

impl Steps {
    fn add(&mut self, what: &str, sql: String) {
        self.list.push(Migration { id: format!("{:04}_{what}", self.next), sql });
        self.next += 1;
    }
}

fn first_number(applied: &[String]) -> usize {
    let number = |id: &String| id.split('_').next().and_then(|digits| digits.parse::<usize>().ok());
    applied.iter().filter_map(number).max().unwrap_or(0) + 1
}

/// Tables before those that refer to them, as far as they don't do so in a circle.
fn targets_first<'a>(resources: &[&'a Resource]) -> Vec<&'a Resource> {
    let mut waiting = resources.to_vec();
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let blocked = |one: &Resource| {
            references(one).any(|(_, target)| target != one.name && waiting.iter().any(|other| other.name == target))
        };
        let free = waiting.iter().position(|one| !blocked(one)).unwrap_or(0);
        ordered.push(waiting.remove(free));
    }
    ordered
}

fn references(resource: &Resource) -> impl Iterator<Item = (&Field, &str)> {
    resource.fields.iter().filter_map(|field| match &field.kind {
        FieldType::Ref(target) => Some((field, target.as_str())),
        _ => None,
    })
}

fn create_table(resource: &Resource, references: &[(&Field, &str)]) -> String {
    let mut parts = vec!["`id` bigint not null auto_increment".to_owned()];
    for field in &resource.fields {
        let null = if field.required { "not null" } else { "null" };
        parts.push(format!("`{}` {} {null}", field.name, column_type(&field.kind)));
        parts.extend(hash_column(field));
    }
    parts.extend(
        ["`created_at` datetime not null", "`updated_at` datetime not null", "primary key (`id`)"].map(str::to_owned),
    );
    parts.extend(resource.fields.iter().filter(|field| field.unique).map(unique_key));
    parts.extend(resource.fields.iter().filter_map(index));
    parts.extend(references.iter().map(|(field, target)| foreign_key(field, target)));
    format!(
        "create table `{}` ({}) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_bin",
        resource.name,
        parts.join(", ")
    )
}

fn extend_table(resource: &Resource, table: &Table, steps: &mut Steps) -> Result<(), Problem> {
    let name = &resource.name;
    let column = |name: &str| table.columns.iter().find(|column| column.name == name);
    check_leftovers(resource, table)?;
    for field in &resource.fields {
        if let Some(column) = column(&field.name) {
            reuse(table, field, column)?;
            if let Some(hash) = hash_column(field).filter(|_| !has_hash(table, field)) {
                steps
                    .add(&format!("add_{name}_{}_hash", field.name), format!("alter table `{name}` add column {hash}"));
                steps.add(
                    &format!("unique_{name}_{}", field.name),
                    format!("alter table `{name}` add {}", unique_key(field)),
                );
            }
            continue;
        }
        let sql = format!("alter table `{name}` add column {}", new_column(field));
        steps.add(&format!("add_{name}_{}", field.name), sql);
        if let Some(hash) = hash_column(field) {
            steps.add(&format!("add_{name}_{}_hash", field.name), format!("alter table `{name}` add column {hash}"));
        }
        if field.unique {
            steps.add(
                &format!("unique_{name}_{}", field.name),
                format!("alter table `{name}` add {}", unique_key(field)),
            );
        }
        if let Some(index) = index(field) {
            steps.add(&format!("index_{name}_{}", field.name), format!("alter table `{name}` add {index}"));
        }
        if let FieldType::Ref(target) = &field.kind {
            let key = foreign_key(field, target);
            steps.add(&format!("link_{name}_{}", field.name), format!("alter table `{name}` add {key}"));
        }
    }
    Ok(())
}

/// Columns of the table that the model doesn't know must not be needed by rows that the app writes.
fn check_leftovers(resource: &Resource, table: &Table) -> Result<(), Problem> {
    let ours = |name: &str| {
        matches!(name, "id" | "created_at" | "updated_at") || resource.fields.iter().any(|field| field.name == name)
    };
    let made_before = resource.fields.iter().any(|field| table.columns.iter().any(|column| column.name == field.name));
    let complete =
        ["id", "created_at", "updated_at"].iter().all(|name| table.columns.iter().any(|one| one.name == *name));
    let needed = table.columns.iter().find(|column| !ours(&column.name) && !column.nullable);
    match needed {
        _ if !complete => Err(left_behind(&resource.name, "it is no table of this engine's making")),
        Some(column) if !made_before => {
            Err(left_behind(&resource.name, &format!("its column {} must have a value", column.name)))
        }
        _ => Ok(()),
    }
}

/// A column that is there already must hold what the field may hold, and refuse what it refuses.
fn reuse(table: &Table, field: &Field, column: &Column) -> Result<(), Problem> {
    let there = plain_type(&column.kind);
    let wanted = plain_type(column_type(&field.kind));
    let points_to = table.references.iter().find(|one| one.column == field.name).map(|one| one.table.as_str());
    let target = match &field.kind {
        FieldType::Ref(target) => Some(target.as_str()),
        _ => None,
    };
    let why = if there != wanted {
        format!("is {there} and would have to be {wanted}")
    } else if !column.nullable && !field.required {
        "refuses null".to_owned()
    } else if !is_hashed(&field.kind) && column.unique != field.unique {
        format!("is {}unique", if column.unique { "" } else { "not " })
    } else if points_to != target {
        format!("refers to {}", points_to.unwrap_or("nothing"))
    } else {
        return Ok(());
    };
    Err(left_behind(&table.name, &format!("its column {} {why}", field.name)))
}

fn left_behind(table: &str, why: &str) -> Problem {
    Code::UnsupportedChange.problem(format!(
        "the database already has a table {table}, perhaps from a release that was rolled back, and {why}; use another name"
    ))
}

/// MariaDB shows the width of integers, MySQL does not.
fn plain_type(kind: &str) -> String {
    let kind = kind.to_lowercase();
    if kind.starts_with("bigint") { "bigint".into() } else { kind }
}

fn has_hash(table: &Table, field: &Field) -> bool {
    let name = format!("_{}_hash", field.name);
    table.columns.iter().any(|column| column.name == name)
}

fn column_type(kind: &FieldType) -> &'static str {
    match kind {
        FieldType::String | FieldType::Email => "varchar(255)",
        FieldType::Text | FieldType::Url => "text",
        FieldType::Int | FieldType::Ref(_) => "bigint",
        FieldType::Decimal => "decimal(16,4)",
        FieldType::Bool => "tinyint(1)",
        FieldType::Date => "date",
        FieldType::Datetime => "datetime",
        FieldType::Enum(_) => "varchar(64)",
    }
}

/// Free text is compared by its SHA-256: no collation that MySQL and MariaDB share compares spaces at the end, and no
/// index holds a long text whole.
pub(crate) fn is_hashed(kind: &FieldType) -> bool {
    matches!(kind, FieldType::String | FieldType::Text | FieldType::Email | FieldType::Url)
}

fn hash_column(field: &Field) -> Option<String> {
    let hashed = field.unique && is_hashed(&field.kind);
    hashed.then(|| format!("`_{}_hash` char(64) character set ascii collate ascii_bin null", field.name))
}

fn unique_key(field: &Field) -> String {
    let name = &field.name;
    let column = if is_hashed(&field.kind) { format!("_{name}_hash") } else { name.clone() };
    format!("unique key `unique_{name}` (`{column}`)")
}

fn index(field: &Field) -> Option<String> {
    let indexed = matches!(field.kind, FieldType::Ref(_)) && !field.unique;
    indexed.then(|| format!("key `index_{0}` (`{0}`)", field.name))
}

fn foreign_key(field: &Field, target: &str) -> String {
    format!("foreign key (`{}`) references `{target}` (`id`)", field.name)
}

/// A column for rows that exist already. They get the default, unless it would make them collide or point nowhere;
/// what is required is required of what is written from now on.
fn new_column(field: &Field) -> String {
    let kind = column_type(&field.kind);
    let fills = !field.unique && !matches!(field.kind, FieldType::Ref(_));
    match field.default.as_ref().filter(|_| fills) {
        None => format!("`{}` {kind} null", field.name),
        Some(value) => {
            let null = if field.required { "not null" } else { "null" };
            let value = if kind == "text" { format!("({})", sql(field, value)) } else { sql(field, value) };
            format!("`{}` {kind} {null} default {value}", field.name)
        }
    }
}

fn sql(field: &Field, value: &Value) -> String {
    match value {
        Value::Bool(truth) => u8::from(*truth).to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if field.kind == FieldType::Datetime => quoted(&text.replace('T', " ").replace('Z', "")),
        Value::String(text) => quoted(text),
        other => quoted(&other.to_string()),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests;
