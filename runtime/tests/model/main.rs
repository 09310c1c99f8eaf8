//! Jobs, leases and the host as small machines, and every way in which their steps can fall together, searched.
//!
//! The other tests try what somebody thought of. These models leave nothing out, within their bounds: [`job`] is the rules of
//! `src/job`, `src/store` and of the environment's host with neither clocks nor mercy: any lease may end at any time, any worker
//! goes on with what it had in mind long after. [`lease`] adds clocks, and is about who believes to hold a job.
//!
//! A model that cannot fail proves nothing. So each rule can be left out (`Flaw`), and leaving it out must be found.

mod hands;
mod host;
mod job;
mod lease;
mod search;
mod store;
mod worker;

use job::{Flaw, Job, Scene};
use search::{Explored, STUCK, explore};
use store::{Row, State};
use worker::Worker;

#[test]
fn a_job_ends_once_and_acts_once_whatever_goes_wrong() {
    for (workers, mishaps) in [(2, 3), (3, 2)] {
        let explored = explored(workers, mishaps);
        println!("{workers} workers, {mishaps} mishaps: {} states", explored.states.len());
        for end in [State::Done, State::Failed, State::Cancelled] {
            assert!(explored.can(|scene| scene.row.state == end), "{end:?} is out of reach");
        }
    }
}

#[test]
fn what_the_rules_are_for_can_happen() {
    let explored = explored(2, 2);
    let stale = |worker: &Worker, row: &Row| worker.claim().is_some_and(|claim| claim.number < row.seen.claims);
    assert!(explored.can(|scene| scene.workers.iter().any(|worker| stale(worker, &scene.row))));
    assert!(explored.can(|scene| scene.row.state == State::Cancelled && !scene.under_way.is_empty()));
    assert!(explored.can(|scene| scene.row.state == State::Done && !scene.under_way.is_empty()));
    assert!(explored.can(|scene| scene.row.cancelling && scene.host.world.staged));
    // Not against the rules, but good to know: a job that lost too many workers has failed, and its act may yet take place. The
    // next writer's epoch closes that door.
    assert!(explored.can(|scene| scene.row.state == State::Failed && scene.host.world.applied == [1, 1]));
}

#[test]
fn each_rule_is_needed() {
    let flaws = [
        (Flaw::WritesWithoutFence, "a write below the highest claim was taken"),
        (Flaw::WritesAfterLettingGo, "a job ended twice"),
        (Flaw::ClaimsKeepTheFence, "a write below the highest claim was taken"),
        (Flaw::LapsedLeasesStay, STUCK),
        (Flaw::CommitsThoughCancelled, "a job is both cancelled and committed"),
        (Flaw::CancelsWhatIsCommitted, "a job is both cancelled and committed"),
        (Flaw::TakesOldEpochs, "a cancelled job left something behind"),
        (Flaw::ForgetsEpochs, "a cancelled job left something behind"),
        (Flaw::ForgetsWhatItDid, "an effect was applied twice"),
        (Flaw::LeavesOldActsRunning, "a cancelled job left something behind"),
        (Flaw::CleansUpInTheOldTurn, "a cancelled job left something behind"),
    ];
    for (flaw, expected) in flaws {
        match explore(&Job { workers: 2, mishaps: 3, flaw: Some(flaw) }) {
            Err(found) => {
                println!("without the rule against {flaw:?}, {found:?}");
                assert_eq!(found.wrong, expected);
            }
            Ok(_) => panic!("nothing is wrong with {flaw:?}"),
        }
    }
}

fn explored(workers: usize, mishaps: u8) -> Explored<Scene> {
    explore(&Job { workers, mishaps, flaw: None }).unwrap_or_else(|found| panic!("{found:?}"))
}
