//! What must hold of the path of a task, whatever comes to pass and in whichever order.

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use protocol::{
    Code, Digest, PreviewName, Timestamp,
    artifact::Statement,
    pipeline::{Built, End, Event, Pipeline, Terms},
    task::{Approval, Stage, Status},
    tools::{PreviewRef, coder::RollbackTo},
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_task_keeps_the_rules(terms in terms(), events in history()) {
        let (mut state, mut past) = (Pipeline::Planning, Vec::<Event>::new());
        for event in events {
            let (before, attempt) = (state.clone(), state.attempt());
            match state.clone().next(terms, event.clone()) {
                Err(illegal) => prop_assert_eq!(*illegal.state, state.clone(), "a refused event changes nothing"),
                Ok(next) => {
                    prop_assert!(!before.is_over(), "what is over stays over");
                    past.push(event);
                    state = next;
                }
            }
            prop_assert!(state.attempt() >= attempt && state.attempt() <= terms.attempts);
            prop_assert_eq!(state.is_over(), state.status().is_final());
            releases_only_what_passed(terms, &state, &past)?;
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

/// The last thing built, the last verdict on it, and nothing in between; approval where it is due.
fn releases_only_what_passed(terms: Terms, state: &Pipeline, past: &[Event]) -> Checked {
    let Pipeline::Releasing { built, verdict, approved, .. } = state else { return Ok(()) };
    let tested = past.iter().rposition(|event| matches!(event, Event::Built(_))).expect("something was built");
    prop_assert_eq!(&past[tested], &Event::Built(built.clone()));
    prop_assert_eq!(&past[tested + 1], &Event::Verified { verdict: *verdict, passed: true });
    prop_assert_eq!(*approved, past[tested + 2..] == [Event::Approved]);
    let dangerous = !built.destructive.is_empty();
    match terms.approval {
        Approval::Always => prop_assert!(*approved),
        Approval::Destructive => prop_assert_eq!(*approved, dangerous),
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
    prop_oneof![
        8 => digest().prop_map(|plan| Event::Planned { plan }),
        8 => digest().prop_map(|design| Event::Designed { design }),
        8 => (digest(), digest(), any::<bool>()).prop_map(|(change_set, release, dangerous)| {
            Event::Built(built(change_set, release, dangerous))
        }),
        8 => (digest(), any::<bool>()).prop_map(|(verdict, passed)| Event::Verified { verdict, passed }),
        4 => Just(Event::Approved),
        1 => Just(Event::Rejected { reason: "no".into() }),
        8 => Just(Event::Released),
        8 => (digest(), any::<bool>()).prop_map(|(verdict, passed)| Event::Smoked { verdict, passed }),
        4 => Just(Event::Reverted),
        4 => proptest::option::of(digest()).prop_map(|live| Event::RolledBack { live }),
        1 => Just(Event::Failed { problem: Code::DiskFull.problem("full") }),
        1 => Just(Event::Cancelled),
    ]
}

fn built(change_set: Digest, release: Digest, dangerous: bool) -> Built {
    let name: PreviewName = "a".repeat(26).parse().expect("a preview's name");
    let preview =
        PreviewRef { url: format!("http://{name}.preview.localhost/"), name, expires_at: Timestamp::UNIX_EPOCH };
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
    let verified = |passed| Event::Verified { verdict: digest, passed };
    let smoked = |passed| Event::Smoked { verdict: digest, passed };
    let building = [Event::Planned { plan: digest }, Event::Designed { design: digest }];
    let with = |more: Vec<Event>| walk(building.iter().cloned().chain(more).collect());
    let build = |dangerous| Event::Built(built(digest, digest, dangerous));

    let live = with(vec![build(false), verified(true), Event::Released, smoked(true)]);
    assert_eq!(live.status(), Status::Succeeded);
    let second =
        with(vec![build(false), verified(false), build(true), verified(true), Event::Approved, Event::Released]);
    assert_eq!((second.stage(), second.attempt()), (Stage::Smoke, 2));
    let failed = |state: Pipeline, stage: Stage, code: Code| {
        let Pipeline::Over { stage: ended, end: End::Failed { problem }, .. } = state else { panic!("not failed") };
        assert_eq!((ended, problem.code), (stage, code));
    };
    failed(with(vec![build(false), verified(false), build(false), verified(false)]), Stage::Verify, Code::ChecksFailed);
    let reverted = vec![build(false), verified(true), Event::Released, smoked(false), Event::Reverted];
    failed(with(reverted), Stage::Smoke, Code::SmokeFailed);
    let rejected = Event::Rejected { reason: "no".into() };
    failed(with(vec![build(true), verified(true), rejected]), Stage::Approve, Code::Rejected);
}
