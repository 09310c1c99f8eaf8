//! Ctrl-C and SIGTERM.

use super::Bound;
use std::{future::Future, time::Duration};
use tokio::signal::unix::{SignalKind, signal};

/// Starts a service, lets it run until the process gets SIGINT or SIGTERM, then stops it within the deadline.
///
/// # Errors
/// When the system refuses to tell about signals; the service is not started then.
pub async fn run_until_signal(bound: Bound, deadline: Duration) -> std::io::Result<()> {
    // Before its first answer: who has seen it ready may tell it to stop at once.
    let told = told_to_stop()?;
    let running = bound.start();
    told.await;
    tracing::info!("Stopping: {} hands its jobs back", running.origin());
    running.stop(deadline).await;
    Ok(())
}

/// Returns when the process gets SIGINT or SIGTERM after this call, awaited or not.
///
/// # Errors
/// When the system refuses to tell about signals.
pub fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
