//! What must be seen to hold of an app that was supplied.

use super::dump;
use protocol::artifact::{Act, Check, HttpCheck, HttpExpect, Matcher, Method, SqlCheck, SqlExpect};
use serde_json::json;
use std::collections::BTreeMap;

/// The criterion of the first page, and of those that were named.
pub(super) const FRONT: &str = "c1";
/// The criterion of pages that the files tell of.
pub(super) const FOUND: &str = "c2";
/// The criterion of tables and rows.
pub(super) const TABLES: &str = "c3";

/// There, or somewhere else, or for those who have logged in.
const ANSWERS: [u16; 8] = [200, 301, 302, 303, 307, 308, 401, 403];
/// What else is no error of the server.
const NO_ERROR: [u16; 16] = [201, 202, 204, 206, 300, 304, 400, 402, 404, 405, 406, 409, 410, 415, 422, 429];

pub(super) fn first_page() -> Check {
    page("/", "page:/".to_owned(), "The first page answers", FRONT, ANSWERS.to_vec(), true)
}

pub(super) fn named(path: &str) -> Check {
    page(path, format!("page:{path}"), "It answers", FRONT, ANSWERS.to_vec(), true)
}

/// Asked for in the preview alone: nobody has said that it only reads.
pub(super) fn found(path: &str) -> Check {
    let status = ANSWERS.into_iter().chain(NO_ERROR).collect();
    page(path, format!("found:{path}"), "It answers without an error of the server", FOUND, status, false)
}

/// In the preview with exactly its rows; live, where others may write already, that it is there.
pub(super) fn table(table: &str, rows: u64) -> [Check; 2] {
    let name = dump::name(table);
    let count = format!("SELECT COUNT(*) AS counted FROM {name}");
    let there = format!("SELECT COUNT(*) >= 0 AS counted FROM {name}");
    [
        sql(format!("rows:{table}"), format!("{table} has {rows} rows"), count, json!(rows), false),
        sql(format!("table:{table}"), format!("{table} is there"), there, json!(1), true),
    ]
}

fn page(path: &str, id: String, title: &str, criterion: &str, status: Vec<u16>, smoke: bool) -> Check {
    let act = HttpCheck {
        method: Method::Get,
        path: path.replace("${", "${dollar}{"),
        headers: BTreeMap::new(),
        body: None,
        jar: None,
        expect: HttpExpect { status, ..HttpExpect::default() },
        capture: BTreeMap::new(),
    };
    let title = format!("{title}: {path}");
    Check { id, title, criterion: Some(criterion.to_owned()), smoke, act: Act::Http(act) }
}

fn sql(id: String, title: String, query: String, counted: serde_json::Value, smoke: bool) -> Check {
    let rows = vec![BTreeMap::from([("counted".to_owned(), Matcher::Equals(counted))])];
    let act = SqlCheck { query, params: Vec::new(), expect: SqlExpect::Rows(rows), capture: BTreeMap::new() };
    Check { id, title, criterion: Some(TABLES.to_owned()), smoke, act: Act::Sql(act) }
}
