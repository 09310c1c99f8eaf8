//! What must hold of the path of a task, whatever comes to pass and in whichever order.

use chrono::TimeDelta;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use protocol::{
    Code, Digest, PreviewName, Timestamp,
    artifact::Statement,
    pipeline::{Built, End, Event, HEADROOM, Pipeline, Terms},
    task::{Approval, Stage, Status},
    tools::{PreviewRef, coder::RollbackTo},
};
use std::collections::HashSet;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_task_keeps_the_rules(terms in terms(), events in history()) {
        let (mut state, mut past) = (Pipeline::Planning, Vec::<Event>::new());
        let mut granted = HashSet::new();
        for event in events {
            let (before, attempt) = (state.clone(), state.attempt());
            match state.clone().next(terms, event.clone()) {
                Err(illegal) => prop_assert_eq!(*illegal.state, state.clone(), "a refused event changes nothing"),
                Ok(next) => {
                    prop_assert!(!before.is_over(), "what is over stays over");
                    if let (Pipeline::Approving { built, .. }, Event::Approved { .. }) = (&before, &event) {
                        granted.insert(built.change_set);
                    }
                    if matches!(before, Pipeline::Smoking { .. }) {
                        let seen = next.status() == Status::Succeeded;
                        prop_assert!(seen || matches!(next, Pipeline::Reverting { .. }), "left live, unseen");
                    }
                    if let (Pipeline::Releasing { .. }, Event::Failed { problem }) = (&before, &event) {
                        let open = problem.code == Code::WorkerLost;
                        prop_assert_eq!(open, matches!(next, Pipeline::Reverting { .. }), "left as nobody knows");
                    }
                    past.push(event);
                    state = next;
                }
            }
            prop_assert!(state.attempt() >= attempt && state.attempt() <= terms.attempts);
            prop_assert_eq!(state.is_over(), state.status().is_final());
            asks_about_the_goal_once(&state, &past)?;
            releases_only_what_passed(terms, &state, &past, &granted)?;
            succeeds_only_when_seen(&state, &past)?;
            is_cancelled_only_before_the_release(&state, &past)?;
        }
    }

    #[test]
    fn a_rollback_keeps_the_rules(terms in terms(), events in history()) {
        let (mut state, mut past) = (Pipeline::RollingBack { to: RollbackTo::Base }, Vec::<Event>::new());
        for event in events {
            if let Ok(next) = state.clone().next(terms, event.clone()) {
                prop_assert!(!state.is_over());
                past.push(event);
                state = next;
            }
            prop_assert!(!past.contains(&Event::Cancelled), "a rollback cannot be cancelled");
            prop_assert_eq!(state.attempt(), 0);
            if let Pipeline::Over { end: End::Succeeded { release, verdict }, .. } = &state {
                let returned = Event::RolledBack { live: *release };
                prop_assert!(past.contains(&returned));
                prop_assert_eq!(release.is_some(), verdict.is_some(), "what is live was looked at");
                if let Some(verdict) = *verdict {
                    prop_assert_eq!(past.last(), Some(&Event::Smoked { verdict, passed: true }));
                }
            }
        }
    }

    #[test]
    fn a_stored_state_comes_back_as_it_was(terms in terms(), events in history()) {
        let mut state = Pipeline::Planning;
        for event in events {
            state = state.clone().next(terms, event).unwrap_or(state);
            let text = serde_json::to_string(&state).expect("JSON");
            prop_assert_eq!(&serde_json::from_str::<Pipeline>(&text).expect("the same form"), &state);
        }
    }
}

type Checked = Result<(), proptest::test_runner::TestCaseError>;

/// And plans only what was answered.
fn asks_about_the_goal_once(state: &Pipeline, past: &[Event]) -> Checked {
    let asked = past.iter().filter(|event| matches!(event, Event::Unclear { .. })).count();
    let answered = past.iter().filter(|event| matches!(event, Event::Answered { .. })).count();
    prop_assert!(answered <= asked && asked <= 1, "asked {asked} times, answered {answered} times");
    let planned = past.iter().any(|event| matches!(event, Event::Planned { .. }));
    prop_assert!(!planned || asked == answered, "planned before it was answered");
    if let Pipeline::Clarifying { questions } = state {
        prop_assert_eq!(past.last(), Some(&Event::Unclear { questions: questions.clone() }));
        prop_assert!(state.can_be_cancelled() && state.status() == Status::Waiting && state.stage() == Stage::Plan);
    }
    Ok(())
}

/// The last thing built, on the last verdict on it, which was green and lasts; approval of exactly that where it is due.
fn releases_only_what_passed(terms: Terms, state: &Pipeline, past: &[Event], granted: &HashSet<Digest>) -> Checked {
    let Pipeline::Releasing { built, verdict, approved, .. } = state else { return Ok(()) };
    let last = past.iter().rposition(|event| matches!(event, Event::Built(_))).expect("something was built");
    prop_assert_eq!(&past[last], &Event::Built(built.clone()));
    let (mut green, mut until) = (None, Timestamp::UNIX_EPOCH);
    for event in &past[last + 1..] {
        match event {
            Event::Verified { verdict, passed, expires_at } => {
                prop_assert!(*passed);
                (green, until) = (Some(*verdict), *expires_at);
            }
            Event::Approved { .. } => {}
            other => prop_assert!(false, "{other:?} between build and release"),
        }
    }
    prop_assert_eq!(green, Some(*verdict));
    if let Some(Event::Approved { at }) = past.last() {
        prop_assert!(until >= *at + HEADROOM && built.preview.expires_at >= *at + HEADROOM, "on old evidence");
    }
    prop_assert!(!*approved || granted.contains(&built.change_set), "approved by nobody");
    let dangerous = !built.destructive.is_empty();
    match terms.approval {
        Approval::Always => prop_assert!(*approved),
        Approval::Destructive => prop_assert!(*approved || !dangerous),
        Approval::Auto => prop_assert!(!dangerous && !*approved),
    }
    Ok(())
}

/// Released, then seen to pass, and nothing after that.
fn succeeds_only_when_seen(state: &Pipeline, past: &[Event]) -> Checked {
    let Pipeline::Over { end: End::Succeeded { release, verdict }, stage, .. } = state else { return Ok(()) };
    let [.., Event::Released, Event::Smoked { passed: true, .. }] = past else {
        return Err(proptest::test_runner::TestCaseError::fail(format!("succeeded after {past:?}")));
    };
    let built = past.iter().rev().find_map(|event| match event {
        Event::Built(built) => Some(built),
        _ => None,
    });
    prop_assert_eq!(*release, built.map(|built| built.release));
    prop_assert!(verdict.is_some());
    prop_assert_eq!(*stage, Stage::Done);
    Ok(())
}

fn is_cancelled_only_before_the_release(state: &Pipeline, past: &[Event]) -> Checked {
    if state.status() == Status::Cancelled {
        prop_assert!(!past.contains(&Event::Released) && past.last() == Some(&Event::Cancelled));
    }
    if matches!(state, Pipeline::Releasing { .. } | Pipeline::Smoking { .. } | Pipeline::Reverting { .. }) {
        prop_assert!(!past.contains(&Event::Cancelled) && !state.can_be_cancelled());
        let terms = Terms { approval: Approval::Auto, attempts: 1 };
        prop_assert!(state.clone().next(terms, Event::Cancelled).is_err());
    }
    Ok(())
}

fn terms() -> impl Strategy<Value = Terms> {
    let approval = prop_oneof![Just(Approval::Destructive), Just(Approval::Always), Just(Approval::Auto)];
    (approval, 1_u32..=4).prop_map(|(approval, attempts)| Terms { approval, attempts })
}

/// Long enough, and with few enough ends, that most histories come to a release.
fn history() -> impl Strategy<Value = Vec<Event>> {
    proptest::collection::vec(event(), 1..120)
}

fn event() -> impl Strategy<Value = Event> {
    let digest = || any::<u8>().prop_map(|byte| Digest::of_bytes(&[byte]));
    // Few, so that the same one is often built again.
    let change_set = (0_u8..3).prop_map(|byte| Digest::of_bytes(&[byte]));
    let moment = || (0_i64..20).prop_map(minutes);
    prop_oneof![
        4 => Just(Event::Unclear { questions: vec!["Whose notes?".into()] }),
        4 => Just(Event::Answered { answer: "Everybody's.".into() }),
        8 => digest().prop_map(|plan| Event::Planned { plan }),
        2 => (digest(), digest()).prop_map(|(plan, design)| Event::Supplied { plan, design }),
        8 => digest().prop_map(|design| Event::Designed { design }),
        8 => (change_set, digest(), any::<bool>(), moment()).prop_map(|(change_set, release, dangerous, expires_at)| {
            let built = built(change_set, release, dangerous);
            Event::Built(Built { preview: PreviewRef { expires_at, ..built.preview }, ..built })
        }),
        8 => (digest(), any::<bool>(), moment()).prop_map(|(verdict, passed, expires_at)| {
            Event::Verified { verdict, passed, expires_at }
        }),
        8 => moment().prop_map(|at| Event::Approved { at }),
        1 => Just(Event::Rejected { reason: "no".into() }),
        8 => Just(Event::Released),
        8 => (digest(), any::<bool>()).prop_map(|(verdict, passed)| Event::Smoked { verdict, passed }),
        4 => Just(Event::Reverted),
        4 => proptest::option::of(digest()).prop_map(|live| Event::RolledBack { live }),
        1 => Just(Event::Failed { problem: Code::DiskFull.problem("full") }),
        1 => Just(Event::Failed { problem: Code::WorkerLost.problem("gone") }),
        1 => Just(Event::Cancelled),
    ]
}

fn minutes(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + TimeDelta::minutes(minutes)
}

fn built(change_set: Digest, release: Digest, dangerous: bool) -> Built {
    let name: PreviewName = "a".repeat(26).parse().expect("a preview's name");
    let preview = PreviewRef { url: format!("http://{name}.preview.localhost/"), name, expires_at: minutes(24 * 60) };
    let statement = Statement {
        id: "0001_drop".into(),
        sql: "drop table posts".into(),
        checksum: change_set,
        danger: "loses rows".into(),
    };
    Built { change_set, release, preview, destructive: dangerous.then_some(statement).into_iter().collect() }
}

/// The properties above would hold of a path that leads nowhere, too.
#[test]
fn every_end_can_be_reached() {
    let digest = Digest::of_bytes(b"x");
    let terms = Terms { approval: Approval::Destructive, attempts: 2 };
    let walk = |events: Vec<Event>| {
        let step = |state: Pipeline, event| state.next(terms, event).expect("a legal event");
        events.into_iter().fold(Pipeline::Planning, step)
    };
    let verified = |passed| Event::Verified { verdict: digest, passed, expires_at: minutes(60) };
    let approved = |minute| Event::Approved { at: minutes(minute) };
    let smoked = |passed| Event::Smoked { verdict: digest, passed };
    let building = [Event::Planned { plan: digest }, Event::Designed { design: digest }];
    let with = |more: Vec<Event>| walk(building.iter().cloned().chain(more).collect());
    let build = |dangerous| Event::Built(built(digest, digest, dangerous));

    let live = with(vec![build(false), verified(true), Event::Released, smoked(true)]);
    assert_eq!(live.status(), Status::Succeeded);
    let asked = vec![Event::Unclear { questions: vec!["Whose?".into()] }];
    let answered = Event::Answered { answer: "Mine.".into() };
    assert_eq!(walk(asked.clone()).status(), Status::Waiting);
    let planned = walk(asked.iter().cloned().chain([answered, Event::Planned { plan: digest }]).collect());
    assert_eq!((planned.stage(), planned.status()), (Stage::Design, Status::Running));
    let second = with(vec![build(false), verified(false), build(true), verified(true), approved(55), Event::Released]);
    assert_eq!((second.stage(), second.attempt()), (Stage::Smoke, 2));
    let failed = |state: Pipeline, stage: Stage, code: Code| {
        let Pipeline::Over { stage: ended, end: End::Failed { problem }, .. } = state else { panic!("not failed") };
        assert_eq!((ended, problem.code), (stage, code));
    };
    failed(with(vec![build(false), verified(false), build(false), verified(false)]), Stage::Verify, Code::ChecksFailed);
    let reverted = vec![build(false), verified(true), Event::Released, smoked(false), Event::Reverted];
    failed(with(reverted), Stage::Smoke, Code::SmokeFailed);
    let unseen = Event::Failed { problem: Code::PeerUnavailable.problem("nobody there") };
    let released = vec![build(false), verified(true), Event::Released, unseen.clone()];
    let reverting = with(released.clone());
    assert!(matches!(reverting, Pipeline::Reverting { .. }) && !reverting.can_be_cancelled());
    failed(with(released.iter().cloned().chain([Event::Reverted]).collect()), Stage::Smoke, Code::SmokeFailed);
    failed(with(released.into_iter().chain([unseen]).collect()), Stage::Release, Code::PeerUnavailable);
    let gone = Event::Failed { problem: Code::WorkerLost.problem("gone") };
    let moved = Event::Failed { problem: Code::BaseMoved.problem("another is live") };
    for (then, code) in [
        (Event::Reverted, Code::WorkerLost),
        (moved, Code::WorkerLost),
        (Event::Failed { problem: Code::HostUnavailable.problem("nobody there") }, Code::HostUnavailable),
    ] {
        failed(with(vec![build(false), verified(true), gone.clone(), then]), Stage::Release, code);
    }
    let full = Event::Failed { problem: Code::DiskFull.problem("full") };
    failed(with(vec![build(false), verified(true), full]), Stage::Release, Code::DiskFull);
    let rejected = Event::Rejected { reason: "no".into() };
    failed(with(vec![build(true), verified(true), rejected.clone()]), Stage::Approve, Code::Rejected);
    failed(walk(asked.into_iter().chain([rejected]).collect()), Stage::Plan, Code::Rejected);
}

/// A person may take their time: what they approved goes live on evidence that is fresh.
#[test]
fn a_late_approval_is_tested_again_and_asked_for_once() {
    let (digest, other) = (Digest::of_bytes(b"x"), Digest::of_bytes(b"y"));
    let terms = Terms { approval: Approval::Always, attempts: 1 };
    let green = Event::Verified { verdict: digest, passed: true, expires_at: minutes(60) };
    let start = [Event::Planned { plan: digest }, Event::Designed { design: digest }];
    let walk = |state: Pipeline, events: Vec<Event>| {
        events.into_iter().fold(state, |state, event| state.next(terms, event).expect("a legal event"))
    };
    let asked =
        walk(walk(Pipeline::Planning, start.to_vec()), vec![Event::Built(built(digest, digest, true)), green.clone()]);
    let after = |minute| walk(asked.clone(), vec![Event::Approved { at: minutes(minute) }]);
    assert!(matches!(after(55), Pipeline::Releasing { approved: true, .. }));

    let again = after(56);
    assert!(matches!(again, Pipeline::Verifying { .. }) && again.can_be_cancelled());
    assert!(matches!(walk(again, vec![green.clone()]), Pipeline::Releasing { approved: true, .. }));

    let ended = after(24 * 60);
    assert!(matches!(ended, Pipeline::Building { .. }));
    let same = vec![Event::Built(built(digest, digest, true)), green.clone()];
    assert!(matches!(walk(ended.clone(), same), Pipeline::Releasing { approved: true, .. }));
    let another = vec![Event::Built(built(other, digest, true)), green];
    assert!(matches!(walk(ended, another), Pipeline::Approving { .. }));
}
