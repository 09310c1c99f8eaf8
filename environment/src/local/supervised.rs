use super::{LocalError, process::Daemon};
use nix::sys::signal::Signal;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A server that is started again when it ends by itself: on the same port and data, so that whoever uses it tries again and
/// goes on. Ended at once when dropped; [`Supervised::stop`] lets it end in order.
#[derive(Debug)]
pub(crate) struct Supervised {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// How a server is asked to end, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    pub(crate) signal: Signal,
    pub(crate) deadline: Duration,
}

impl Supervised {
    /// Keeps a server up; `again` starts another.
    pub(crate) fn keep<R>(daemon: Daemon, ending: Ending, again: impl Fn() -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = Result<Daemon, LocalError>> + Send,
    {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let mut daemon = daemon;
            loop {
                tokio::select! {
                    () = stopped.cancelled() => return daemon.stop(ending.signal, ending.deadline).await,
                    () = daemon.ended() => {}
                }
                tracing::error!(server.name = daemon.name(), "A server ended by itself; it is started again");
                let Some(next) = revive(&again, &stopped).await else { return };
                daemon = next;
            }
        });
        Self { stop, task }
    }

    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "What keeps a server up broke off");
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Tries until the server is up again, or nobody wants it any more. A start is never dropped half-way.
async fn revive<R>(again: impl Fn() -> R, stopped: &CancellationToken) -> Option<Daemon>
where
    R: Future<Output = Result<Daemon, LocalError>>,
{
    let mut pause = Duration::from_millis(100);
    while !stopped.is_cancelled() {
        match again().await {
            Ok(daemon) => return Some(daemon),
            Err(error) => tracing::error!(%error, "A server cannot be started again"),
        }
        // What keeps it from starting (a full disk, no memory) may pass; asking faster does not help.
        let _ = tokio::time::timeout(pause, stopped.cancelled()).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
    None
}
