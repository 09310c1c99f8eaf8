use super::{apps, artifacts, events, keys, tape, tasks};
use axum::{Json, Router, routing::get};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        SecurityRequirement,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

/// The description of the API that this process serves. Public.
pub(super) fn router() -> Router {
    let description = Description::openapi();
    Router::new().route("/openapi.json", get(move || async move { Json(description) }))
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Yonin", description = "A goal becomes a tested, live, reversible release."),
    paths(
        tasks::submit, tasks::list, tasks::show, tasks::cancel, tasks::approve, tasks::reject, tasks::answer,
        events::events, artifacts::artifact, artifacts::diff, tape::tape,
        apps::list, apps::show, apps::releases, apps::rollback, apps::import,
        keys::list, keys::create, keys::revoke,
    ),
    modifiers(&Keys)
)]
struct Description;

/// Every call carries a key.
struct Keys;

impl Modify for Keys {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        description.components.get_or_insert_default().add_security_scheme("key", bearer);
        description.security = Some(vec![SecurityRequirement::new("key", Vec::<String>::new())]);
    }
}
