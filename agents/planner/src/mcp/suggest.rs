//! What may be meant by a name or an id that is half typed.

use crate::{apps::Apps, tasks::Tasks};
use futures::future::BoxFuture;
use protocol::Problem;
use runtime::{Principal, prompt::Suggest};

/// Apps, by name.
pub(super) struct AppNames(pub(super) Apps);

impl Suggest for AppNames {
    fn suggest<'a>(
        &'a self,
        _caller: &'a Principal,
        typed: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, Problem>> {
        Box::pin(async move {
            let apps = self.0.list().await?.apps.into_iter().map(|app| app.name.to_string());
            Ok(apps.filter(|name| name.starts_with(typed)).take(limit).collect())
        })
    }
}

/// The caller's tasks, the newest first.
pub(super) struct TaskIds(pub(super) Tasks);

impl Suggest for TaskIds {
    fn suggest<'a>(
        &'a self,
        caller: &'a Principal,
        typed: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, Problem>> {
        Box::pin(async move {
            let ids = self.0.ids_beginning_with(caller, typed, limit).await?;
            Ok(ids.into_iter().map(|id| id.to_string()).collect())
        })
    }
}
