//! HTTP as such: methods, content types, bodies, addresses.

use super::{
    rows::{self, Targets},
    site::{Site, api},
    spec::Resource,
};
use reqwest::{Method, header};
use serde_json::{Value, json};

pub(super) async fn drive(site: &Site, resource: &Resource, created: &Value, targets: &Targets) {
    let (all, one) = (api(resource), format!("{}/{}", api(resource), created["id"]));
    methods(site, &all, &one, &format!("/{}", resource.name)).await;
    bodies(site, &all, &one).await;
    addresses(site, &all, &one).await;
    let typed = site.request(Method::POST, &all).header(header::CONTENT_TYPE, "application/json; charset=utf-8");
    let row = serde_json::to_string(&rows::full(resource, 2, targets)).expect("a row is JSON");
    let made = site.send(typed.body(row)).await;
    assert_eq!(made.status, 201, "a parameter of the content type: {}", made.text);
    site.remove(resource, &made.json()).await;
}

async fn methods(site: &Site, all: &str, one: &str, page: &str) {
    for (path, allowed) in [(all, "GET POST"), (one, "GET PUT PATCH DELETE"), (page, "GET POST"), ("/", "GET")] {
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
            if allowed.split(' ').any(|one| one == method.as_str()) {
                continue;
            }
            let answer = site.json(method.clone(), path, &json!({})).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            let allow = answer.header("allow");
            assert!(allowed.split(' ').all(|one| allow.contains(one)), "Allow of {path}: {allow}");
        }
        let head = site.send(site.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.text.as_str()), (200, ""), "HEAD {path}");
    }
}

async fn bodies(site: &Site, all: &str, one: &str) {
    for (method, path) in [(Method::POST, all), (Method::PUT, one), (Method::PATCH, one)] {
        for broken in ["{\"a\":", "", "{'a': 1}", "{\"a\": 1,}", "nothing", "{\"a\": NaN}"] {
            let json = site.request(method.clone(), path).header(header::CONTENT_TYPE, "application/json");
            assert_eq!(site.send(json.body(broken)).await.status, 400, "{method} {path} {broken}");
        }
        for other in ["[]", "null", "5", "\"text\"", "[{}]"] {
            let json = site.request(method.clone(), path).header(header::CONTENT_TYPE, "application/json");
            let status = site.send(json.body(other)).await.status;
            assert!(matches!(status, 400 | 422), "{method} {path} {other}: {status}");
        }
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
            let text = site.request(method.clone(), path).header(header::CONTENT_TYPE, kind).body("{}");
            assert_eq!(site.send(text).await.status, 415, "{method} {path} {kind}");
        }
        assert_eq!(site.send(site.request(method.clone(), path).body("{}")).await.status, 415, "no content type");
    }
    let invalid = site.request(Method::POST, all).header(header::CONTENT_TYPE, "application/json");
    assert_eq!(site.send(invalid.body(&b"{\"a\": \"\xff\"}"[..])).await.status, 400, "no UTF-8");
}

async fn addresses(site: &Site, all: &str, one: &str) {
    for missing in ["4000000000", "0", "x", "1x", "-1", "01", "1e1", "1.0", "9223372036854775808", "", "1/1"] {
        for method in [Method::GET, Method::DELETE] {
            let answer = site.send(site.request(method, &format!("{all}/{missing}"))).await;
            assert_eq!(answer.status, 404, "{all}/{missing}");
        }
    }
    for method in [Method::PUT, Method::PATCH] {
        assert_eq!(site.json(method, &format!("{all}/4000000000"), &json!({})).await.status, 404);
    }
    for path in [all, one] {
        assert!(site.get(path).await.header("content-type").starts_with("application/json"));
    }
}
