use protocol::tools::coder::{AppSnapshot, Table};
use std::fmt::Write as _;

/// So many files are named.
const MOST_FILES: usize = 800;

/// An app as it is, in words short enough for a prompt: files with their sizes, tables with columns, keys and about how many rows,
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
    snapshot.schema.iter().for_each(|one| table(&mut text, one));
    let applied = if snapshot.migrations.is_empty() { "none".to_owned() } else { snapshot.migrations.join(", ") };
    let _ = writeln!(text, "\nmigrations that were applied: {applied}");
    text
}

fn table(text: &mut String, table: &Table) {
    let _ = writeln!(text, "  {} (about {} rows)", table.name, table.rows);
    for column in &table.columns {
        let null = if column.nullable { "null" } else { "not null" };
        let _ = writeln!(text, "    {} {} {null}", column.name, column.kind);
    }
    for index in &table.indexes {
        let unique = if index.unique { "unique " } else { "" };
        let _ = writeln!(text, "    {unique}key {} ({})", index.name, index.columns.join(", "));
    }
    for reference in &table.references {
        let _ = writeln!(text, "    foreign key {} -> {}", reference.column, reference.table);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::artifact::{Column, Index, Reference};

    #[test]
    fn a_table_is_shown_with_its_keys() {
        let column = |name: &str| Column { name: name.into(), kind: "bigint".into(), nullable: false, unique: false };
        let posts = Table {
            name: "posts".into(),
            columns: vec![column("id"), column("author")],
            references: vec![Reference { column: "author".into(), table: "users".into() }],
            indexes: vec![Index { name: "PRIMARY".into(), columns: vec!["id".into()], unique: true }],
            rows: 7,
        };
        let mut text = String::new();
        table(&mut text, &posts);
        assert_eq!(
            text,
            "  posts (about 7 rows)\n    id bigint not null\n    author bigint not null\n    \
             unique key PRIMARY (id)\n    foreign key author -> users\n"
        );
    }
}
