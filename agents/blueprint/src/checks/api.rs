//! The JSON API of one resource.

use super::{
    part::{at, call, expect, get, http},
    value::{good, id_of, row, same},
};
use protocol::artifact::{
    Act, Body, CacheCheck, CacheExpect, CacheKey, Capture, Check, Field, FieldType, Matcher, Method, Resource,
    SqlCheck, SqlExpect,
};
use serde_json::{Map, Value, json};

fn all(resource: &Resource) -> String {
    format!("/api/{}", resource.name)
}

fn one(resource: &Resource) -> String {
    format!("/api/{}/${{{}}}", resource.name, id_of(&resource.name))
}

/// Every field stands in the answer as it was sent; what was not sent is its default, or null.
fn expect_row(check: &mut Check, resource: &Resource, sent: &Map<String, Value>) {
    expect(check, |it| {
        for field in &resource.fields {
            let value = sent.get(&field.name).cloned().or_else(|| field.default.clone()).unwrap_or(Value::Null);
            it.json.push(at(format!("/{}", field.name), same(field, &value)));
        }
        it.json.push(at("/created_at", Matcher::Matches(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$".to_owned())));
    });
}

pub(super) fn creates(resource: &Resource) -> Vec<Check> {
    let (name, sent) = (&resource.name, row(resource, 1));
    let title = format!("A row of {name} is made");
    let mut made = call(format!("{name}.create"), title, Method::Post, all(resource), Some(sent.clone().into()), 201);
    expect_row(&mut made, resource, &sent);
    expect(&mut made, |it| {
        let pattern = format!(r"^(https?://[^/]+)?/api/{name}/\d+$");
        it.headers.insert("location".to_owned(), Matcher::Matches(pattern));
    });
    http(&mut made, |it| drop(it.capture.insert(id_of(name), Capture::Json("/id".to_owned()))));
    let mut read =
        call(format!("{name}.read"), format!("It is read back from {name}"), Method::Get, one(resource), None, 200);
    expect_row(&mut read, resource, &sent);
    let stored = SqlCheck {
        query: format!("select id from `{name}` where id = ?"),
        params: vec![json!(format!("${{{}}}", id_of(name)))],
        expect: SqlExpect::Count(1),
    };
    let stored = Check {
        id: format!("{name}.stored"),
        title: format!("It stands in the table {name}"),
        criterion: None,
        smoke: false,
        act: Act::Sql(stored),
    };
    vec![made, read, stored]
}

pub(super) fn lists(resource: &Resource, keys: &[&CacheKey]) -> Vec<Check> {
    let name = &resource.name;
    let mut checks = vec![
        cached(resource, "cache-miss", "right after a write the list is read afresh", "MISS"),
        cached(resource, "cache-hit", "then it comes from Redis", "HIT"),
    ];
    for (n, key) in keys.iter().filter(|key| key.ttl_seconds.is_some()).enumerate() {
        let most = i64::from(key.ttl_seconds.unwrap_or(0));
        let expect = CacheExpect::Present { value: None, ttl_seconds: Some((1, most)) };
        checks.push(Check {
            id: format!("{name}.key-{n}"),
            title: format!("Cached lists of {name} expire"),
            criterion: None,
            smoke: false,
            act: Act::Cache(CacheCheck { key: key.key.clone(), expect }),
        });
    }
    let mut paged = get(
        &format!("{name}.list"),
        &format!("{name} lists its rows in pages"),
        &format!("{}?per_page=1", all(resource)),
        200,
    );
    expect(&mut paged, |it| {
        it.json = vec![
            at("/items", Matcher::Present),
            at("/page", Matcher::Equals(json!(1))),
            at("/per_page", Matcher::Equals(json!(1))),
            at("/total", Matcher::Between(0, i64::MAX)),
        ];
    });
    checks.push(paged);
    let newest = format!("{}?sort=-id&per_page=1", all(resource));
    let mut sorted = call(format!("{name}.sort"), format!("{name} sorts"), Method::Get, newest, None, 200);
    expect(&mut sorted, |it| it.json.push(at("/items/0/id", Matcher::Equals(json!(format!("${{{}}}", id_of(name)))))));
    checks.push(sorted);
    if resource.fields.iter().any(|field| field.kind == FieldType::String) {
        checks.push(found(resource, "search", "50%25_x%20${run}", 1));
        checks.push(found(resource, "search-percent", "5%25_x%20${run}", 0));
        checks.push(found(resource, "search-underscore", "50%25__%20${run}", 0));
    }
    checks
}

fn cached(resource: &Resource, id: &str, title: &str, state: &str) -> Check {
    let (id, title) = (format!("{}.{id}", resource.name), format!("{}: {title}", resource.name));
    let mut check = call(id, title, Method::Get, all(resource), None, 200);
    expect(&mut check, |it| drop(it.headers.insert("x-cache".to_owned(), Matcher::Equals(json!(state)))));
    check
}

fn found(resource: &Resource, id: &str, text: &str, total: u32) -> Check {
    let (name, path) = (&resource.name, format!("{}?q={text}", all(resource)));
    let title = format!("{name} is searched for exactly what is written");
    let mut check = call(format!("{name}.{id}"), title, Method::Get, path, None, 200);
    expect(&mut check, |it| it.json.push(at("/total", Matcher::Equals(json!(total)))));
    check
}

pub(super) fn changes(resource: &Resource) -> Vec<Check> {
    let name = &resource.name;
    let plain = |field: &&Field| !matches!(field.kind, FieldType::Ref(_));
    let mut checks = Vec::new();
    let mut state = row(resource, 1);
    if let Some(field) = resource.fields.iter().find(plain) {
        state.insert(field.name.clone(), good(field, 2));
        let body = json!({ field.name.as_str(): good(field, 2) });
        let title = format!("PATCH changes what it names in {name}, and nothing else");
        let mut patched = call(format!("{name}.patch"), title, Method::Patch, one(resource), Some(body), 200);
        expect_row(&mut patched, resource, &state);
        checks.push(patched);
        checks.push(cached(resource, "cache-after-patch", "a change empties the cache", "MISS"));
    }
    let least: Map<_, _> = row(resource, 3)
        .into_iter()
        .filter(|(key, _)| resource.fields.iter().any(|field| field.name == *key && field.required))
        .collect();
    let title = format!("PUT replaces a row of {name}");
    let mut put = call(format!("{name}.put"), title, Method::Put, one(resource), Some(least.clone().into()), 200);
    expect_row(&mut put, resource, &least);
    checks.push(put);
    let title = format!("PUT again, with every field of {name}");
    let full = row(resource, 1);
    let mut put = call(format!("{name}.put-all"), title, Method::Put, one(resource), Some(full.clone().into()), 200);
    expect_row(&mut put, resource, &full);
    checks.push(put);
    checks
}

pub(super) fn speaks_http(resource: &Resource) -> Vec<Check> {
    let name = &resource.name;
    let text = |id: &str, title: &str, kind: &str, body: &str, status| {
        let mut check =
            call(format!("{name}.{id}"), format!("{name}: {title}"), Method::Post, all(resource), None, status);
        http(&mut check, |it| {
            it.headers.insert("content-type".to_owned(), kind.to_owned());
            it.body = Some(Body::Text(body.to_owned()));
        });
        check
    };
    let mut method = call(
        format!("{name}.method"),
        format!("{name}: 405 says what is allowed"),
        Method::Delete,
        all(resource),
        None,
        405,
    );
    expect(&mut method, |it| drop(it.headers.insert("allow".to_owned(), Matcher::Contains("GET".to_owned()))));
    vec![
        text("broken", "broken JSON is 400", "application/json", "{\"a\":", 400),
        text("type", "another content type is 415", "text/plain", "{}", 415),
        method,
        get(
            &format!("{name}.missing"),
            &format!("{name}: an unknown id is 404"),
            &format!("{}/999999999", all(resource)),
            404,
        ),
    ]
}

/// A row that is referenced stays; then rows go, those that refer to others first.
pub(super) fn deletes(resource: &Resource, resources: &[&Resource]) -> Vec<Check> {
    let name = &resource.name;
    let mut checks = Vec::new();
    for referrer in resources.iter().filter(|other| other.name != *name) {
        for field in
            referrer.fields.iter().filter(|field| field.kind == FieldType::Ref(name.clone()) && !field.required)
        {
            checks.extend(still_referenced(resource, referrer, field));
        }
    }
    let title = format!("A row of {name} is deleted");
    checks.push(call(format!("{name}.delete"), title, Method::Delete, one(resource), None, 204));
    checks.push(call(
        format!("{name}.deleted"),
        format!("Then it is gone from {name}"),
        Method::Get,
        one(resource),
        None,
        404,
    ));
    checks.push(cached(resource, "cache-after-delete", "a delete empties the cache", "MISS"));
    checks
}

fn still_referenced(resource: &Resource, referrer: &Resource, field: &Field) -> Vec<Check> {
    let (id, variable) =
        (format!("{}.{}", referrer.name, field.name), format!("{}_{}_holder", referrer.name, field.name));
    let mut body = row(referrer, 7);
    if referrer.fields.iter().any(|other| other.required && matches!(&other.kind, FieldType::Ref(_))) {
        // Its own targets may be gone by now.
        return vec![];
    }
    body.insert(field.name.clone(), good(field, 1));
    let mut held =
        call(format!("{id}.refer"), format!("{id} refers"), Method::Post, all(referrer), Some(body.into()), 201);
    http(&mut held, |it| drop(it.capture.insert(variable.clone(), Capture::Json("/id".to_owned()))));
    let refused =
        call(format!("{id}.held"), format!("What {id} refers to stays"), Method::Delete, one(resource), None, 409);
    let path = format!("/api/{}/${{{variable}}}", referrer.name);
    let freed = call(format!("{id}.free"), format!("{id} lets go"), Method::Delete, path, None, 204);
    vec![held, refused, freed]
}
