use protocol::{
    artifact::{Column, Index, Reference},
    tools::coder::{AppSnapshot, Table},
};
use std::fmt::Write as _;

/// So many files are named.
const MOST_FILES: usize = 800;

/// An app as it is, in words short enough for a prompt: files with their sizes, tables as [`table`] shows them,
/// and the migrations that the schema has seen. Names in it are the app's own: mark it as data.
#[must_use]
pub fn outline(snapshot: &AppSnapshot) -> String {
    let mut text = String::new();
    let live = snapshot.live.as_ref().map_or_else(|| "none yet".to_owned(), |live| live.digest.short());
    let _ = writeln!(text, "app {}, live release {live}\n\nfiles ({}):", snapshot.app, snapshot.tree.len());
    for file in snapshot.tree.iter().take(MOST_FILES) {
        let _ = writeln!(text, "  {} ({} bytes)", file.path, file.size);
    }
    if snapshot.tree.len() > MOST_FILES {
        let _ = writeln!(text, "  and {} more", snapshot.tree.len() - MOST_FILES);
    }
    let _ = writeln!(text, "\ntables ({}):", snapshot.schema.len());
    for one in &snapshot.schema {
        let _ = writeln!(text, "  {}", table(one));
    }
    let applied = if snapshot.migrations.is_empty() { "none".to_owned() } else { snapshot.migrations.join(", ") };
    let _ = writeln!(text, "\nmigrations that were applied: {applied}");
    text
}

/// A table on one line, in the words of `CREATE TABLE`.
#[must_use]
pub fn table(table: &Table) -> String {
    let about = if table.counted { "" } else { "about " };
    let parts = table.columns.iter().map(column).chain(table.indexes.iter().map(index));
    let parts: Vec<_> = parts.chain(table.references.iter().map(reference)).collect();
    format!("{} ({about}{} rows): {}", table.name, table.rows, parts.join(", "))
}

fn column(column: &Column) -> String {
    let null = if column.nullable { "" } else { " not null" };
    let default = column.default.as_ref().map_or_else(String::new, |default| format!(" default {default}"));
    let extra = if column.extra.is_empty() { String::new() } else { format!(" {}", column.extra) };
    format!("{} {}{null}{default}{extra}", column.name, column.kind)
}

fn index(index: &Index) -> String {
    let columns = index.columns.join(", ");
    match index.name.as_str() {
        "PRIMARY" => format!("primary key ({columns})"),
        name if index.unique => format!("unique key {name} ({columns})"),
        name => format!("key {name} ({columns})"),
    }
}

fn reference(reference: &Reference) -> String {
    let rule =
        |on: &str, rule: &Option<String>| rule.as_ref().map_or_else(String::new, |rule| format!(" on {on} {rule}"));
    let (delete, update) = (rule("delete", &reference.on_delete), rule("update", &reference.on_update));
    let Reference { column, table, target, .. } = reference;
    format!("foreign key ({column}) references {table} ({target}){delete}{update}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_shown_with_all_that_a_change_of_it_has_to_know() {
        let column = |name: &str, kind: &str| Column { name: name.into(), kind: kind.into(), ..Column::default() };
        let index =
            |name: &str, column: &str, unique| Index { name: name.into(), columns: vec![column.into()], unique };
        let posts = Table {
            name: "posts".into(),
            columns: vec![
                Column { extra: "auto_increment".into(), ..column("id", "bigint(20)") },
                Column { default: Some("'draft'".into()), ..column("status", "varchar(20)") },
                Column { nullable: true, ..column("author", "bigint(20)") },
            ],
            references: vec![Reference {
                column: "author".into(),
                table: "users".into(),
                target: "id".into(),
                on_delete: Some("set null".into()),
                on_update: None,
            }],
            indexes: vec![index("PRIMARY", "id", true), index("by_status", "status", false)],
            rows: 7,
            counted: true,
        };
        assert_eq!(
            table(&posts),
            "posts (7 rows): id bigint(20) not null auto_increment, status varchar(20) not null default 'draft', author bigint(20), \
             primary key (id), key by_status (status), foreign key (author) references users (id) on delete set null"
        );
        assert!(table(&Table { counted: false, ..posts }).starts_with("posts (about 7 rows): "));
    }
}
