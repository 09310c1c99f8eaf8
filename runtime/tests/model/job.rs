//! One job, several workers, the host, and everything that may go wrong between them.
//!
//! There is no time: a lease may end at any moment, however busy its worker, and a worker may go on at any moment, however long
//! its lease has been over. That holds every SIGSTOP, every slow disk and network, and more. What is bounded is how much goes
//! wrong: each crash, cut, loss, hand-over and lease that ends under a live worker is one mishap. A worker's requests to the host
//! outlive it and arrive at any time. Lanes, waiting for peers and people, and effects that nobody can probe are left out.

use crate::{
    hands::{Hands, Steps},
    host::{Answer, Ask, Host, Request},
    search::Model,
    store::{Effect, Row, State, Write},
    worker::{At, Worker},
};

/// A rule left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    // Of the store:
    WritesWithoutFence,
    WritesAfterLettingGo,
    ClaimsKeepTheFence,
    LapsedLeasesStay,
    CommitsThoughCancelled,
    CancelsWhatIsCommitted,
    // Of the host:
    TakesOldEpochs,
    ForgetsEpochs,
    ForgetsWhatItDid,
    LeavesOldActsRunning,
    // Of the worker:
    CleansUpInTheOldTurn,
}

/// The model: so many workers, so many mishaps, and the rule that is left out, if any.
pub(crate) struct Job {
    pub(crate) workers: usize,
    pub(crate) mishaps: u8,
    pub(crate) flaw: Option<Flaw>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Scene {
    pub(crate) row: Row,
    pub(crate) workers: Vec<Worker>,
    /// Requests that the host has not got yet.
    pub(crate) under_way: Vec<Request>,
    pub(crate) host: Host,
    /// So much may still go wrong.
    pub(crate) mishaps: u8,
}

#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "what they hold is for who reads a counterexample")]
pub(crate) enum Action {
    Claim,
    Write(Write),
    /// Written, but the answer does not come.
    WriteUnheard(Write),
    WriteLost(Write),
    Send(Request),
    /// A worker waits no longer for the host's answer.
    GiveUp(Ask),
    NoticeCancel,
    Renew,
    HandBack,
    Crash,
    LeaseEnds,
    Cancel,
    Deliver(Request),
    /// The network sends it a second time.
    Repeat(Request),
    ActEnds(Request),
    HostRestarts,
}

impl Model for Job {
    type State = Scene;
    type Action = Action;

    fn initial(&self) -> Scene {
        let workers = vec![Worker::Idle; self.workers];
        Scene { row: Row::new(), workers, under_way: vec![], host: Host::new(), mishaps: self.mishaps }
    }

    fn steps(&self, scene: &Scene) -> Vec<(Action, Scene)> {
        let mut steps = Steps { scene, taken: vec![] };
        for (nth, worker) in scene.workers.iter().enumerate() {
            match *worker {
                // Idle ones are alike, and come first.
                Worker::Idle if nth == 0 => self.claim(&mut steps),
                Worker::Idle => {}
                Worker::Busy(claim, at) => {
                    let mut hands = Hands { nth, claim, at, flaw: self.flaw, steps: &mut steps };
                    hands.go_on();
                    hands.be_stopped();
                }
            }
        }
        self.around(&mut steps);
        steps.taken
    }

    fn wrong(&self, before: &Scene, after: &Scene) -> Option<&'static str> {
        let (row, world) = (&after.row, &after.host.world);
        let applied = |effect| world.applied[effect as usize];
        let rules = [
            (row.seen.ends > 1, "a job ended twice"),
            (row.seen.old_write, "a write below the highest claim was taken"),
            (before.row.ended() && row.state != before.row.state, "a job that had ended changed its state"),
            (applied(Effect::Stage) > 1 || applied(Effect::Activate) > 1, "an effect was applied twice"),
            (row.cancelling && row.committed, "a job is both cancelled and committed"),
            (row.state == State::Cancelled && world.staged, "a cancelled job left something behind"),
            (row.cancelling && applied(Effect::Activate) > 0, "a cancelled job is live"),
            (row.state == State::Done && applied(Effect::Activate) != 1, "a job is done that did nothing"),
        ];
        rules.into_iter().find_map(|(broken, rule)| broken.then_some(rule))
    }

    fn settled(&self, scene: &Scene) -> bool {
        scene.row.ended()
    }
}

impl Job {
    fn claim(&self, steps: &mut Steps<'_>) {
        let mut row = steps.scene.row;
        if let Some((claim, begin)) = row.claim(self.flaw) {
            steps.take(Action::Claim, |after| {
                after.row = row;
                after.workers[0] = Worker::begin(claim, begin);
            });
        }
    }

    /// What happens by itself.
    fn around(&self, steps: &mut Steps<'_>) {
        let scene = steps.scene;
        let row = &scene.row;
        if row.state == State::Running && !row.due {
            let last = |worker: &Worker| worker.claim().is_some_and(|claim| claim.number == row.seen.claims);
            let end = |after: &mut Scene| after.row.due = true;
            match scene.workers.iter().any(last) {
                true => steps.mishap(Action::LeaseEnds, end),
                false => steps.take(Action::LeaseEnds, end),
            }
        }
        if row.can_be_cancelled(self.flaw) {
            steps.take(Action::Cancel, |after| after.row.cancel());
        }
        for (nth, &request) in scene.under_way.iter().enumerate() {
            if scene.host.is_free_for(request) || self.flaw == Some(Flaw::LeavesOldActsRunning) {
                steps.take(Action::Deliver(request), |after| self.deliver(after, nth));
            }
            steps.mishap(Action::Repeat(request), |after| after.under_way.push(request));
        }
        for (request, effect) in scene.host.acts() {
            steps.take(Action::ActEnds(request), |after| {
                after.host.finish(request, effect);
                after.answer(request, Answer::Done);
            });
        }
        steps.mishap(Action::HostRestarts, |after| after.host.restart(self.flaw));
    }

    fn deliver(&self, after: &mut Scene, nth: usize) {
        let request = after.under_way.remove(nth);
        let answer = after.host.take(request, self.flaw);
        after.answer(request, answer);
    }
}

impl Scene {
    /// The host's answer reaches who still waits for it.
    fn answer(&mut self, request: Request, answer: Answer) {
        for worker in &mut self.workers {
            let Worker::Busy(claim, at) = *worker else { continue };
            if at != At::Await(request.ask) || claim.fence != request.epoch.fence {
                continue;
            }
            *worker = match answer {
                Answer::Done => Worker::answered(claim, request.ask),
                Answer::Stale => Worker::stumble(claim, at, &self.row),
                Answer::Later => *worker,
            };
        }
    }
}
