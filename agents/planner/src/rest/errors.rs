//! A page for each error code: where a problem's `type` leads to. Public.

use crate::web;
use askama::Template;
use axum::{
    Router,
    extract::Path,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use protocol::Code;
use runtime::http::Failure;

pub(super) fn router() -> Router {
    Router::new().route("/errors/{code}", get(page))
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    code: &'a str,
    text: &'a str,
}

async fn page(Path(code): Path<String>) -> Result<Response, Failure> {
    let Some((code, text)) = PAGES.iter().find(|(known, _)| *known == code) else {
        return Err(Code::NotFound.problem(format!("there is no error code {code:?}")).into());
    };
    let html = ErrorPage { code, text }.render().map_err(|error| Code::Internal.problem(error.to_string()))?;
    Ok((web::SECURITY, Html(html)).into_response())
}

macro_rules! pages {
    ($($code:literal,)*) => {
        /// What `docs/errors` says about each code.
        const PAGES: &[(&str, &str)] = &[
            $(($code, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors/", $code, ".md")))),*
        ];
    };
}

pages! {
    "bad-json",
    "bad-goal",
    "bad-app-name",
    "bad-request",
    "bad-path",
    "bad-cursor",
    "unsupported-media-type",
    "body-too-large",
    "change-set-too-large",
    "unauthorized",
    "forbidden",
    "not-found",
    "method-not-allowed",
    "idempotency-conflict",
    "not-waiting",
    "question-over",
    "bad-request-state",
    "already-finished",
    "releasing",
    "goal-not-understood",
    "nothing-to-do",
    "unsupported-change",
    "not-built-here",
    "approval-required",
    "rejected",
    "checks-failed",
    "smoke-failed",
    "budget-exhausted",
    "model-unavailable",
    "model-unusable",
    "context-too-large",
    "bad-migration",
    "migration-failed",
    "migration-changed",
    "verdict-invalid",
    "base-moved",
    "stale-epoch",
    "rollback-refused",
    "no-such-release",
    "preview-gone",
    "disk-full",
    "mysql-unavailable",
    "redis-unavailable",
    "web-unavailable",
    "host-unavailable",
    "peer-unavailable",
    "store-unavailable",
    "draining",
    "too-many-requests",
    "cancelled",
    "in-doubt",
    "worker-lost",
    "internal",
    "bad-configuration",
    "port-taken",
    "missing-package",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_page() {
        for code in Code::ALL {
            let page = PAGES.iter().find(|(known, _)| *known == code.as_str());
            assert!(page.is_some_and(|(_, text)| text.len() > 100), "docs/errors/{code}.md");
        }
        assert_eq!(PAGES.len(), Code::ALL.len());
    }
}
