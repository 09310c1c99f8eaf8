//! The outside world: the host, which keeps writers in order and remembers what it did; after `environment/src/host`.
//!
//! An act begins when its request comes in and takes place later, or never, if it is ended before. That an act which was cut off
//! is gone on with, not done again from the start, is the host's own affair and tested there.

use crate::{job::Flaw, store::Effect};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Host {
    /// The highest place in the order of writers that was seen; kept on disk.
    highest: Epoch,
    at_work: Vec<Request>,
    remembered: [bool; 2],
    pub(crate) world: World,
}

/// What the acts have come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct World {
    /// How often each was applied.
    pub(crate) applied: [u8; 2],
    /// What was staged is still there.
    pub(crate) staged: bool,
}

/// A writer's place in the order: the clean-up of a cancelled job takes a new turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Epoch {
    pub(crate) turn: u8,
    pub(crate) fence: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Request {
    pub(crate) epoch: Epoch,
    pub(crate) ask: Ask,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Ask {
    Do(Effect),
    /// Takes back what was staged.
    Discard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Done,
    Stale,
    /// It has only begun.
    Later,
}

impl Host {
    pub(crate) fn new() -> Self {
        let world = World::default();
        Self { highest: Epoch { turn: 0, fence: 0 }, at_work: vec![], remembered: [false; 2], world }
    }

    /// Whether a request's turn has come: others of its epoch, and of later ones, come to their end first.
    pub(crate) fn is_free_for(&self, request: Request) -> bool {
        self.at_work.iter().all(|other| other.epoch < request.epoch)
    }

    pub(crate) fn has(&self, request: Request) -> bool {
        self.at_work.contains(&request)
    }

    pub(crate) fn take(&mut self, request: Request, flaw: Option<Flaw>) -> Answer {
        if request.epoch < self.highest && flaw != Some(Flaw::TakesOldEpochs) {
            return Answer::Stale;
        }
        self.highest = self.highest.max(request.epoch);
        if flaw != Some(Flaw::LeavesOldActsRunning) {
            self.at_work.clear();
        }
        match request.ask {
            Ask::Do(effect) if self.remembered[effect as usize] && flaw != Some(Flaw::ForgetsWhatItDid) => Answer::Done,
            Ask::Do(_) => {
                self.at_work.push(request);
                self.at_work.sort_unstable();
                Answer::Later
            }
            Ask::Discard => {
                self.world.staged = false;
                Answer::Done
            }
        }
    }

    pub(crate) fn acts(&self) -> impl Iterator<Item = (Request, Effect)> {
        self.at_work.iter().filter_map(|request| match request.ask {
            Ask::Do(effect) => Some((*request, effect)),
            Ask::Discard => None,
        })
    }

    /// An act comes to its end.
    pub(crate) fn finish(&mut self, request: Request, effect: Effect) {
        self.at_work.retain(|other| *other != request);
        self.remembered[effect as usize] = true;
        // More than twice is no worse than twice.
        let applied = &mut self.world.applied[effect as usize];
        *applied = (*applied + 1).min(2);
        self.world.staged |= effect == Effect::Stage;
    }

    pub(crate) fn restart(&mut self, flaw: Option<Flaw>) {
        self.at_work.clear();
        if flaw == Some(Flaw::ForgetsEpochs) {
            self.highest = Epoch { turn: 0, fence: 0 };
        }
    }
}
