//! The REST API. One file per thing; each handler reads the call, has one function do it, and replies.

mod apps;
mod artifacts;
mod errors;
mod events;
mod keys;
mod needs;
mod openapi;
mod parts;
mod tape;
mod tasks;

pub(crate) use apps::IMPORT;

use crate::{apps::Apps, tape::Tapes, tasks::Tasks};
use axum::{Router, extract::FromRef};
use runtime::{CancellationToken, Keys};

pub(crate) use needs::needs;

/// What the handlers need.
#[derive(Debug, Clone)]
struct Rest {
    tasks: Tasks,
    apps: Apps,
    tapes: Tapes,
    keys: Keys,
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

impl FromRef<Rest> for Tapes {
    fn from_ref(rest: &Rest) -> Self {
        rest.tapes.clone()
    }
}

impl FromRef<Rest> for Keys {
    fn from_ref(rest: &Rest) -> Self {
        rest.keys.clone()
    }
}

/// All of it. What each route needs is in [`needs`].
pub(crate) fn router(tasks: Tasks, apps: Apps, tapes: Tapes, keys: Keys, stop: CancellationToken) -> Router {
    Router::new()
        .merge(tasks::router())
        .merge(events::router())
        .merge(artifacts::router())
        .merge(tape::router())
        .merge(apps::router())
        .merge(keys::router())
        .with_state(Rest { tasks, apps, tapes, keys, stop })
        .merge(openapi::router())
        .merge(errors::router())
}
