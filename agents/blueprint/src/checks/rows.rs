//! Rows over the JSON API, and as they stand in MySQL.

use super::{
    lists,
    part::{at, call, capture_id, expect},
    subject::{Subject, is_scarce},
    value::{default, good, same, stored},
};
use protocol::artifact::{Act, Check, Field, FieldType, Matcher, Method, SqlCheck, SqlExpect};
use serde_json::{Map, Value, json};

/// A row is made, read back, and looked at in its table.
pub(super) fn made(subject: &Subject<'_>) -> Vec<Check> {
    if !subject.has_row() {
        return Vec::new();
    }
    let (name, sent) = (subject.name(), subject.row(1));
    let title = format!("A row of {name} is made");
    let body = Some(sent.clone().into());
    let mut made = call(format!("{name}.create"), title, Method::Post, subject.list(), body, 201);
    expect_row(&mut made, subject, &sent);
    expect(&mut made, |it| {
        let pattern = format!(r"^(https?://[^/]+)?/api/{name}/\d+$");
        it.headers.insert("location".to_owned(), Matcher::Matches(pattern));
    });
    capture_id(&mut made, name);
    let title = format!("It is read back from {name}");
    let mut read = call(format!("{name}.read"), title, Method::Get, subject.row_path(), None, 200);
    expect_row(&mut read, subject, &sent);
    vec![made, read, in_table(subject, &sent)]
}

/// Every field stands in the answer as it was sent; what was not sent is its default, or null.
fn expect_row(check: &mut Check, subject: &Subject<'_>, sent: &Map<String, Value>) {
    expect(check, |it| {
        for field in subject.fields() {
            it.json.push(at(format!("/{}", field.name), same(field, &kept(field, sent))));
        }
        it.json.push(at("/created_at", Matcher::Matches(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$".to_owned())));
    });
}

fn kept(field: &Field, sent: &Map<String, Value>) -> Value {
    sent.get(&field.name).cloned().unwrap_or_else(|| default(field))
}

fn in_table(subject: &Subject<'_>, sent: &Map<String, Value>) -> Check {
    let name = subject.name();
    let columns: String = subject.fields().iter().map(|field| format!(", `{}`", field.name)).collect();
    let row = subject.fields().iter().map(|field| (field.name.clone(), stored(field, &kept(field, sent)))).collect();
    let query = SqlCheck {
        capture: [].into(),
        query: format!("select id{columns} from `{name}` where id = ?"),
        params: vec![json!(subject.id())],
        expect: SqlExpect::Rows(vec![row]),
    };
    Check {
        id: format!("{name}.stored"),
        title: format!("It stands in the table {name}"),
        criterion: None,
        smoke: false,
        act: Act::Sql(query),
    }
}

/// PATCH and PUT, and what they leave alone.
pub(super) fn changed(subject: &Subject<'_>) -> Vec<Check> {
    if !subject.has_row() {
        return Vec::new();
    }
    let name = subject.name();
    let mut checks = Vec::new();
    let mut state = subject.row(1);
    let free = |field: &&Field| !matches!(field.kind, FieldType::Ref(_)) && !is_scarce(field);
    if let Some(field) = subject.fields().iter().find(free) {
        state.insert(field.name.clone(), good(field, 2));
        let body = json!({ field.name.as_str(): good(field, 2) });
        let title = format!("PATCH changes what it names in {name}, and nothing else");
        let mut patched = call(format!("{name}.patch"), title, Method::Patch, subject.row_path(), Some(body), 200);
        expect_row(&mut patched, subject, &state);
        checks.push(patched);
        checks.push(lists::read(subject, "cache-after-patch", "a change empties the cache", "MISS"));
    }
    checks.push(put(subject, "put", "PUT replaces a row", &subject.least(3)));
    checks.push(put(subject, "put-all", "PUT again, with every field", &subject.row(1)));
    checks
}

fn put(subject: &Subject<'_>, id: &str, title: &str, row: &Map<String, Value>) -> Check {
    let (id, title) = (format!("{}.{id}", subject.name()), format!("{}: {title}", subject.name()));
    let mut put = call(id, title, Method::Put, subject.row_path(), Some(row.clone().into()), 200);
    expect_row(&mut put, subject, row);
    put
}

/// The checks' row goes, and is gone.
pub(super) fn deleted(subject: &Subject<'_>) -> Vec<Check> {
    if !subject.has_row() {
        return Vec::new();
    }
    let (name, path) = (subject.name(), subject.row_path());
    let (title, then) = (format!("A row of {name} is deleted"), format!("Then it is gone from {name}"));
    vec![
        call(format!("{name}.delete"), title, Method::Delete, path.clone(), None, 204),
        call(format!("{name}.deleted"), then, Method::Get, path, None, 404),
        lists::read(subject, "cache-after-delete", "a delete empties the cache", "MISS"),
    ]
}
