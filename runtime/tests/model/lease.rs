//! Who believes to hold a job, by its own clock: never two at once.
//!
//! Clocks run at one speed and never jump; workers may be stopped for any time, and their requests and the answers may take any
//! time. Fences end at a bound, beyond which nothing new can happen.

use crate::search::{Found, Model, explore};

/// How long a lease lasts, in ticks.
const LEASE: u8 = 3;
const WORKERS: usize = 3;
/// Claims.
const CLAIMS: u8 = 4;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    fence: u8,
    /// Ticks until the store takes the lease for ended.
    left: u8,
    workers: [Worker; WORKERS],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Worker {
    /// Its claim; 0: none.
    fence: u8,
    /// Ticks until it takes its lease for ended, and itself for idle.
    left: u8,
    asked: Option<Request>,
}

/// A claim or a renewal under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Request {
    /// Ticks since it was sent. From one lease on, they make no difference.
    age: u8,
    /// The claim that is to be renewed; 0: a new one is asked for.
    fence: u8,
    /// What the store said: the claim that is held now, or none.
    answer: Option<Option<u8>>,
}

#[derive(Debug, Clone, Copy)]
enum Action {
    Tick,
    Ask(#[expect(dead_code, reason = "for who reads a counterexample")] usize),
    Serve(#[expect(dead_code, reason = "for who reads a counterexample")] usize),
    Hear(#[expect(dead_code, reason = "for who reads a counterexample")] usize),
}

/// A rule left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    /// A renewal looks at no fence.
    RenewsAnything,
    /// A worker counts its lease from when it hears of it, not from when it asked.
    CountsFromTheAnswer,
    /// A claim takes a job whose lease has not ended.
    ClaimsEarly,
}

struct Leases(Option<Flaw>);

impl Leases {
    /// What the store makes of a request.
    fn serve(&self, state: &mut State, request: Request) -> Option<u8> {
        let granted = if request.fence == 0 {
            let free = (state.left == 0 || self.0 == Some(Flaw::ClaimsEarly)) && state.fence < CLAIMS;
            free.then(|| state.fence + 1)
        } else {
            // As in `renew`: a lease that has ended may be renewed, unless somebody else has taken the job.
            let ours = state.fence == request.fence || self.0 == Some(Flaw::RenewsAnything);
            ours.then_some(request.fence)
        };
        if let Some(fence) = granted {
            state.fence = state.fence.max(fence);
            state.left = LEASE;
        }
        granted
    }

    fn hear(&self, worker: &mut Worker, request: Request) {
        let age = if self.0 == Some(Flaw::CountsFromTheAnswer) { 0 } else { request.age };
        let fence = request.answer.flatten().unwrap_or(0);
        *worker = Worker { fence, left: LEASE - age, asked: None };
        worker.let_go_in_time();
    }
}

impl Worker {
    /// A worker that is not stopped lets go by itself. One that is stopped has let go by the time it looks at its clock.
    fn let_go_in_time(&mut self) {
        if self.fence == 0 || self.left == 0 {
            (self.fence, self.left) = (0, 0);
        }
    }

    fn tick(&mut self) {
        self.left = self.left.saturating_sub(1);
        if let Some(request) = &mut self.asked {
            request.age = (request.age + 1).min(LEASE);
        }
        // A renewal that is under way may still be heard: so it is when a stopped worker wakes up.
        self.let_go_in_time();
    }
}

impl Model for Leases {
    type State = State;
    type Action = Action;

    fn initial(&self) -> State {
        State { fence: 0, left: 0, workers: [Worker::default(); WORKERS] }
    }

    fn steps(&self, state: &State) -> Vec<(Action, State)> {
        let mut steps = vec![];
        let mut step = |action, change: &dyn Fn(&mut State)| {
            let mut after = state.clone();
            change(&mut after);
            // Workers are all alike.
            after.workers.sort_unstable();
            steps.push((action, after));
        };
        step(Action::Tick, &|after| {
            after.left = after.left.saturating_sub(1);
            after.workers.iter_mut().for_each(Worker::tick);
        });
        for (nth, worker) in state.workers.iter().enumerate() {
            match worker.asked {
                None => step(Action::Ask(nth), &|after| {
                    after.workers[nth].asked = Some(Request { age: 0, fence: worker.fence, answer: None });
                }),
                Some(request) if request.answer.is_none() => step(Action::Serve(nth), &|after| {
                    let answer = Some(self.serve(after, request));
                    after.workers[nth].asked = Some(Request { answer, ..request });
                }),
                Some(request) => step(Action::Hear(nth), &|after| self.hear(&mut after.workers[nth], request)),
            }
        }
        steps
    }

    fn wrong(&self, _: &State, after: &State) -> Option<&'static str> {
        let mut holders = after.workers.iter().filter(|worker| worker.fence != 0);
        match (holders.next(), holders.next()) {
            (Some(_), Some(_)) => Some("two workers hold the job"),
            (Some(one), None) if one.fence != after.fence => Some("a worker holds the job below the highest fence"),
            _ => None,
        }
    }

    fn settled(&self, state: &State) -> bool {
        state.fence == CLAIMS
    }
}

#[test]
fn never_do_two_workers_believe_to_hold_a_job() {
    let explored = explore(&Leases(None)).unwrap_or_else(|found| panic!("{found:?}"));
    assert!(explored.can(|state| state.workers.iter().any(|worker| worker.fence == CLAIMS)));
    let late = |worker: &Worker| worker.fence == 0 && worker.asked.is_some_and(|asked| asked.fence != 0);
    assert!(explored.can(|state| state.workers.iter().any(late)), "no renewal is ever under way for too long");
    println!("{} states", explored.states.len());
}

#[test]
fn each_rule_of_leases_is_needed() {
    for flaw in [Flaw::RenewsAnything, Flaw::CountsFromTheAnswer, Flaw::ClaimsEarly] {
        let Err(Found { wrong, way }) = explore(&Leases(Some(flaw))) else { panic!("{flaw:?} is not found") };
        println!("{flaw:?}: {wrong}, in {} steps", way.len());
    }
}
