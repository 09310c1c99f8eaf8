//! Whose turn it is to change an app.

use super::{HostError, state::AppState};
use protocol::{AppName, Code, tools::Epoch};
use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{sync::OwnedMutexGuard, task::AbortHandle};

/// One writer at a time for each app. A writer of a later epoch ends the one at work.
#[derive(Debug, Default)]
pub(super) struct Turns {
    apps: Mutex<HashMap<AppName, Arc<App>>>,
}

#[derive(Debug, Default)]
struct App {
    lock: Arc<tokio::sync::Mutex<()>>,
    at_work: Mutex<Option<(Epoch, AbortHandle)>>,
}

/// The right to change an app. Held by the act until it ends.
pub(super) type Turn = OwnedMutexGuard<()>;

impl Turns {
    /// Runs an act when no other is under way. It goes on when the caller goes away, so that a broken connection leaves nothing
    /// half done; only a writer of a later epoch ends it.
    pub(super) async fn run<T, A, F>(&self, app: &AppName, epoch: Epoch, act: A) -> Result<T, HostError>
    where
        T: Send + 'static,
        A: FnOnce(Turn) -> F + Send + 'static,
        F: Future<Output = Result<T, HostError>> + Send + 'static,
    {
        let app = self.app(app);
        let lock = Arc::clone(&app.lock);
        let (begin, begun) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let turn: Turn = begun.await.map_err(|_| HostError::BrokenOff)?;
            act(turn).await
        });
        app.overtake(epoch);
        let turn = lock.lock_owned().await;
        *app.at_work() = Some((epoch, task.abort_handle()));
        begin.send(turn).map_err(|_| HostError::BrokenOff)?;
        task.await.unwrap_or_else(|error| {
            if error.is_panic() {
                tracing::error!(error = %error, "An act of the host broke off");
            }
            Err(HostError::BrokenOff)
        })
    }

    /// Waits until nobody is at work, for the host's own tidying.
    pub(super) async fn quiet(&self, app: &AppName) -> Turn {
        Arc::clone(&self.app(app).lock).lock_owned().await
    }

    fn app(&self, app: &AppName) -> Arc<App> {
        let mut apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(apps.entry(app.clone()).or_default())
    }
}

impl App {
    /// Ends a writer of an earlier epoch.
    fn overtake(&self, epoch: Epoch) {
        if let Some((older, act)) = &*self.at_work()
            && *older < epoch
        {
            act.abort();
        }
    }

    fn at_work(&self) -> std::sync::MutexGuard<'_, Option<(Epoch, AbortHandle)>> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks a writer's place in the order, and records it. True when it is a new one.
pub(super) fn enter(state: &mut AppState, home: &Path, epoch: Epoch) -> Result<bool, HostError> {
    match state.epoch {
        Some(highest) if epoch < highest => {
            let detail = format!("turn {}.{} came after {}.{}", epoch.turn, epoch.fence, highest.turn, highest.fence);
            Err(Code::StaleEpoch.problem(detail).into())
        }
        Some(highest) if epoch == highest => Ok(false),
        _ => {
            state.epoch = Some(epoch);
            state.save(home)?;
            Ok(true)
        }
    }
}
