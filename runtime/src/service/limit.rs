//! How fast somebody may ask. Counted in this process: each replica gives everybody as much.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// So many requests a second in the long run, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// A second, in the long run; at least 1.
    pub per_second: u32,
    /// At once, by somebody who has been quiet; at least 1.
    pub burst: u32,
}

/// How fast people may ask. Services are not held up: they hold themselves back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Everybody with a key, by its name.
    pub people: Rate,
    /// Everybody without one, or with a wrong one, by address; an IPv6 network is one address.
    pub strangers: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        Self { people: Rate { per_second: 500, burst: 1_000 }, strangers: Rate { per_second: 50, burst: 200 } }
    }
}

/// Names, and addresses, that are told apart. Those beyond share what one of them has.
const TOLD_APART: usize = 8_192;

/// Who is quiet again is looked for at most this often.
const SWEEP: Duration = Duration::from_secs(1);

/// A bucket of tokens for each of many: filled evenly, emptied by one with each request. Kept as the moment at which the bucket will be
/// full again, so that one who is quiet leaves nothing behind.
#[derive(Debug)]
pub(super) struct Buckets<K> {
    /// Time that one token takes to come back.
    interval: Duration,
    /// Time that a whole bucket takes.
    whole: Duration,
    places: Mutex<Places<K>>,
}

#[derive(Debug)]
struct Places<K> {
    full_at: HashMap<K, Instant>,
    /// Of all those for whom there was no place.
    rest: Option<Instant>,
    swept: Option<Instant>,
}

impl<K: Eq + Hash> Buckets<K> {
    pub(super) fn new(rate: Rate) -> Self {
        let interval = Duration::from_secs(1) / rate.per_second.max(1);
        let places = Places { full_at: HashMap::new(), rest: None, swept: None };
        Self { interval, whole: interval * rate.burst.max(1), places: Mutex::new(places) }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// How long until there is one again.
    pub(super) fn take<Q>(&self, whose: &Q) -> Result<(), Duration>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        self.take_at(whose, Instant::now())
    }

    fn take_at<Q>(&self, whose: &Q, now: Instant) -> Result<(), Duration>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        // What is in it is whole between any two statements.
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(full_at) = places.full_at.get_mut(whose) {
            return self.take_from(full_at, now);
        }
        if places.full_at.len() >= TOLD_APART && places.swept.is_none_or(|swept| now >= swept + SWEEP) {
            places.full_at.retain(|_, full_at| *full_at > now);
            places.swept = Some(now);
        }
        if places.full_at.len() >= TOLD_APART {
            return self.take_from(places.rest.get_or_insert(now), now);
        }
        let mut full_at = now;
        let taken = self.take_from(&mut full_at, now);
        places.full_at.insert(whose.to_owned(), full_at);
        taken
    }

    fn take_from(&self, full_at: &mut Instant, now: Instant) -> Result<(), Duration> {
        let then = (*full_at).max(now) + self.interval;
        match then.duration_since(now).checked_sub(self.whole) {
            Some(missing) if !missing.is_zero() => Err(missing),
            _ => {
                *full_at = then;
                Ok(())
            }
        }
    }
}

/// What an address counts as: one who has an IPv6 network has all its addresses.
pub(super) fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(per_second: u32, burst: u32) -> Buckets<String> {
        Buckets::new(Rate { per_second, burst })
    }

    #[test]
    fn a_burst_and_then_as_much_as_comes_back() {
        let (buckets, start) = (buckets(10, 3), Instant::now());
        let at = |millis: u64| buckets.take_at("mei", start + Duration::from_millis(millis));
        assert_eq!([at(0), at(0), at(0)], [Ok(()); 3]);
        assert_eq!([at(0), at(60)], [Err(Duration::from_millis(100)), Err(Duration::from_millis(40))]);
        assert_eq!([at(100), at(100)], [Ok(()), Err(Duration::from_millis(100))]);
        assert_eq!(buckets.take_at("ann", start), Ok(()), "everybody has a bucket of their own");
        assert_eq!([at(60_000), at(60_000), at(60_000)], [Ok(()); 3], "who was quiet has a whole one");
        assert!(at(60_000).is_err(), "and no more");
    }

    #[test]
    fn many_who_come_once_take_no_more_room_than_there_is() {
        let (buckets, start) = (buckets(1, 1), Instant::now());
        for n in 0..TOLD_APART {
            assert_eq!(buckets.take_at(n.to_string().as_str(), start), Ok(()));
        }
        assert_eq!(buckets.take_at("late", start), Ok(()), "those beyond share one bucket");
        assert!(buckets.take_at("later", start).is_err());
        assert_eq!(buckets.places.lock().expect("whole").full_at.len(), TOLD_APART);
        let later = start + Duration::from_secs(2);
        assert_eq!(buckets.take_at("later", later), Ok(()));
        assert_eq!(buckets.places.lock().expect("whole").full_at.len(), 1, "who is quiet leaves nothing behind");
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let of = |text: &str| counted_as(text.parse().expect("an address"));
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::"));
        assert_ne!(of("2001:db8:1:2::"), of("2001:db8:1:3::"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}
