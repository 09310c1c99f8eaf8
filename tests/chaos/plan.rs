//! What strikes when, from one number.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::{fmt, time::Duration};
use tests::cluster::Role;

/// Whom it may strike.
const PROCESSES: [(Role, usize); 9] = [
    (Role::Planner, 0),
    (Role::Planner, 1),
    (Role::Architect, 0),
    (Role::Architect, 1),
    (Role::Coder, 0),
    (Role::Coder, 1),
    (Role::Coder, 2),
    (Role::Tester, 0),
    (Role::Tester, 1),
];

/// A storm, blow by blow.
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) time: Duration,
    /// When each blow falls, after the start; in order.
    pub(crate) blows: Vec<(Duration, Blow)>,
}

/// One blow.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Blow {
    /// `kill -9`.
    Kill(Role, usize),
    /// SIGTERM, as on a roll-out.
    Stop(Role, usize),
    /// SIGSTOP.
    Pause(Role, usize),
    /// What was killed or stopped starts again, what was paused goes on.
    Heal(Role, usize),
    /// Nobody reaches Redis.
    CutHints,
    /// Everybody does again.
    MendHints,
    /// Redis forgets all it knows, and who was connected to it.
    FlushHints,
    /// The store's server crashes, and comes back after this time.
    CrashStore(Duration),
    /// The store's server is restarted in order.
    RestartStore,
}

impl Plan {
    /// `YONIN_CHAOS_SEED` and `YONIN_CHAOS_SECONDS`, or a new seed and half a minute.
    pub(crate) fn from_environment() -> Self {
        let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
        let seed = number("YONIN_CHAOS_SEED").unwrap_or_else(|| rand::random::<u64>() % 1_000_000);
        Self::new(seed, Duration::from_secs(number("YONIN_CHAOS_SECONDS").unwrap_or(30)))
    }

    /// The same seed and time, the same plan.
    pub(crate) fn new(seed: u64, time: Duration) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut blows, mut at) = (Vec::new(), Duration::from_secs(1));
        while at < time {
            let heals = at + Duration::from_millis(rng.random_range(300..4_000));
            let (role, index) = PROCESSES[rng.random_range(0..PROCESSES.len())];
            match rng.random_range(0..100) {
                0..40 => blows.extend([(at, Blow::Kill(role, index)), (heals, Blow::Heal(role, index))]),
                40..60 => blows.extend([(at, Blow::Stop(role, index)), (heals, Blow::Heal(role, index))]),
                60..80 => blows.extend([(at, Blow::Pause(role, index)), (heals, Blow::Heal(role, index))]),
                80..86 => blows.extend([(at, Blow::CutHints), (heals, Blow::MendHints)]),
                86..91 => blows.push((at, Blow::FlushHints)),
                91..97 => blows.push((at, Blow::CrashStore(heals - at))),
                _ => blows.push((at, Blow::RestartStore)),
            }
            at += Duration::from_millis(rng.random_range(300..2_500));
        }
        blows.sort_by_key(|(at, _)| *at);
        Self { seed, time, blows }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seed, blows, time) = (self.seed, self.blows.len(), self.time.as_secs());
        write!(f, "seed {seed}: {blows} blows in {time} s; again: ./dev chaos --for {time}s --seed {seed}")
    }
}

#[test]
fn the_seed_is_the_plan() {
    let plan = |seed| format!("{:?}", Plan::new(seed, Duration::from_secs(60)).blows);
    assert_eq!(plan(7), plan(7));
    assert_ne!(plan(7), plan(8));
}
