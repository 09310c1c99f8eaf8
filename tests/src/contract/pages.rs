//! The HTML pages of a deployed app.

use super::{
    drive::Site,
    spec::{Resource, Spec},
};
use reqwest::{Method, header};

/// The page of one resource: there, escaped, and deaf to forms without a token.
pub(super) async fn speak_html(site: &Site, resource: &Resource) {
    let path = format!("/{}", resource.name);
    let page = site.get(&path).await;
    assert_eq!(page.status, 200, "{path}");
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.text.contains("<form"), "{path} has a form");
    for raw in ["<script>alert(", "<b>&\"'"] {
        assert!(!page.text.contains(raw), "{path} shows {raw} unescaped");
    }
    for form in ["", "csrf=wrong", "_csrf=wrong&_token=wrong&csrf_token=wrong"] {
        let post = site.request(Method::POST, &path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        assert_eq!(site.send(post.body(form)).await.status, 403, "{path} took a form without its token");
    }
}

/// The index names every resource; nothing else is served.
pub(super) async fn nothing_else(site: &Site, spec: &Spec) {
    let index = site.get("/").await;
    assert_eq!(index.status, 200);
    for resource in &spec.resources {
        assert!(index.text.contains(&format!("/{}\"", resource.name)), "the index does not link {}", resource.name);
    }
    for path in [
        "/index.php",
        "/blueprint.json",
        "/../blueprint.json",
        "/src/",
        "/config.php",
        "/.git/config",
        "/api",
        "/api/nope",
        "/nope",
    ] {
        assert_eq!(site.get(path).await.status, 404, "{path}");
    }
}
