//! The web page: a client of the REST API like any other. It is public; what it shows needs a key.

use askama::Template;
use axum::{
    Router,
    http::{HeaderName, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use protocol::Code;
use runtime::http::Failure;

pub(crate) fn router() -> Router {
    Router::new()
        .route("/", get(page))
        .route("/ui/page.css", get(async || asset("text/css; charset=utf-8", include_str!("page.css"))))
        .route("/ui/app.js", get(async || asset("text/javascript; charset=utf-8", include_str!("app.js"))))
}

/// What a browser may do with our pages: load and call this origin, be framed by nobody.
pub(crate) const SECURITY: [(HeaderName, &str); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

#[derive(Template)]
#[template(path = "index.html")]
struct Page {
    version: &'static str,
}

async fn page() -> Result<Response, Failure> {
    let page = Page { version: env!("CARGO_PKG_VERSION") };
    let html = page.render().map_err(|error| Code::Internal.problem(error.to_string()))?;
    Ok((SECURITY, Html(html)).into_response())
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    (SECURITY, [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}
