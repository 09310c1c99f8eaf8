//! The HTML page of one resource.

use super::{
    lists,
    part::{at, call, expect, get, http},
    subject::{Room, Subject},
};
use protocol::artifact::{Body, Capture, Check, FieldType, Matcher, Method, Pattern};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub(super) fn shown(subject: &Subject<'_>) -> Vec<Check> {
    let (name, path) = (subject.name(), page(subject));
    let mut page = get(&format!("{name}.page"), &format!("{name} has a page with a form"), &path, 200);
    expect(&mut page, |it| {
        it.headers.insert("content-type".to_owned(), Matcher::Contains("text/html".to_owned()));
        it.body = vec![Pattern::Contains("<form".to_owned())];
    });
    let mut checks = vec![page, escaped(subject)];
    if subject.room == Room::Many {
        checks.extend(filled_in(subject));
    }
    checks.push(form(subject, "csrf-absent", "a form without its token is 403", BTreeMap::new(), 403));
    let wrong = BTreeMap::from([(TOKEN.to_owned(), "0000".to_owned())]);
    checks.push(form(subject, "csrf-wrong", "a form with a wrong token is 403", wrong, 403));
    checks
}

/// The form's field for its token.
const TOKEN: &str = "_csrf";

fn page(subject: &Subject<'_>) -> String {
    format!("/{}", subject.name())
}

/// The page shows its newest rows, and mark-up in them as text. Its token is kept for the forms that follow.
fn escaped(subject: &Subject<'_>) -> Check {
    let (name, path) = (subject.name(), format!("{}?sort=-id", page(subject)));
    let title = format!("The page of {name} escapes what it shows");
    let mut escaped = call(format!("{name}.escaped"), title, Method::Get, path, None, 200);
    expect(&mut escaped, |it| {
        it.body = vec![Pattern::Lacks("<script>alert(1)".to_owned()), Pattern::Lacks("<b>&\"'".to_owned())];
        if subject.has_row() && subject.fields().iter().any(|field| field.kind == FieldType::String) {
            it.body.push(Pattern::Contains("&lt;b&gt;".to_owned()));
        }
    });
    http(&mut escaped, |it| {
        it.jar = Some(name.to_owned());
        it.capture.insert(token(subject), Capture::Body(format!(r#"name="{TOKEN}" value="([^"]+)""#)));
    });
    escaped
}

/// A row is made by a form, and deleted by one.
fn filled_in(subject: &Subject<'_>) -> Vec<Check> {
    let name = subject.name();
    let ours = || (TOKEN.to_owned(), format!("${{{}}}", token(subject)));
    let mut fields: BTreeMap<String, String> = written(&subject.row(8)).collect();
    fields.extend([ours()]);
    let made = form(subject, "form", "a form with its token makes a row", fields, 303);
    let fresh = lists::read(subject, "cache-after-form", "a form empties the cache", "MISS");
    let newest = format!("{}?sort=-id&per_page=1", subject.list());
    let mut row =
        call(format!("{name}.formed"), format!("The form's row is in {name}"), Method::Get, newest, None, 200);
    expect(&mut row, |it| it.json.push(at("/total", Matcher::Between(2, i64::MAX))));
    http(&mut row, |it| drop(it.capture.insert(formed(subject), Capture::Json("/items/0/id".to_owned()))));
    let id = format!("${{{}}}", formed(subject));
    let delete = BTreeMap::from([ours(), ("_action".to_owned(), "delete".to_owned()), ("id".to_owned(), id.clone())]);
    let deleted = form(subject, "form-delete", "a form with its token deletes a row", delete, 303);
    let path = format!("{}/{id}", subject.list());
    let gone = call(format!("{name}.form-gone"), format!("Then it is gone from {name}"), Method::Get, path, None, 404);
    vec![made, fresh, row, deleted, gone]
}

/// Values as a browser sends them; nothing is sent as an empty text.
fn written(row: &Map<String, Value>) -> impl Iterator<Item = (String, String)> {
    row.iter().map(|(name, value)| {
        let text = match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (name.clone(), text)
    })
}

fn token(subject: &Subject<'_>) -> String {
    format!("{}_token", subject.name())
}

fn formed(subject: &Subject<'_>) -> String {
    format!("{}_formed", subject.name())
}

fn form(subject: &Subject<'_>, id: &str, title: &str, fields: BTreeMap<String, String>, status: u16) -> Check {
    let (id, title) = (format!("{}.{id}", subject.name()), format!("{}: {title}", subject.name()));
    let mut check = call(id, title, Method::Post, page(subject), None, status);
    http(&mut check, |it| {
        it.jar = Some(subject.name().to_owned());
        it.body = Some(Body::Form(fields));
    });
    check
}
