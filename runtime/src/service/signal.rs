//! Ctrl-C and SIGTERM.

use super::Running;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Lets a service run until the process gets SIGINT or SIGTERM, then stops it within the deadline.
///
/// # Errors
/// When the system refuses to tell about signals; the service is stopped then.
pub async fn run_until_signal(running: Running, deadline: Duration) -> std::io::Result<()> {
    let told = told_to_stop().await;
    tracing::info!("Stopping: {} hands its jobs back", running.origin());
    running.stop(deadline).await;
    told
}

/// Returns when the process gets SIGINT or SIGTERM.
///
/// # Errors
/// When the system refuses to tell about signals.
pub async fn told_to_stop() -> std::io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
