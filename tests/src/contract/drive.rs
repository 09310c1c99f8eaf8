//! The JSON API of a deployed app, line by line of its contract.

use super::{
    pages,
    rows::{self, Targets},
    spec::{Kind, Resource, Spec},
    value,
};
use reqwest::{Method, StatusCode, header};
use serde_json::{Map, Value, json};

/// A deployed app, reached through Nginx by its host name.
#[derive(Debug, Clone)]
pub struct Site {
    client: reqwest::Client,
    web: String,
    host: String,
}

/// An answer, read whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: header::HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text))
    }
}

impl Site {
    /// The app that Nginx at `web` (`http://127.0.0.1:8080`) serves under this host name.
    #[must_use]
    pub fn new(web: &str, host: &str) -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client without TLS can always be built");
        Self { client, web: web.trim_end_matches('/').to_owned(), host: host.to_owned() }
    }

    pub(super) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.web)).header(header::HOST, &self.host)
    }

    pub(super) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("the web server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the body is complete");
        assert!(status < 500, "{status}: {text}");
        Answer { status, headers, text }
    }

    /// The answer to a GET.
    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    async fn list(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
    }

    async fn json(&self, method: Method, path: &str, body: &impl serde::Serialize) -> Answer {
        self.send(self.request(method, path).json(body)).await
    }

    async fn create(&self, resource: &Resource, row: &Map<String, Value>) -> Value {
        let answer = self.json(Method::POST, &api(resource), row).await;
        assert_eq!(answer.status, 201, "{}: {row:?}: {}", resource.name, answer.text);
        let created = answer.json();
        let location = answer.header("location");
        assert!(location.ends_with(&format!("{}/{}", api(resource), created["id"])), "Location: {location}");
        rows::assert_row(resource, row, &created);
        created
    }
}

fn api(resource: &Resource) -> String {
    format!("/api/{}", resource.name)
}

/// Holds a fresh app against the contract of the goal it was built from.
///
/// # Panics
/// At the first line of the contract that does not hold.
pub async fn drive(site: &Site, spec: &Spec) {
    let mut targets = Targets::default();
    for resource in &spec.resources {
        starts_empty(site, resource).await;
        let row = rows::full(resource, 1, &targets);
        let created = site.create(resource, &row).await;
        targets.remember(resource, &created);
        reads_back(site, resource, &row, &created).await;
        refuses_bad_values(site, resource, &targets).await;
        keeps_unique(site, resource, &targets).await;
        changes(site, resource, &created, &targets).await;
        lists(site, resource, &targets).await;
        speaks_http(site, resource, &created).await;
        pages::speak_html(site, resource).await;
    }
    for resource in &spec.resources {
        deletes(site, spec, resource, &targets).await;
    }
    pages::nothing_else(site, spec).await;
}

async fn starts_empty(site: &Site, resource: &Resource) {
    let list = site.list(&api(resource)).await;
    assert_eq!(list, json!({"items": [], "page": 1, "per_page": 20, "total": 0}), "{}", resource.name);
}

async fn reads_back(site: &Site, resource: &Resource, row: &Map<String, Value>, created: &Value) {
    let one = site.list(&format!("{}/{}", api(resource), created["id"])).await;
    assert_eq!(&one, created);
    let first = site.get(&api(resource)).await;
    assert_eq!(first.header("x-cache"), "MISS", "{} right after a write", resource.name);
    let second = site.get(&api(resource)).await;
    assert_eq!(second.header("x-cache"), "HIT", "{} right after a read", resource.name);
    assert_eq!(first.text, second.text);
    assert_eq!(second.json()["items"], json!([created]));
    let names: Vec<&String> = created.as_object().expect("a bare object").keys().collect();
    assert_eq!(names.len(), row.len() + 3, "{names:?}");
}

async fn refuses_bad_values(site: &Site, resource: &Resource, targets: &Targets) {
    let before = site.list(&api(resource)).await["total"].clone();
    for field in &resource.fields {
        for bad in value::bad(field) {
            let mut row = rows::full(resource, 2, targets);
            row.insert(field.name.clone(), bad.clone());
            let answer = site.json(Method::POST, &api(resource), &row).await;
            assert_eq!(answer.status, 422, "{}.{} took {bad}: {}", resource.name, field.name, answer.text);
            let errors = &answer.json()["errors"][&field.name];
            assert!(errors.as_array().is_some_and(|list| !list.is_empty()), "{}: {}", field.name, answer.text);
        }
        if field.required && field.default.is_none() {
            let mut row = rows::full(resource, 2, targets);
            row.remove(&field.name);
            let answer = site.json(Method::POST, &api(resource), &row).await;
            assert_eq!(answer.status, 422, "{}.{} may be absent: {}", resource.name, field.name, answer.text);
        }
    }
    for unknown in ["nope", "id", "created_at"] {
        let mut row = rows::full(resource, 2, targets);
        row.insert(unknown.to_owned(), json!(1));
        let answer = site.json(Method::POST, &api(resource), &row).await;
        assert_eq!((answer.status, answer.json()["errors"][unknown].is_array()), (422, true), "{}", answer.text);
    }
    assert_eq!(site.list(&api(resource)).await["total"], before, "a refused row was stored");
}

async fn keeps_unique(site: &Site, resource: &Resource, targets: &Targets) {
    for field in resource.fields.iter().filter(|field| field.unique) {
        let mut twin = rows::full(resource, 3, targets);
        twin.insert(field.name.clone(), value::good(field, 1, None));
        let answer = site.json(Method::POST, &api(resource), &twin).await;
        assert_eq!(answer.status, 409, "{}.{}: {}", resource.name, field.name, answer.text);
        if field.kind == Kind::String {
            let text = value::good(field, 1, None).as_str().expect("a string").to_owned();
            for (n, other) in [
                (4, text.to_uppercase()),
                (5, text.trim_end().to_owned()),
                (6, text.replace('ü', "u").replace('Ü', "U")),
            ] {
                if other == text {
                    continue;
                }
                let mut row = rows::full(resource, n, targets);
                row.insert(field.name.clone(), json!(other));
                let made = site.create(resource, &row).await;
                remove(site, resource, &made).await;
            }
        }
        twin.insert(resource.fields[0].name.clone(), json!({"not": "valid"}));
        let answer = site.json(Method::POST, &api(resource), &twin).await;
        assert_eq!(answer.status, 422, "422 comes before 409: {}", answer.text);
    }
}

async fn changes(site: &Site, resource: &Resource, created: &Value, targets: &Targets) {
    let path = format!("{}/{}", api(resource), created["id"]);
    for field in &resource.fields {
        let value = value::good(field, 7, targets.of(field));
        let answer = site.json(Method::PATCH, &path, &json!({ field.name.as_str(): value })).await;
        assert_eq!(answer.status, 200, "PATCH {}: {}", field.name, answer.text);
    }
    let patched = site.list(&path).await;
    rows::assert_row(resource, &rows::full(resource, 7, targets), &patched);
    assert_eq!(site.json(Method::PATCH, &path, &json!({})).await.status, 200);

    let least = rows::least(resource, 8, targets);
    let answer = site.json(Method::PUT, &path, &least).await;
    assert_eq!(answer.status, 200, "PUT {}: {}", resource.name, answer.text);
    rows::assert_row(resource, &least, &answer.json());

    let row = rows::full(resource, 1, targets);
    assert_eq!(site.json(Method::PUT, &path, &row).await.status, 200);
    rows::assert_row(resource, &row, &site.list(&path).await);
}

async fn lists(site: &Site, resource: &Resource, targets: &Targets) {
    let mut made = Vec::new();
    for n in 10..13 {
        made.push(site.create(resource, &rows::full(resource, n, targets)).await);
    }
    let page = site.list(&format!("{}?page=2&per_page=3", api(resource))).await;
    assert_eq!((page["items"].as_array().map(Vec::len), &page["total"]), (Some(1), &json!(4)), "{page}");
    let newest = site.list(&format!("{}?sort=-id&per_page=1", api(resource))).await;
    assert_eq!(newest["items"][0]["id"], made[2]["id"]);
    for wrong in ["page=0", "per_page=0", "per_page=101", "page=x", "sort=nope"] {
        let answer = site.get(&format!("{}?{wrong}", api(resource))).await;
        assert!(matches!(answer.status, 200 | 400 | 422), "{wrong}: {}", answer.status);
    }
    for field in &resource.fields {
        let sent = &made[0][&field.name];
        let text = sent.as_str().map_or_else(|| sent.to_string(), str::to_owned);
        if sent.is_null() {
            continue;
        }
        let found = find(site, resource, &[(field.name.as_str(), text.as_str())]).await;
        assert!(found.contains(&made[0]["id"]), "{}={text} finds {found:?}", field.name);
        let sorted = site.list(&format!("{}?sort={}", api(resource), field.name)).await;
        assert_eq!(sorted["total"], json!(4));
    }
    if let Some(field) = resource.fields.iter().find(|field| field.kind == Kind::String) {
        assert!(
            find(site, resource, &[("q", "12 日本🎉%_\\")]).await.contains(&made[2]["id"]),
            "q over {}",
            field.name
        );
        assert_eq!(find(site, resource, &[("q", "Ü__")]).await, Vec::<Value>::new(), "_ is no wildcard");
        assert_eq!(find(site, resource, &[("q", "日%🎉")]).await, Vec::<Value>::new(), "% is no wildcard");
    }
    for row in made {
        remove(site, resource, &row).await;
    }
}

async fn find(site: &Site, resource: &Resource, query: &[(&str, &str)]) -> Vec<Value> {
    let answer = site.send(site.request(Method::GET, &api(resource)).query(query)).await;
    assert_eq!(answer.status, 200, "{query:?}: {}", answer.text);
    let list = answer.json();
    list["items"].as_array().expect("items").iter().map(|item| item["id"].clone()).collect()
}

async fn speaks_http(site: &Site, resource: &Resource, created: &Value) {
    let (all, one) = (api(resource), format!("{}/{}", api(resource), created["id"]));
    let broken = site.request(Method::POST, &all).header(header::CONTENT_TYPE, "application/json").body("{\"a\":");
    assert_eq!(site.send(broken).await.status, 400);
    let text = site.request(Method::POST, &all).header(header::CONTENT_TYPE, "text/plain").body("{}");
    assert_eq!(site.send(text).await.status, 415);
    for (method, path) in [(Method::DELETE, &all), (Method::PUT, &all), (Method::POST, &one)] {
        let answer = site.json(method.clone(), path, &json!({})).await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert!(answer.header("allow").contains("GET"), "Allow: {}", answer.header("allow"));
    }
    for missing in ["4000000000", "0", "x", "1x", "-1"] {
        assert_eq!(site.get(&format!("{all}/{missing}")).await.status, 404, "{missing}");
    }
    assert!(site.get(&all).await.header("content-type").starts_with("application/json"));
}

async fn deletes(site: &Site, spec: &Spec, resource: &Resource, targets: &Targets) {
    for (referrer, field) in rows::referrers(spec, &resource.name) {
        let target = site.create(resource, &rows::full(resource, 20, targets)).await;
        let mut row = rows::full(referrer, 21, targets);
        row.insert(field.name.clone(), target["id"].clone());
        let holder = site.create(referrer, &row).await;
        let path = format!("{}/{}", api(resource), target["id"]);
        assert_eq!(site.send(site.request(Method::DELETE, &path)).await.status, 409, "{path} is still referenced");
        remove(site, referrer, &holder).await;
        remove(site, resource, &target).await;
    }
}

async fn remove(site: &Site, resource: &Resource, row: &Value) {
    let path = format!("{}/{}", api(resource), row["id"]);
    let answer = site.send(site.request(Method::DELETE, &path)).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NO_CONTENT.as_u16(), ""), "DELETE {path}");
    assert_eq!(site.get(&path).await.status, 404);
}
