//! The parts that checks are put together from.

use protocol::artifact::{Act, Body, Capture, Check, HttpCheck, HttpExpect, JsonExpect, Matcher, Method, Pattern};
use serde_json::Value;
use std::collections::BTreeMap;

/// A request to the JSON API.
pub(super) fn call(id: String, title: String, method: Method, path: String, body: Option<Value>, status: u16) -> Check {
    request(
        id,
        title,
        HttpCheck {
            method,
            path,
            headers: BTreeMap::new(),
            body: body.map(Body::Json),
            jar: None,
            expect: HttpExpect { status: vec![status], ..HttpExpect::default() },
            capture: BTreeMap::new(),
        },
    )
}

/// A read that may also look at the live app.
pub(super) fn get(id: &str, title: &str, path: &str, status: u16) -> Check {
    let check = call(id.to_owned(), title.to_owned(), Method::Get, path.to_owned(), None, status);
    Check { smoke: true, ..check }
}

/// A page that links these resources.
pub(super) fn html(id: &str, title: &str, path: &str, resources: &[&str]) -> Check {
    let mut check = get(id, title, path, 200);
    expect(&mut check, |it| {
        it.headers.insert("content-type".to_owned(), Matcher::Contains("text/html".to_owned()));
        it.body = resources.iter().map(|one| Pattern::Contains(format!("href=\"/{one}\""))).collect();
    });
    check
}

/// A row that is not taken; the answer names the field, where one is given.
pub(super) fn refused(id: String, title: String, list: String, row: Value, status: u16, field: Option<&str>) -> Check {
    let mut check = call(id, title, Method::Post, list, Some(row), status);
    expect(&mut check, |it| it.json.extend(field.map(|name| at(format!("/errors/{name}/0"), Matcher::Present))));
    check
}

/// Keeps the id of the row that is answered as `${NAME_id}`.
pub(super) fn capture_id(check: &mut Check, name: &str) {
    http(check, |it| drop(it.capture.insert(format!("{name}_id"), Capture::Json("/id".to_owned()))));
}

fn request(id: String, title: String, http: HttpCheck) -> Check {
    Check { id, title, criterion: None, smoke: false, act: Act::Http(http) }
}

/// Lets a check expect more.
pub(super) fn expect(check: &mut Check, more: impl FnOnce(&mut HttpExpect)) {
    if let Act::Http(http) = &mut check.act {
        more(&mut http.expect);
    }
}

/// The request itself, for what is rarely said.
pub(super) fn http(check: &mut Check, more: impl FnOnce(&mut HttpCheck)) {
    if let Act::Http(http) = &mut check.act {
        more(http);
    }
}

pub(super) fn at(pointer: impl Into<String>, is: Matcher) -> JsonExpect {
    JsonExpect { pointer: pointer.into(), is }
}
