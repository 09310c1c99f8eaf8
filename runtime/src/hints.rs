//! Wake-up hints: "look again, something happened to this job". Losing one costs time, never work.

use protocol::JobId;
use tokio::sync::broadcast;

/// A bus of hints that all services of one process share.
#[derive(Debug, Clone)]
pub struct Hints {
    bus: broadcast::Sender<JobId>,
}

impl Hints {
    /// A bus inside this process.
    #[must_use]
    pub fn in_process() -> Self {
        Self { bus: broadcast::channel(4_096).0 }
    }

    /// Says that something happened to this job.
    pub fn send(&self, job: JobId) {
        // No receiver is no error: nobody is waiting.
        let _ = self.bus.send(job);
    }

    /// Hints from now on. A receiver that lags behind should look at everything it waits for.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<JobId> {
        self.bus.subscribe()
    }
}
