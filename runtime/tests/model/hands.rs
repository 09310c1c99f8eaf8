//! What a worker that has a job in hand may do next, and what may befall it.

use crate::{
    job::{Action, Flaw, Scene},
    store::{Claim, Row, Write},
    worker::{At, Heard, Worker, request},
};

/// A worker that has a job in hand.
pub(crate) struct Hands<'a, 's> {
    pub(crate) nth: usize,
    pub(crate) claim: Claim,
    pub(crate) at: At,
    pub(crate) flaw: Option<Flaw>,
    pub(crate) steps: &'a mut Steps<'s>,
}

impl Hands<'_, '_> {
    /// What it means to do, and how that may go wrong.
    pub(crate) fn go_on(&mut self) {
        let Self { nth, claim, at, flaw, .. } = *self;
        let scene = self.steps.scene;
        match at {
            At::Write(write) | At::Settle(write) => {
                let mut row = scene.row;
                let answer = row.write(claim, write, flaw);
                let heard = |heard, row: &Row| Worker::hear(claim, at, heard, row);
                self.steps.take(Action::Write(write), |after| {
                    after.row = row;
                    after.workers[nth] = heard(Heard::Answer(answer), &row);
                });
                self.steps.mishap(Action::WriteUnheard(write), |after| {
                    after.row = row;
                    after.workers[nth] = heard(Heard::Nothing, &scene.row);
                });
                self.steps.mishap(Action::WriteLost(write), |after| {
                    after.workers[nth] = heard(Heard::Nothing, &scene.row);
                });
            }
            At::Send(ask) => {
                let request = request(claim, ask, flaw);
                self.steps.take(Action::Send(request), |after| {
                    after.under_way.push(request);
                    after.workers[nth] = Worker::Busy(claim, At::Await(ask));
                });
            }
            At::Await(ask) => {
                let request = request(claim, ask, flaw);
                let give_up = |after: &mut Scene| after.workers[nth] = Worker::stumble(claim, at, &scene.row);
                if scene.under_way.contains(&request) || scene.host.has(request) {
                    self.steps.mishap(Action::GiveUp(ask), give_up);
                } else {
                    // The host has ended what it was asked for.
                    self.steps.take(Action::GiveUp(ask), give_up);
                }
            }
        }
    }

    /// What may come over it wherever it is.
    pub(crate) fn be_stopped(&mut self) {
        let Self { nth, claim, at, .. } = *self;
        if let Some(worker) = Worker::notice(claim, at, &self.steps.scene.row) {
            self.steps.take(Action::NoticeCancel, |after| after.workers[nth] = worker);
        }
        if self.steps.scene.row.can_be_renewed(claim) {
            self.steps.take(Action::Renew, |after| after.row.due = false);
        }
        self.steps.mishap(Action::Crash, |after| after.workers[nth] = Worker::Idle);
        if !matches!(at, At::Settle(_)) {
            self.steps.mishap(Action::HandBack, |after| {
                after.workers[nth] = Worker::Busy(claim, At::Settle(Write::HandBack));
            });
        }
    }
}

/// What can be done in a scene.
pub(crate) struct Steps<'s> {
    pub(crate) scene: &'s Scene,
    pub(crate) taken: Vec<(Action, Scene)>,
}

impl Steps<'_> {
    pub(crate) fn take(&mut self, action: Action, change: impl FnOnce(&mut Scene)) {
        let mut after = self.scene.clone();
        change(&mut after);
        // Workers are all alike, and requests may overtake each other.
        after.workers.sort_unstable();
        after.under_way.sort_unstable();
        self.taken.push((action, after));
    }

    pub(crate) fn mishap(&mut self, action: Action, change: impl FnOnce(&mut Scene)) {
        if self.scene.mishaps > 0 {
            self.take(action, |after| {
                after.mishaps -= 1;
                change(after);
            });
        }
    }
}
