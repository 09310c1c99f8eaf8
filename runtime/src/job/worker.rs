//! What claims jobs and runs them.

use super::{Jobs, Timing};
use std::time::Duration;

/// Claims an agent's jobs and runs them, several at once.
pub struct Worker {}

/// A worker at work.
pub struct WorkerHandle {}

impl Worker {
    /// Starts to claim jobs, at most `slots` at once.
    #[must_use]
    pub fn start(_jobs: Jobs, _slots: usize, _timing: Timing) -> WorkerHandle {
        todo!()
    }
}

impl WorkerHandle {
    /// Claims nothing more, hands running jobs back at their next checkpoint or effect, those that reach none when the
    /// deadline is over, and returns when nothing runs.
    pub async fn drain(self, _deadline: Duration) {
        todo!()
    }
}
