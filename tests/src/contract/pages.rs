//! The HTML pages of a deployed app, as a browser uses them.

use super::{
    rows::{self, Targets},
    site::{Answer, Site, api},
    spec::{Kind, Resource, Spec},
};
use reqwest::{Method, header};
use serde_json::Value;
use std::fmt::Write;

/// The page of one resource: there, escaped, deaf to forms without a token, and good for making and deleting rows.
pub(super) async fn drive(site: &Site, resource: &Resource, targets: &Targets) {
    let path = format!("/{}", resource.name);
    let page = site.get(&path).await;
    assert_eq!(page.status, 200, "{path}");
    assert!(page.header("content-type").starts_with("text/html"));
    shows_no_markup(&page, &path);
    let search = site.get(&format!("{path}?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E%27")).await;
    assert_eq!(search.status, 200);
    shows_no_markup(&search, "the search box");
    for form in ["", "csrf=wrong", "_csrf=wrong&_token=wrong&csrf_token=wrong", "_csrf[]=a&_csrf="] {
        assert_eq!(post(site, &path, "", form.to_owned()).await.status, 403, "{path} took a form without its token");
    }
    fills_in(site, resource, targets, &page).await;
}

fn shows_no_markup(page: &Answer, place: &str) {
    for raw in ["<script>alert(", "<b>&\"'", "\"><script"] {
        assert!(!page.text.contains(raw), "{place} shows {raw} unescaped");
    }
}

async fn fills_in(site: &Site, resource: &Resource, targets: &Targets, page: &Answer) {
    let path = format!("/{}", resource.name);
    let cookie = page.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    assert!(page.header("set-cookie").contains("HttpOnly") && page.header("set-cookie").contains("SameSite"));
    let form = Form::of(page, |form| !form.contains("type=\"search\"")).expect("a form for a new row");
    let row = rows::full(resource, 24, targets);

    let mut sent = form.clone();
    sent.0.extend(row.iter().map(|(name, value)| (name.clone(), written(value))));
    assert_eq!(post(site, &path, "", sent.encoded()).await.status, 403, "a token without its cookie");
    assert_eq!(post(site, &path, &cookie, sent.encoded()).await.status, 303, "a form with its token: {row:?}");
    let newest = site.get(&format!("{}?sort=-id&per_page=1", api(resource))).await;
    assert_eq!(newest.header("x-cache"), "MISS", "a form empties the cache");
    let made = newest.json()["items"][0].clone();
    rows::assert_row(resource, &row, &made);

    let list = site.get(&format!("{path}?sort=-id")).await;
    shows_no_markup(&list, "the list");
    let edit = format!("{path}?id={}", made["id"]);
    assert!(list.text.contains(&format!("href=\"{edit}\"")), "the list links {edit}");
    let edit = site.get(&edit).await;
    shows_no_markup(&edit, "the form with values");
    refuses(site, resource, &cookie, &form).await;

    let delete = Form::of(&edit, |form| form.contains("value=\"delete\"")).expect("a form that deletes");
    // Its token is another one: no cookie was sent.
    let token = |form: &Form| form.0.iter().find(|(name, _)| name.contains("csrf")).cloned().expect("a token");
    let mut sent = delete.clone();
    sent.0.retain(|(name, _)| !name.contains("csrf"));
    assert_eq!(post(site, &path, &cookie, sent.encoded()).await.status, 403, "deletes without a token");
    sent.0.push(token(&form));
    assert_eq!(post(site, &path, &cookie, sent.encoded()).await.status, 303);
    assert_eq!(site.get(&format!("{}/{}", api(resource), made["id"])).await.status, 404, "deleted by a form");
}

/// What is not valid comes back in its form, escaped.
async fn refuses(site: &Site, resource: &Resource, cookie: &str, form: &Form) {
    let Some(field) =
        resource.fields.iter().find(|field| matches!(field.kind, Kind::Int | Kind::Decimal | Kind::Email))
    else {
        return;
    };
    let mut sent = form.clone();
    sent.0.push((field.name.clone(), "\"><script>alert(1)</script>".to_owned()));
    let refused = post(site, &format!("/{}", resource.name), cookie, sent.encoded()).await;
    assert_eq!(refused.status, 422);
    shows_no_markup(&refused, "a form that was refused");
}

async fn post(site: &Site, path: &str, cookie: &str, body: String) -> Answer {
    let post = site.request(Method::POST, path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    site.send(post.header(header::COOKIE, cookie).body(body)).await
}

/// As a browser's field has it.
fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What a form sends without anybody's doing: hidden fields, and its button.
#[derive(Debug, Clone)]
struct Form(Vec<(String, String)>);

impl Form {
    fn of(page: &Answer, wanted: impl Fn(&str) -> bool) -> Option<Self> {
        let forms = page.text.split("<form").skip(1).filter_map(|rest| rest.split("</form>").next());
        let form = forms.into_iter().find(|form| wanted(form))?;
        let tags = form.split('<').filter(|tag| tag.contains("type=\"hidden\"") || tag.starts_with("button"));
        let attribute = |tag: &str, name: &str| {
            let rest = tag.split_once(&format!(" {name}=\""))?.1;
            Some(rest.split('"').next().unwrap_or_default().to_owned())
        };
        Some(Self(tags.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?))).collect()))
    }

    fn encoded(&self) -> String {
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect();
        pairs.join("&")
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        write!(encoded, "%{byte:02X}").expect("a String takes everything");
        encoded
    })
}

/// The index names every resource; nothing else is served.
pub(super) async fn nothing_else(site: &Site, spec: &Spec) {
    let index = site.get("/").await;
    assert_eq!(index.status, 200);
    for resource in &spec.resources {
        assert!(index.text.contains(&format!("/{}\"", resource.name)), "the index does not link {}", resource.name);
        for path in
            [format!("/{}/", resource.name), format!("/{}/1", resource.name), format!("/api/{}/", resource.name)]
        {
            assert_eq!(site.get(&path).await.status, 404, "{path}");
        }
    }
    for path in [
        "/index.php",
        "/index.php/api/posts",
        "/public/index.php",
        "/blueprint.json",
        "/../blueprint.json",
        "/src/",
        "/src/Rows.php",
        "/app/resources.php",
        "/templates/style.css",
        "/config.php",
        "/.env",
        "/.git/config",
        "/nope",
        "/api/nope",
        "/api/nope/1",
        "//",
    ] {
        assert_eq!(site.get(path).await.status, 404, "{path}");
    }
}
