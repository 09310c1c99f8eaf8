//! How much this process asks of one provider at one address. Whoever cannot go at once is told when to come back and does not wait:
//! a job that waits holds no worker.

use std::{
    collections::HashMap,
    num::NonZeroU64,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

/// When to come back while as many calls are under way as may be, at the earliest: nobody knows when one of them ends.
const BUSY: Duration = Duration::from_millis(500);

/// The same, at the latest.
const LONGEST_BUSY: Duration = Duration::from_secs(10);

const MINUTE: Duration = Duration::from_secs(60);

/// The door to one address. All that lead to the same address are one.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    most: Most,
    door: Arc<Mutex<Door>>,
}

/// What may be asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    /// Calls under way at the same time.
    pub(super) calls: usize,
    /// Tokens in a minute.
    pub(super) tokens_per_minute: Option<NonZeroU64>,
}

impl Limits {
    /// The door to this address.
    pub(super) fn of(address: &str, most: Most) -> Self {
        // Agents that share a process share what a provider allows it, and know nothing of each other.
        static DOORS: LazyLock<Mutex<HashMap<String, Weak<Mutex<Door>>>>> = LazyLock::new(Mutex::default);
        let mut doors = locked(&DOORS);
        let door = doors.get(address).and_then(Weak::upgrade).unwrap_or_else(|| {
            let door = Arc::new(Mutex::new(Door::new(Instant::now())));
            doors.insert(address.to_owned(), Arc::downgrade(&door));
            door
        });
        Self { most, door }
    }

    /// Leave to make a call of so many tokens now.
    ///
    /// # Errors
    /// How long to stay away.
    pub(super) fn enter(&self, tokens: u64) -> Result<Permit, Duration> {
        locked(&self.door).enter(self.most, tokens, Instant::now())?;
        Ok(Permit { limits: self.clone(), unused: tokens })
    }

    /// The provider wants to be left alone for so long.
    pub(super) fn close(&self, pause: Duration) {
        let mut door = locked(&self.door);
        door.closed_until = door.closed_until.max(Instant::now() + pause);
    }
}

/// Leave to make one call. Dropped, it makes room for another.
#[derive(Debug)]
pub(super) struct Permit {
    limits: Limits,
    /// Tokens that were counted for the call and that it has not taken.
    unused: u64,
}

impl Permit {
    /// The call took so many tokens.
    pub(super) fn took(&mut self, tokens: u64) {
        self.unused = self.unused.saturating_sub(tokens);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        locked(&self.limits.door).leave(self.limits.most, self.unused);
    }
}

/// How things stand at an address.
#[derive(Debug)]
struct Door {
    under_way: usize,
    /// When all tokens that were asked for will have been made good by the time that has passed.
    even_at: Instant,
    closed_until: Instant,
    /// When the last of those that found it full looks in again.
    next_look: Instant,
}

impl Door {
    fn new(now: Instant) -> Self {
        Self { under_way: 0, even_at: now, closed_until: now, next_look: now }
    }

    fn enter(&mut self, most: Most, tokens: u64, now: Instant) -> Result<(), Duration> {
        let closed = self.closed_until.saturating_duration_since(now);
        if !closed.is_zero() {
            return Err(closed);
        }
        if self.under_way >= most.calls {
            return Err(self.later(most, now));
        }
        // A minute's worth can be had at once. What is more than that goes when nothing is owed; it would never go otherwise.
        let (owed, time) = (self.even_at.saturating_duration_since(now), most.time(tokens));
        let too_much = (owed + time.min(MINUTE)).saturating_sub(MINUTE);
        if !too_much.is_zero() {
            return Err(too_much);
        }
        self.even_at = now + owed + time;
        self.under_way += 1;
        Ok(())
    }

    /// One after the other, so that thousands that wait don't all look in at once.
    fn later(&mut self, most: Most, now: Instant) -> Duration {
        let spacing = BUSY.div_f64(most.calls.max(1) as f64);
        self.next_look = (self.next_look + spacing).clamp(now + BUSY, now + LONGEST_BUSY);
        self.next_look - now
    }

    fn leave(&mut self, most: Most, unused: u64) {
        self.under_way = self.under_way.saturating_sub(1);
        self.even_at = self.even_at.checked_sub(most.time(unused)).unwrap_or(self.even_at);
    }
}

impl Most {
    /// How long it takes until so many tokens may be asked for.
    fn time(self, tokens: u64) -> Duration {
        let Some(limit) = self.tokens_per_minute else { return Duration::ZERO };
        let millis = u128::from(tokens) * MINUTE.as_millis() / u128::from(limit.get());
        // A day is as good as never.
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)).min(MINUTE * 60 * 24)
    }
}

fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it is held.
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most(calls: usize, tokens_per_minute: u64) -> Most {
        Most { calls, tokens_per_minute: NonZeroU64::new(tokens_per_minute) }
    }

    #[test]
    fn calls_under_way_are_counted_over_all_who_use_the_address() {
        let address = "openai http://of-this-test-alone";
        let (one, other) = (Limits::of(address, most(1, 0)), Limits::of(address, most(1, 0)));
        let permit = one.enter(1_000).expect("nobody is there");
        assert_eq!(other.enter(1).expect_err("full"), BUSY);
        assert!(Limits::of("openai http://another", most(1, 0)).enter(1).is_ok());
        drop(permit);
        assert!(other.enter(1).is_ok());
    }

    #[test]
    fn those_that_find_it_full_come_back_one_after_the_other() {
        let (now, most) = (Instant::now(), most(2, 0));
        let mut door = Door::new(now);
        assert!((0..2).all(|_| door.enter(most, 1, now).is_ok()));
        let mut pause = || door.enter(most, 1, now).expect_err("full");
        assert_eq!((pause(), pause(), pause()), (BUSY, BUSY * 3 / 2, BUSY * 2));
        assert_eq!((0..100).map(|_| pause()).max(), Some(LONGEST_BUSY));
    }

    #[test]
    fn a_provider_that_wants_to_be_left_alone_is() {
        let limits = Limits::of("openai http://closed", most(8, 0));
        limits.close(Duration::from_secs(30));
        limits.close(Duration::from_secs(3));
        let pause = limits.enter(1).expect_err("closed");
        assert!((Duration::from_secs(29)..=Duration::from_secs(30)).contains(&pause), "{pause:?}");
    }

    #[test]
    fn tokens_of_a_minute_can_be_had_at_once_and_then_as_time_goes_by() {
        let (now, most) = (Instant::now(), most(8, 6_000));
        let mut door = Door::new(now);
        assert_eq!(door.enter(most, 4_000, now), Ok(()));
        assert_eq!(door.enter(most, 3_000, now), Err(Duration::from_secs(10)));
        assert_eq!(door.enter(most, 3_000, now + Duration::from_secs(10)), Ok(()));
        // What the call did not take can be had by others.
        door.leave(most, 2_500);
        assert_eq!(door.enter(most, 2_500, now + Duration::from_secs(10)), Ok(()));
    }

    #[test]
    fn a_call_of_more_than_a_minutes_tokens_goes_when_nothing_is_owed() {
        let (now, most) = (Instant::now(), most(8, 6_000));
        let mut door = Door::new(now);
        assert_eq!(door.enter(most, 12_000, now), Ok(()));
        assert_eq!(door.enter(most, 12_000, now), Err(Duration::from_secs(120)));
        assert_eq!(door.enter(most, 12_000, now + Duration::from_secs(120)), Ok(()));
    }
}
