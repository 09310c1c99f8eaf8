//! Lists: pages, order, filters, search, and their cache.

use super::{
    part::{at, call, expect, get},
    subject::Subject,
    value::good,
};
use crate::criterion::Criterion;
use protocol::artifact::{Act, CacheCheck, CacheExpect, CacheKey, Check, Field, FieldType, Matcher, Method};
use serde_json::{Value, json};

/// The list comes from MySQL, then from Redis, where it expires.
pub(super) fn cached(subject: &Subject<'_>, keys: &[CacheKey]) -> Vec<Check> {
    let name = subject.name();
    let mut checks = vec![match subject.has_row() {
        true => read(subject, "cache-miss", "right after a write the list is read afresh", "MISS"),
        // Nobody wrote, so it may be there already.
        false => call(format!("{name}.first"), format!("{name} can be listed"), Method::Get, subject.list(), None, 200),
    }];
    checks.push(read(subject, "cache-hit", "then it comes from Redis", "HIT"));
    let lists = format!("list:{name}:");
    let expiring =
        keys.iter().filter(|key| key.key.starts_with(&lists)).filter_map(|key| Some((key, key.ttl_seconds?)));
    checks.extend(expiring.enumerate().map(|(n, (key, most))| Check {
        id: format!("{name}.key-{n}"),
        title: format!("Cached lists of {name} expire"),
        criterion: None,
        smoke: false,
        act: Act::Cache(CacheCheck {
            key: key.key.clone(),
            expect: CacheExpect::Present { value: None, ttl_seconds: Some((1, i64::from(most))) },
        }),
    }));
    checks
}

/// A read of the list that must come from there.
pub(super) fn read(subject: &Subject<'_>, id: &str, title: &str, state: &str) -> Check {
    let (id, title) = (format!("{}.{id}", subject.name()), format!("{}: {title}", subject.name()));
    let mut check = call(id, title, Method::Get, subject.list(), None, 200);
    expect(&mut check, |it| drop(it.headers.insert("x-cache".to_owned(), Matcher::Equals(json!(state)))));
    check.criterion = Some(Criterion::Cache.id().to_owned());
    check
}

/// Pages, order, filters, search.
pub(super) fn found(subject: &Subject<'_>) -> Vec<Check> {
    let name = subject.name();
    let mut paged =
        get(&format!("{name}.list"), &format!("{name} lists its rows in pages"), &with(subject, "per_page=1"), 200);
    expect(&mut paged, |it| {
        it.json = vec![
            at("/items", Matcher::Present),
            at("/page", Matcher::Equals(json!(1))),
            at("/per_page", Matcher::Equals(json!(1))),
            at("/total", Matcher::Between(0, i64::MAX)),
        ];
    });
    let mut checks = vec![paged];
    if !subject.has_row() {
        return checks;
    }
    let newest = with(subject, "sort=-id&per_page=1");
    let mut sorted = call(format!("{name}.sort"), format!("{name} sorts"), Method::Get, newest, None, 200);
    expect(&mut sorted, |it| it.json.push(at("/items/0/id", Matcher::Equals(json!(subject.id())))));
    checks.push(sorted);
    checks.extend(filters(subject));
    if subject.fields().iter().any(|field| field.kind == FieldType::String) {
        checks.push(total(subject, "search", "q=50%25_x%20${run}", 1));
        checks.push(total(subject, "search-percent", "q=5%25_x%20${run}", 0));
        checks.push(total(subject, "search-underscore", "q=50%25__%20${run}", 0));
        checks.push(total(subject, "search-case", "q=50%25_X%20${run}", 0));
    }
    checks
}

/// The checks' row is found by its values, and not by another.
fn filters(subject: &Subject<'_>) -> Vec<Check> {
    let row = subject.row(1);
    let sent = |field: &&Field| row.get(&field.name).is_some_and(|value| !value.is_null());
    let fields: Vec<&Field> = subject.fields().iter().filter(sent).take(MAX_FILTERS).collect();
    let pairs: Vec<String> = fields.iter().map(|field| pair(field, &row[&field.name])).collect();
    let mut checks = vec![total(subject, "filter", &format!("id={}&{}", subject.id(), pairs.join("&")), 1)];
    let other = fields.iter().find(|field| good(field, 1) != good(field, 2));
    checks.extend(other.map(|field| {
        total(subject, "filter-other", &format!("id={}&{}", subject.id(), pair(field, &good(field, 2))), 0)
    }));
    checks
}

/// As many as surely fit into an address.
const MAX_FILTERS: usize = 20;

fn pair(field: &Field, value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("{}={}", field.name, percent_encoded(&text))
}

/// All but variables, and what needs no sign.
fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.${}".contains(&byte);
    let encode = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

fn with(subject: &Subject<'_>, query: &str) -> String {
    format!("{}?{query}", subject.list())
}

fn total(subject: &Subject<'_>, id: &str, query: &str, total: u32) -> Check {
    let name = subject.name();
    let title = format!("{name} finds exactly what is asked for");
    let mut check = call(format!("{name}.{id}"), title, Method::Get, with(subject, query), None, 200);
    expect(&mut check, |it| it.json.push(at("/total", Matcher::Equals(json!(total)))));
    check
}
