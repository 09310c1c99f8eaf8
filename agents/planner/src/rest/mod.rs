//! The REST API. One file per thing; each handler reads the call, has one function do it, and replies.

mod apps;
mod artifacts;
mod errors;
mod events;
mod openapi;
mod parts;
mod tasks;

use crate::{apps::Apps, tasks::Tasks};
use axum::{Router, extract::FromRef};
use runtime::CancellationToken;

/// What the handlers need.
#[derive(Debug, Clone)]
struct Rest {
    tasks: Tasks,
    apps: Apps,
    stop: CancellationToken,
}

impl FromRef<Rest> for Tasks {
    fn from_ref(rest: &Rest) -> Self {
        rest.tasks.clone()
    }
}

impl FromRef<Rest> for Apps {
    fn from_ref(rest: &Rest) -> Self {
        rest.apps.clone()
    }
}

/// All of it.
pub(crate) fn router(tasks: Tasks, apps: Apps, stop: CancellationToken) -> Router {
    Router::new()
        .merge(tasks::router())
        .merge(events::router())
        .merge(artifacts::router())
        .merge(apps::router())
        .with_state(Rest { tasks, apps, stop })
        .merge(openapi::router())
        .merge(errors::router())
}
