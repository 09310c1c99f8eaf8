//! What HTTP has an answer for.

use super::{
    part::{call, expect, get, http},
    subject::{NO_ROW, Subject},
};
use protocol::artifact::{Body, Check, Matcher, Method};

pub(super) fn spoken(subject: &Subject<'_>) -> Vec<Check> {
    let name = subject.name();
    let title = format!("{name}: 405 says what is allowed");
    let mut method = call(format!("{name}.method"), title, Method::Delete, subject.list(), None, 405);
    expect(&mut method, |it| drop(it.headers.insert("allow".to_owned(), Matcher::Contains("GET".to_owned()))));
    let (id, title) = (format!("{name}.missing"), format!("{name}: an unknown id is 404"));
    vec![
        text(subject, "broken", "broken JSON is 400", "application/json", "{\"a\":", 400),
        text(subject, "type", "another content type is 415", "text/plain", "{}", 415),
        method,
        get(&id, &title, &format!("{}/{NO_ROW}", subject.list()), 404),
    ]
}

fn text(subject: &Subject<'_>, id: &str, title: &str, kind: &str, body: &str, status: u16) -> Check {
    let (id, title) = (format!("{}.{id}", subject.name()), format!("{}: {title}", subject.name()));
    let mut check = call(id, title, Method::Post, subject.list(), None, status);
    http(&mut check, |it| {
        it.headers.insert("content-type".to_owned(), kind.to_owned());
        it.body = Some(Body::Text(body.to_owned()));
    });
    check
}
