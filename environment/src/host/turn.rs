//! Whose turn it is to change an app.

use super::{HostError, state::AppState};
use protocol::{AppName, Code, tools::Epoch};
use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{sync::OwnedMutexGuard, task::AbortHandle};

/// One writer at a time for each app. A writer of a later epoch ends the one at work, and turns away older ones that wait.
#[derive(Debug, Default)]
pub(super) struct Turns {
    apps: Mutex<HashMap<AppName, Arc<App>>>,
}

#[derive(Debug, Default)]
struct App {
    lock: Arc<tokio::sync::Mutex<()>>,
    at_work: Mutex<Option<(Epoch, AbortHandle)>>,
    /// The latest that has asked for a turn.
    latest: Mutex<Option<Epoch>>,
}

/// The right to change an app. Held by the act until it ends.
pub(super) type Turn = OwnedMutexGuard<()>;

tokio::task_local! {
    static TURN: Arc<Turn>;
}

/// The turn of the act that calls this. Work that goes on when its act is ended, as work on files does, holds it until it is
/// done: the next writer begins when nothing of the one before is left running.
pub(super) fn held() -> Option<Arc<Turn>> {
    TURN.try_with(Arc::clone).ok()
}

impl Turns {
    /// Runs an act when no other is under way. It goes on when the caller goes away, so that a broken connection leaves nothing
    /// half done; only a writer of a later epoch ends it.
    pub(super) async fn run<T, A, F>(&self, app: &AppName, epoch: Epoch, act: A) -> Result<T, HostError>
    where
        T: Send + 'static,
        A: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<T, HostError>> + Send + 'static,
    {
        let app = self.app(app);
        let lock = Arc::clone(&app.lock);
        let (begin, begun) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let turn: Turn = begun.await.map_err(|_| HostError::BrokenOff)?;
            TURN.scope(Arc::new(turn), act()).await
        });
        app.overtake(epoch);
        let turn = lock.lock_owned().await;
        app.expect_latest(epoch)?;
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
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = (*latest).max(Some(epoch));
        drop(latest);
        if let Some((older, act)) = &*self.at_work()
            && *older < epoch
        {
            act.abort();
        }
    }

    /// Refuses a writer that was overtaken while it waited.
    fn expect_latest(&self, epoch: Epoch) -> Result<(), HostError> {
        let latest = *self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.filter(|latest| epoch < *latest).map_or(Ok(()), |latest| Err(stale(epoch, latest)))
    }

    fn at_work(&self) -> std::sync::MutexGuard<'_, Option<(Epoch, AbortHandle)>> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks a writer's place in the order, and records it. True when it is a new one.
pub(super) fn enter(state: &mut AppState, home: &Path, epoch: Epoch) -> Result<bool, HostError> {
    match state.epoch {
        Some(highest) if epoch < highest => Err(stale(epoch, highest)),
        Some(highest) if epoch == highest => Ok(false),
        _ => {
            state.epoch = Some(epoch);
            state.save(home)?;
            Ok(true)
        }
    }
}

fn stale(epoch: Epoch, highest: Epoch) -> HostError {
    let detail = format!("turn {}.{} came after {}.{}", epoch.turn, epoch.fence, highest.turn, highest.fence);
    Code::StaleEpoch.problem(detail).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::environment::on_files;
    use std::{sync::mpsc, time::Duration};

    fn epoch(turn: u64) -> Epoch {
        Epoch { turn, fence: 1 }
    }

    /// The first is at work on files, where nothing can end it, while two more come.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_latest_writer_begins_when_the_work_of_the_first_has_ended_and_the_one_between_never() {
        let (turns, app): (Arc<Turns>, AppName) = (Arc::default(), "shop".parse().expect("a name"));
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (let_go, held) = mpsc::channel::<()>();
        let ended = Arc::new(Mutex::new(false));
        let (of_first, of_third) = (Arc::clone(&ended), Arc::clone(&ended));
        let work = move || {
            begun.send(()).expect("the test waits");
            held.recv().expect("the test lets go");
            *of_first.lock().expect("not poisoned") = true;
            Ok(())
        };
        let run = |turn, act: std::pin::Pin<Box<dyn Future<Output = Result<(), HostError>> + Send>>| {
            let (turns, app) = (Arc::clone(&turns), app.clone());
            tokio::spawn(async move { turns.run(&app, epoch(turn), move || act).await })
        };
        let first = run(1, Box::pin(on_files(work)));
        has_begun.await.expect("it begins");
        let second = run(2, Box::pin(async { panic!("it was overtaken while it waited") }));
        assert!(matches!(first.await.expect("it ran"), Err(HostError::BrokenOff)));
        let third = run(
            3,
            Box::pin(async move {
                assert!(*of_third.lock().expect("not poisoned"), "the first one's work has ended");
                Ok(())
            }),
        );
        let latest = turns.app(&app);
        while *latest.latest.lock().expect("not poisoned") != Some(epoch(3)) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let_go.send(()).expect("the first one waits");
        third.await.expect("it ran").expect("its turn came");
        let Err(HostError::Refused(refused)) = second.await.expect("it ran") else { panic!("the second one acted") };
        assert_eq!(refused.code, Code::StaleEpoch);
    }
}
