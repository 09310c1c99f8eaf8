//! The HTML page of one resource.

use super::part::{call, expect, get, http};
use protocol::artifact::{Body, Capture, Check, FieldType, Matcher, Method, Pattern, Resource};
use std::collections::BTreeMap;

pub(super) fn shows(resource: &Resource) -> Vec<Check> {
    let (name, path) = (&resource.name, format!("/{}", resource.name));
    let mut page = get(&format!("{name}.page"), &format!("{name} has a page with a form"), &path, 200);
    expect(&mut page, |it| {
        it.headers.insert("content-type".to_owned(), Matcher::Contains("text/html".to_owned()));
        it.body = vec![Pattern::Contains("<form".to_owned())];
    });
    let mut escaped = call(
        format!("{name}.escaped"),
        format!("The page of {name} escapes what it shows"),
        Method::Get,
        path.clone(),
        None,
        200,
    );
    expect(&mut escaped, |it| {
        it.body = vec![Pattern::Lacks("<script>alert(1)".to_owned()), Pattern::Lacks("<b>&\"'".to_owned())];
        if resource.fields.iter().any(|field| field.kind == FieldType::String) {
            it.body.push(Pattern::Contains("&lt;b&gt;".to_owned()));
        }
    });
    http(&mut escaped, |it| {
        it.jar = Some(name.clone());
        let pattern = r#"name="_csrf" value="([^"]+)""#.to_owned();
        it.capture.insert(format!("{name}_csrf"), Capture::Body(pattern));
    });
    let form = |id: &str, title: &str, token: Option<&str>, status| {
        let mut check =
            call(format!("{name}.{id}"), format!("{name}: {title}"), Method::Post, path.clone(), None, status);
        http(&mut check, |it| {
            it.jar = Some(name.clone());
            it.body = Some(Body::Form(
                token.map(|token| ("_csrf".to_owned(), token.to_owned())).into_iter().collect::<BTreeMap<_, _>>(),
            ));
        });
        check
    };
    vec![
        page,
        escaped,
        form("csrf-absent", "a form without its token is 403", None, 403),
        form("csrf-wrong", "a form with a wrong token is 403", Some("0000"), 403),
    ]
}
