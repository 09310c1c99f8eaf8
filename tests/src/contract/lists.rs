//! Lists: pages, order, filters, search, cache.

use super::{
    rows::{self, Targets},
    site::{Site, api},
    spec::{Kind, Resource},
    value,
};
use reqwest::Method;
use serde_json::{Value, json};

pub(super) async fn drive(site: &Site, resource: &Resource, targets: &Targets) {
    let mut made = Vec::new();
    for n in 10..13 {
        made.push(site.create(resource, &rows::full(resource, n, targets)).await);
    }
    pages(site, resource, &made).await;
    filters(site, resource, &made).await;
    search(site, resource, &made).await;
    cache(site, resource, targets).await;
    for row in made {
        site.remove(resource, &row).await;
    }
}

/// There are four rows, the last three of them in `made`.
async fn pages(site: &Site, resource: &Resource, made: &[Value]) {
    let page = site.list(&format!("{}?page=2&per_page=3", api(resource))).await;
    assert_eq!((page["items"].as_array().map(Vec::len), &page["total"]), (Some(1), &json!(4)), "{page}");
    assert_eq!((&page["page"], &page["per_page"]), (&json!(2), &json!(3)));
    let beyond = site.list(&format!("{}?page=1000000", api(resource))).await;
    assert_eq!((&beyond["items"], &beyond["total"]), (&json!([]), &json!(4)));
    let newest = site.list(&format!("{}?sort=-id&per_page=1", api(resource))).await;
    assert_eq!(newest["items"][0]["id"], made[2]["id"]);
    assert_eq!(site.list(&format!("{}?per_page=100", api(resource))).await["per_page"], 100);
    for wrong in [
        "page=0",
        "per_page=0",
        "per_page=101",
        "page=x",
        "page=-1",
        "sort=nope",
        "sort=id%20desc",
        "sort[]=id",
        "q[]=a",
        "q=%ff",
    ] {
        let answer = site.get(&format!("{}?{wrong}", api(resource))).await;
        assert!(matches!(answer.status, 200 | 400 | 422), "{wrong}: {}", answer.status);
    }
    for field in &resource.fields {
        for (direction, sign) in [("up", ""), ("down", "-")] {
            let sorted = site.list(&format!("{}?sort={sign}{}", api(resource), field.name)).await;
            let items = sorted["items"].as_array().expect("items");
            assert_eq!(items.len(), 4, "sort={sign}{}", field.name);
            let mut numbers: Vec<i64> = items.iter().filter_map(|item| item[&field.name].as_i64()).collect();
            if direction == "down" {
                numbers.reverse();
            }
            assert!(numbers.is_sorted(), "{} {direction}: {sorted}", field.name);
        }
    }
}

async fn filters(site: &Site, resource: &Resource, made: &[Value]) {
    for field in &resource.fields {
        for row in made.iter().filter(|row| !row[&field.name].is_null()) {
            for same in value::equals(field, &row[&field.name]) {
                let text = same.as_str().map_or_else(|| same.to_string(), str::to_owned);
                let found = find(site, resource, &[(field.name.as_str(), text.as_str())]).await;
                let ids: Vec<_> = found.iter().map(|row| &row["id"]).collect();
                assert!(ids.contains(&&row["id"]), "{}={text} finds {ids:?}", field.name);
                for other in &found {
                    assert_eq!(other[&field.name], row[&field.name], "{}={text}", field.name);
                }
            }
            // As people type it, with a bare plus.
            if let (Kind::Datetime, Some(text)) = (&field.kind, row[&field.name].as_str()) {
                let path = format!("{}?{}={}", api(resource), field.name, text.replace('Z', "+00:00"));
                assert!(site.list(&path).await["items"].to_string().contains(text), "{path}");
            }
        }
    }
}

async fn search(site: &Site, resource: &Resource, made: &[Value]) {
    if let Some(field) = resource.fields.iter().find(|field| field.kind == Kind::String) {
        let ids = |rows: Vec<Value>| rows.into_iter().map(|row| row["id"].clone()).collect::<Vec<_>>();
        for part in ["12 日本🎉%_\\", "<b>&\"'12", "'12 日"] {
            assert_eq!(
                ids(find(site, resource, &[("q", part)]).await),
                [made[2]["id"].clone()],
                "q over {}",
                field.name
            );
        }
        for none in ["Ü__", "日%🎉", "日本🎉_", "' or 1=1 -- ", "日本🎊"] {
            assert_eq!(find(site, resource, &[("q", none)]).await, Vec::<Value>::new(), "{none} is a literal");
        }
    }
    assert_eq!(find(site, resource, &[("q", "no such text anywhere")]).await, Vec::<Value>::new());
}

async fn find(site: &Site, resource: &Resource, query: &[(&str, &str)]) -> Vec<Value> {
    let answer = site.send(site.request(Method::GET, &api(resource)).query(query)).await;
    assert_eq!(answer.status, 200, "{query:?}: {}", answer.text);
    answer.json()["items"].as_array().expect("items").clone()
}

/// Every question has its own entry, and every write empties all of them.
async fn cache(site: &Site, resource: &Resource, targets: &Targets) {
    let questions = [String::new(), "?sort=-id&per_page=2".to_owned(), "?q=x&page=2".to_owned()];
    let state = async |question: &str| {
        let path = format!("{}{question}", api(resource));
        site.get(&path).await.header("x-cache").to_owned()
    };
    let row = site.create(resource, &rows::full(resource, 13, targets)).await;
    let path = format!("{}/{}", api(resource), row["id"]);
    let writes = [
        ("POST", None),
        ("PATCH", Some(site.request(Method::PATCH, &path).json(&rows::full(resource, 14, targets)))),
        ("PUT", Some(site.request(Method::PUT, &path).json(&rows::full(resource, 13, targets)))),
        ("DELETE", Some(site.request(Method::DELETE, &path))),
    ];
    for (write, request) in writes {
        if let Some(request) = request {
            assert!(site.send(request).await.status < 300, "{write}");
        }
        for question in &questions {
            assert_eq!(state(question).await, "MISS", "{question:?} after {write}");
            assert_eq!(state(question).await, "HIT", "{question:?}");
        }
    }
}
