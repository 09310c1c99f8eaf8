//! The role that each call needs: the one list of who may do what over REST. A route that is not here answers nobody.

use axum::http::Method;
use protocol::Role::{Admin, Operator, Viewer};
use runtime::service::Need;

/// Everything that this service answers besides MCP and its probes.
pub(crate) fn needs() -> Vec<Need> {
    let public = ["/", "/ui/page.css", "/ui/app.js", "/openapi.json", "/errors/{code}"];
    let calls = [
        // Everybody sees all apps; of tasks they see their own.
        (Method::GET, "/v1/apps", Viewer),
        (Method::GET, "/v1/apps/{app}", Viewer),
        (Method::GET, "/v1/apps/{app}/releases", Viewer),
        (Method::GET, "/v1/tasks", Viewer),
        (Method::GET, "/v1/tasks/{id}", Viewer),
        (Method::GET, "/v1/tasks/{id}/events", Viewer),
        (Method::GET, "/v1/tasks/{id}/artifacts/{kind}", Viewer),
        (Method::GET, "/v1/tasks/{id}/diff", Viewer),
        (Method::GET, "/v1/tasks/{id}/tape", Viewer),
        (Method::POST, "/v1/tasks", Operator),
        (Method::POST, "/v1/tasks/{id}/cancel", Operator),
        (Method::POST, "/v1/tasks/{id}/approve", Operator),
        (Method::POST, "/v1/tasks/{id}/reject", Operator),
        (Method::POST, "/v1/tasks/{id}/answer", Operator),
        (Method::POST, "/v1/apps/{app}/rollback", Operator),
        (Method::POST, "/v1/apps/{app}/import", Operator),
        (Method::GET, "/v1/keys", Admin),
        (Method::POST, "/v1/keys", Admin),
        (Method::DELETE, "/v1/keys/{key}", Admin),
    ];
    let public = public.into_iter().map(|path| Need::nothing(Method::GET, path));
    public.chain(calls.into_iter().map(|(method, path, role)| Need::role(method, path, role))).collect()
}
