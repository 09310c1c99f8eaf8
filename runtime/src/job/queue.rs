use crate::{Store, store::StoreError};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How old a count may be.
const FRESH: Duration = Duration::from_secs(1);

/// How many jobs may be queued. Counted once in a second, and up with each one that this replica writes: several replicas that
/// write at once may go over the limit by what they write in a second.
pub(super) struct Queue {
    longest: u64,
    counted: Mutex<Option<Counted>>,
}

#[derive(Clone, Copy)]
struct Counted {
    at: Instant,
    jobs: u64,
}

impl Queue {
    pub(super) fn new(longest: u64) -> Self {
        Self { longest, counted: Mutex::default() }
    }

    /// Whether no more can be taken.
    pub(super) async fn is_full(&self, store: &Store) -> Result<bool, StoreError> {
        let counted = *self.counted();
        let jobs = match counted.filter(|counted| counted.at.elapsed() < FRESH) {
            Some(counted) => counted.jobs,
            None => {
                let (at, jobs) = (Instant::now(), store.queued().await?);
                *self.counted() = Some(Counted { at, jobs });
                jobs
            }
        };
        Ok(jobs >= self.longest)
    }

    /// One more was written here.
    pub(super) fn grew(&self) {
        if let Some(counted) = self.counted().as_mut() {
            counted.jobs += 1;
        }
    }

    fn counted(&self) -> MutexGuard<'_, Option<Counted>> {
        // Nothing panics while it is held.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
