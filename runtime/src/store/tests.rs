//! The rules of the store, on every backend. A test takes an empty store; [`on_every_backend`] runs it on each.

pub(crate) mod place;

use super::{
    Asking, Claim, Claimed, Effect, End, Filtered, Intent, NewApiKey, NewArtifact, NewJob, Outcome, Pause, Store,
    StoreError, Submitted, Which, Write, database::Sql,
};
use crate::{
    credentials::{Credential, Owner, Principal},
    job::{JobRecord, JobStatus, Kept},
    telemetry::TraceContext,
};
use futures::future::join_all;
use protocol::{Code, Digest, JobId, KeyId, Role, event::What, keys::KeyState};
use serde_json::json;
use std::{collections::HashSet, time::Duration};

const LEASE: Duration = Duration::from_secs(30);

macro_rules! on_every_backend {
    ($($test:ident)*) => {
        on_every_backend! { sqlite mariadb mysql : [$($test)*] }
    };
    ($($backend:ident)* : $tests:tt) => { $(on_every_backend! { @ $backend $tests })* };
    (@ $backend:ident [$($test:ident)*]) => {
        mod $backend {
            $(
                #[tokio::test]
                async fn $test() {
                    let Some(place) = super::place::$backend().await else { return };
                    super::$test(place.store().await.of("agent")).await;
                }
            )*
        }
    };
}

on_every_backend! {
    the_same_key_is_the_same_job_however_many_ask_at_once
    a_key_belongs_to_its_owner_tool_and_agent
    every_claim_continues_the_trace_of_the_first_submit
    a_secret_is_made_once_however_many_ask_at_once
    an_answer_reaches_the_claim_that_asked_and_no_other
    many_claimers_never_share_a_job
    every_write_of_an_old_claim_is_refused
    every_write_after_letting_go_is_refused
    a_late_renewal_holds_nobody_up
    a_job_being_cancelled_goes_nowhere_else
    events_have_no_gaps_when_many_write
    a_lane_lets_one_job_out_at_a_time_in_order
    a_job_cancelled_behind_another_does_not_wait_for_its_lane
    turns_rise_over_all_jobs_of_a_lane
    a_lapsed_lease_is_claimed_again_and_counted
    of_cancel_and_the_point_of_no_return_exactly_one_wins
    an_intent_stays_until_its_outcome
    a_hint_wakes_those_who_wait_for_that_peer
    lists_page_from_new_to_old_and_show_nobody_elses
    artifacts_are_found_by_attempt_or_the_last
    what_came_with_a_job_is_kept_from_the_start
    ten_thousand_jobs_of_one_do_not_keep_the_one_of_another_waiting
    what_waits_and_what_is_queued_take_turns
    what_there_is_something_to_see_for_comes_before_what_only_looks
    a_row_of_a_newer_form_is_left_to_newer_programs
    what_ended_long_ago_is_cleared_away_and_nothing_else
    an_artifact_kept_again_while_others_clear_away_stays
    a_key_opens_until_it_is_revoked_or_its_time_is_over
    a_keys_use_is_noted_once_a_minute
    keys_belong_to_their_agent_and_are_forgotten_in_time
    a_reply_waits_for_who_asked_the_same
    who_is_asked_again_and_again_has_a_few_forms_open
}

async fn the_same_key_is_the_same_job_however_many_ask_at_once(store: Store) {
    let job = NewJob { key: Some("key".to_owned()), ..new_job() };
    let submitted = join_all((0..50).map(|_| store.submit(&job))).await;
    let ids: HashSet<_> = submitted
        .iter()
        .map(|it| match it {
            Ok(Submitted::New(record) | Submitted::Known(record)) => record.id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(submitted.iter().filter(|it| matches!(it, Ok(Submitted::New(_)))).count(), 1);
    let other = NewJob { input_digest: Digest::of("other"), ..job };
    assert!(matches!(store.submit(&other).await, Ok(Submitted::Conflict)));
}

async fn a_key_belongs_to_its_owner_tool_and_agent(store: Store) {
    let job = NewJob { key: Some("key".to_owned()), ..new_job() };
    let others = [
        (store.clone(), job.clone()),
        (store.clone(), NewJob { owner: Owner::Service("eva".to_owned()), ..job.clone() }),
        (store.clone(), NewJob { owner: Owner::Person("bob".to_owned()), ..job.clone() }),
        (store.clone(), NewJob { tool: "other", ..job.clone() }),
        (store.of("another"), job),
    ];
    for (store, job) in others {
        assert!(matches!(store.submit(&job).await, Ok(Submitted::New(_))), "{job:?}");
    }
}

async fn every_claim_continues_the_trace_of_the_first_submit(store: Store) {
    // The longest that is kept.
    let state = format!("a={0},bc={0}", "x".repeat(253));
    let trace = |id: char| {
        let parent = format!("00-{}-00f067aa0ba902b7-01", id.to_string().repeat(32));
        let context = TraceContext::read(&format!("{parent} {state}")).expect("a context");
        assert_eq!(context.stored().len(), 568);
        Some(context)
    };
    let first = NewJob { key: Some("key".to_owned()), trace: trace('1'), ..new_job() };
    let again = NewJob { trace: trace('2'), ..first.clone() };
    assert!(matches!(store.submit(&first).await, Ok(Submitted::New(_))));
    assert!(matches!(store.submit(&again).await, Ok(Submitted::Known(_))));
    assert_eq!(claim(&store).await.trace, trace('1'));
    store.end_leases().await.expect("writes");
    let taken_over = claim(&store).await;
    assert_eq!((taken_over.lost_leases, taken_over.trace), (1, trace('1')));
    submit(&store, new_job()).await;
    assert_eq!(claim(&store).await.trace, None);
}

async fn many_claimers_never_share_a_job(store: Store) {
    for _ in 0..60 {
        submit(&store, new_job()).await;
    }
    let claims = join_all((0..20).map(|_| claim_all(&store, 4))).await;
    let ids: Vec<_> = claims.into_iter().flatten().map(|it| it.claim.id).collect();
    assert_eq!(ids.len(), 60);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 60);
}

async fn every_write_of_an_old_claim_is_refused(store: Store) {
    submit(&store, NewJob { lane: Some("lane".to_owned()), ..new_job() }).await;
    let old = claim(&store).await.claim;
    store.end_leases().await.expect("ends");
    let new = claim(&store).await.claim;
    assert!(new.fence > old.fence);
    let before = store.get(old.id).await.expect("reads");
    all_refused(&store, old).await;
    assert_eq!(store.get(old.id).await.expect("reads"), before);
    assert!(store.events(old.id, 0, 100).await.expect("reads").is_empty());
    store.write(&new, &Write::HandBack).await.expect("the new claim writes");
}

async fn every_write_after_letting_go_is_refused(store: Store) {
    submit(&store, NewJob { lane: Some("lane".to_owned()), ..new_job() }).await;
    let claimed = claim(&store).await.claim;
    store.write(&claimed, &wait(Pause::Person)).await.expect("waits");
    all_refused(&store, claimed).await;
}

async fn a_late_renewal_holds_nobody_up(store: Store) {
    submit(&store, new_job()).await;
    let old = claim(&store).await.claim;
    store.end_leases().await.expect("ends");
    let new = claim(&store).await.claim;
    store.end_leases().await.expect("ends");
    assert!(matches!(store.renew(&old, LEASE).await, Err(StoreError::Fenced)));
    assert!(claim(&store).await.claim.fence > new.fence, "the lease that has ended stays so");
}

/// Every function that writes on behalf of a claim, and every write there is.
async fn all_refused(store: &Store, claim: Claim) {
    for write in every_write() {
        let refused = store.write(&claim, &write).await;
        assert!(matches!(refused, Err(StoreError::Fenced)), "{write:?}: {refused:?}");
    }
    assert!(matches!(store.renew(&claim, LEASE).await, Err(StoreError::Fenced)));
    assert!(matches!(store.next_turn(&claim).await, Err(StoreError::Fenced)));
    assert!(matches!(store.intend(&claim, &effect()).await, Err(StoreError::Fenced)));
    assert!(matches!(store.is_cancelling(&claim).await, Err(StoreError::Fenced)));
}

async fn a_job_being_cancelled_goes_nowhere_else(store: Store) {
    let refused = every_write().into_iter().filter(|it| match it {
        Write::Commit { .. } | Write::Wait { .. } | Write::Doubt { .. } | Write::Retry { .. } => true,
        Write::End { end, .. } => !matches!(end, End::Cancelled),
        _ => false,
    });
    submit(&store, new_job()).await;
    let claimed = claim(&store).await.claim;
    assert!(store.cancel(claimed.id).await.expect("cancels"));
    assert!(store.cancel(claimed.id).await.expect("cancels again"));
    assert!(store.renew(&claimed, LEASE).await.expect("renews"));
    let mut count = 0;
    for write in refused {
        count += 1;
        let result = store.write(&claimed, &write).await;
        assert!(matches!(result, Err(StoreError::Cancelling)), "{write:?}: {result:?}");
    }
    assert_eq!(count, 6);
    store.write(&claimed, &end(End::Cancelled)).await.expect("ends");
    assert!(!store.cancel(claimed.id).await.expect("has ended"));
}

async fn events_have_no_gaps_when_many_write(store: Store) {
    submit(&store, NewJob { events: vec![What::Submitted], ..new_job() }).await;
    let claimed = claim(&store).await.claim;
    let writes: Vec<_> =
        (0..30).map(|n| Write::Checkpoint { checkpoint: json!(n), events: vec![progress(n), progress(n)] }).collect();
    for result in join_all(writes.iter().map(|write| store.write(&claimed, write))).await {
        result.expect("writes");
    }
    let events = store.events(claimed.id, 0, 100).await.expect("reads");
    assert_eq!(events.iter().map(|it| it.seq).collect::<Vec<_>>(), (1..=61).collect::<Vec<_>>());
    let rest = store.events(claimed.id, 59, 100).await.expect("reads");
    assert_eq!(rest.iter().map(|it| it.seq).collect::<Vec<_>>(), [60, 61]);
}

async fn a_lane_lets_one_job_out_at_a_time_in_order(store: Store) {
    let job = NewJob { lane: Some("lane".to_owned()), ..new_job() };
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(submit(&store, job.clone()).await.id);
    }
    let other = submit(&store, NewJob { lane: Some("other".to_owned()), ..new_job() }).await.id;
    let mut out = Vec::new();
    for ending in [End::Done(json!(1)), End::Failed(Code::Internal.problem("no")), End::Done(json!(1))] {
        let claimed = claim_all(&store, 9).await;
        let of_lane: Vec<_> = claimed.iter().filter(|it| it.claim.id != other).collect();
        assert_eq!(of_lane.len(), 1);
        // Waiting, it still holds the lane.
        store.write(&of_lane[0].claim, &wait(Pause::Person)).await.expect("waits");
        assert!(claim_all(&store, 9).await.is_empty());
        assert!(store.answer(of_lane[0].claim.id, Asking::Person, None, &json!("yes")).await.expect("answers"));
        let again = claim(&store).await;
        assert_eq!(again.answer, Some(json!("yes")));
        out.push(again.claim.id);
        store.write(&again.claim, &end(ending)).await.expect("ends");
    }
    assert_eq!(out, ids[..3]);
    assert_eq!(claim(&store).await.claim.id, ids[3]);
}

async fn a_job_cancelled_behind_another_does_not_wait_for_its_lane(store: Store) {
    let job = NewJob { lane: Some("lane".to_owned()), ..new_job() };
    let (first, second, third) =
        (submit(&store, job.clone()).await.id, submit(&store, job.clone()).await.id, submit(&store, job).await.id);
    let head = claim(&store).await;
    assert_eq!(head.claim.id, first);
    assert!(store.cancel(second).await.expect("cancels"));
    let cancelled = claim(&store).await;
    assert!(cancelled.cancelling && cancelled.claim.id == second);
    assert_eq!(cancelled.record.status, JobStatus::Queued, "it never started");
    assert!(matches!(store.next_turn(&cancelled.claim).await, Err(StoreError::NoLane)));
    store.write(&cancelled.claim, &end(End::Cancelled)).await.expect("ends");
    assert!(claim_all(&store, 9).await.is_empty(), "the lane is still taken");
    store.write(&head.claim, &end(End::Done(json!(1)))).await.expect("ends");
    assert_eq!(claim(&store).await.claim.id, third);
}

async fn turns_rise_over_all_jobs_of_a_lane(store: Store) {
    let mut turns = Vec::new();
    for _ in 0..2 {
        submit(&store, NewJob { lane: Some("lane".to_owned()), ..new_job() }).await;
        let claimed = claim(&store).await.claim;
        turns.push(store.next_turn(&claimed).await.expect("a turn"));
        turns.push(store.next_turn(&claimed).await.expect("a turn"));
        store.write(&claimed, &end(End::Cancelled)).await.expect("ends");
    }
    assert_eq!(turns, [1, 2, 3, 4]);
}

async fn a_lapsed_lease_is_claimed_again_and_counted(store: Store) {
    submit(&store, new_job()).await;
    assert_eq!(claim(&store).await.lost_leases, 0);
    assert!(claim_all(&store, 1).await.is_empty());
    for lost in 1..=3 {
        store.end_leases().await.expect("ends");
        assert_eq!(claim(&store).await.lost_leases, lost);
    }
    store.end_leases().await.expect("ends");
    let last = claim(&store).await;
    store.write(&last.claim, &Write::HandBack).await.expect("hands back");
    let handed = claim(&store).await;
    assert_eq!((handed.lost_leases, handed.failures), (4, 0), "handing back counts as nothing");
}

async fn of_cancel_and_the_point_of_no_return_exactly_one_wins(store: Store) {
    for _ in 0..40 {
        submit(&store, new_job()).await;
        let claimed = claim(&store).await.claim;
        let commit = Write::Commit { checkpoint: json!(1), events: Vec::new() };
        let (committed, cancelled) = tokio::join!(store.write(&claimed, &commit), store.cancel(claimed.id));
        match (committed, cancelled.expect("answers")) {
            (Ok(()), false) | (Err(StoreError::Cancelling), true) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn an_intent_stays_until_its_outcome(store: Store) {
    submit(&store, new_job()).await;
    let claimed = claim(&store).await.claim;
    assert!(matches!(store.intend(&claimed, &effect()).await, Ok(Intent::New)));
    store.end_leases().await.expect("ends");
    let claimed = claim(&store).await.claim;
    assert!(matches!(store.intend(&claimed, &effect()).await, Ok(Intent::Open)));
    let outcome = Outcome::Done(json!({"made": "live"}));
    let write = Write::Outcome { key: "key".to_owned(), outcome: outcome.clone() };
    store.write(&claimed, &write).await.expect("writes");
    match store.intend(&claimed, &effect()).await {
        Ok(Intent::Ended(stored)) => assert_eq!(stored, outcome),
        other => panic!("{other:?}"),
    }
}

async fn a_hint_wakes_those_who_wait_for_that_peer(store: Store) {
    let (peer, stranger) = (JobId::fresh(), JobId::fresh());
    submit(&store, new_job()).await;
    let claimed = claim(&store).await;
    let pause = Pause::Peer { job: peer, after: LEASE, polls: 0 };
    store.write(&claimed.claim, &wait(pause)).await.expect("waits");
    let woken = async |peers: &[JobId]| store.claim("worker", LEASE, 1, peers).await.expect("claims");
    let none = woken(&[stranger]).await;
    assert!(none.claimed.is_empty() && none.next.is_some_and(|next| next > LEASE / 2 && next <= LEASE), "{none:?}");
    assert_eq!(woken(&[stranger, peer]).await.claimed.len(), 1);
}

async fn lists_page_from_new_to_old_and_show_nobody_elses(store: Store) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(submit(&store, new_job()).await.id);
    }
    let service = Principal::service("planner");
    let foreign = submit(&store, NewJob { owner: service.owner(), ..new_job() }).await.id;
    ids.reverse();
    let filter = |viewer: &Principal, before, status| Filtered {
        tools: vec!["tool"],
        lane: None,
        status,
        before,
        limit: 3,
        viewer: viewer.clone(),
    };
    let (store, ann) = (&store, &Principal::person("ann", Role::Operator));
    let list = async |filter| store.list(&filter).await.expect("lists").iter().map(|it| it.id).collect::<Vec<_>>();
    let first = list(filter(ann, None, None)).await;
    let second = list(filter(ann, Some(ids[2]), Some("queued"))).await;
    assert_eq!((&first[..], &second[..]), (&ids[..3], &ids[3..]));
    assert!(list(filter(ann, None, Some("running"))).await.is_empty());
    assert_eq!(list(filter(&service, None, None)).await, [foreign]);
    let bobs = submit(store, NewJob { owner: Owner::Person("bob".to_owned()), ..new_job() }).await.id;
    assert_eq!(list(filter(&Principal::person("bob", Role::Viewer), None, None)).await, [bobs]);
    assert_eq!(list(filter(&Principal::person("eva", Role::Admin), None, None)).await, [bobs, ids[0], ids[1]]);
    assert_eq!(list(filter(ann, None, None)).await, first, "nobody else's, however new");
    for stranger in
        [Principal::service("tester"), Principal::service("ann"), Principal::person("planner", Role::Operator)]
    {
        assert!(list(filter(&stranger, None, None)).await.is_empty(), "{stranger:?}");
    }
}

async fn what_came_with_a_job_is_kept_from_the_start(store: Store) {
    let large = json!("x".repeat(3 << 20));
    let job = NewJob { artifacts: vec![NewArtifact::of("supplied", &large)], key: Some("key".to_owned()), ..new_job() };
    let id = submit(&store, job.clone()).await.id;
    assert!(matches!(store.submit(&job).await, Ok(Submitted::Known(record)) if record.id == id), "the same job");
    // Nobody has claimed it yet, and it may be long until somebody does.
    store.database.execute(&Sql::new("update artifacts set kept_at = 0")).await.expect("writes");
    store.clear_away(Duration::ZERO).await.expect("clears");
    assert_eq!(store.artifact(id, "supplied", Some(0)).await.expect("reads"), Some(large));
}

async fn artifacts_are_found_by_attempt_or_the_last(store: Store) {
    submit(&store, new_job()).await;
    let claimed = claim(&store).await.claim;
    for attempt in [1, 2, 2] {
        let artifact = NewArtifact::of("plan", &json!({"attempt": attempt}));
        store.write(&claimed, &Write::Keep { attempt, artifact }).await.expect("keeps");
    }
    let find = async |kind, attempt| store.artifact(claimed.id, kind, attempt).await.expect("reads");
    assert_eq!(find("plan", Some(1)).await, Some(json!({"attempt": 1})));
    assert_eq!(find("plan", None).await, Some(json!({"attempt": 2})));
    assert_eq!(find("plan", Some(3)).await, None);
    assert_eq!(find("design", None).await, None);
    let artifact = NewArtifact::of("diff", &"日");
    let (kind, diff) = (artifact.kind.clone(), artifact.digest);
    store.write(&claimed, &Write::Keep { attempt: 1, artifact }).await.expect("keeps");
    let plan = Digest::of_bytes(b"{\"attempt\":2}");
    let kept = [Kept { kind, digest: diff, size: 5 }, Kept { kind: "plan".to_owned(), digest: plan, size: 13 }];
    assert_eq!(store.kept(claimed.id).await.expect("reads"), kept, "bytes, not characters");
    assert_eq!(store.kept(JobId::fresh()).await.expect("reads"), []);
}

async fn ten_thousand_jobs_of_one_do_not_keep_the_one_of_another_waiting(store: Store) {
    let share = |name: &str| NewJob { share: Some(name.to_owned()), ..new_job() };
    // As many as show the rule; that it holds for more is the index's business.
    for _ in 0..300 {
        submit(&store, share("ann")).await;
    }
    assert_eq!(claim_all(&store, 8).await.len(), 8);
    let bobs = submit(&store, share("bob")).await.id;
    assert_eq!(claim(&store).await.claim.id, bobs, "ann has eight running, bob none");
    for name in ["bob", "carl", "carl"] {
        submit(&store, share(name)).await;
    }
    let next: Vec<_> = claim_all(&store, 4).await.into_iter().map(|it| it.record.id).collect();
    assert_eq!(next.len(), 4);
    assert_eq!(store.queued().await.expect("counts"), 300 - 8 - 1, "three of bob's and carl's, one of ann's at most");
}

async fn what_waits_and_what_is_queued_take_turns(store: Store) {
    for _ in 0..8 {
        submit(&store, new_job()).await;
    }
    for claimed in claim_all(&store, 4).await {
        store.write(&claimed.claim, &Write::HandBack).await.expect("hands back");
    }
    // Four wait, four are queued; however few places there are, neither keeps the other from being served.
    let both = claim_all(&store, 4).await;
    let begun = both.iter().filter(|claimed| claimed.claim.fence > 1).count();
    assert_eq!((both.len(), begun), (4, 2));
    let rest = claim_all(&store, 9).await;
    assert_eq!(rest.len(), 4, "what one leaves the other takes");
}

async fn what_there_is_something_to_see_for_comes_before_what_only_looks(store: Store) {
    let peers = [JobId::fresh(), JobId::fresh()];
    for _ in peers {
        submit(&store, new_job()).await;
    }
    for (claimed, peer) in claim_all(&store, 2).await.iter().zip(peers) {
        let pause = Pause::Peer { job: peer, after: Duration::ZERO, polls: 0 };
        store.write(&claimed.claim, &Write::Wait { checkpoint: json!(peer), pause }).await.expect("waits");
    }
    let look = store.claim("tests", LEASE, 1, &peers[1..]).await.expect("claims");
    assert_eq!(look.claimed[0].record.checkpoint, Some(json!(peers[1])));
}

async fn a_row_of_a_newer_form_is_left_to_newer_programs(store: Store) {
    let newer = submit(&store, new_job()).await.id;
    let sql = Sql::new("update jobs set version = version + 1 where id = ?").bind(newer);
    store.database.execute(&sql).await.expect("writes");
    assert!(claim_all(&store, 9).await.is_empty());
    let known = submit(&store, new_job()).await.id;
    assert_eq!(claim(&store).await.claim.id, known);
    assert_eq!(store.get(newer).await.expect("reads").expect("is there").0.status, JobStatus::Queued);
}

async fn what_ended_long_ago_is_cleared_away_and_nothing_else(store: Store) {
    let (old, open) = (submit(&store, NewJob { events: vec![What::Submitted], ..new_job() }).await.id, new_job());
    let claimed = claim(&store).await.claim;
    keep(&store, &claimed, "only here").await;
    store.intend(&claimed, &effect()).await.expect("intends");
    store.write(&claimed, &end(End::Done(json!(1)))).await.expect("ends");
    let open = submit(&store, open).await.id;
    store.clear_away(Duration::from_secs(3600)).await.expect("clears");
    assert!(store.get(old).await.expect("reads").is_some());
    store.clear_away(Duration::ZERO).await.expect("clears");
    assert!(store.get(old).await.expect("reads").is_none());
    assert!(store.events(old, 0, 9).await.expect("reads").is_empty());
    assert!(store.get(open).await.expect("reads").is_some());
    for table in ["effects", "kept"] {
        let left = store.database.row(&Sql::new(format!("select 1 from {table} limit 1"))).await.expect("reads");
        assert!(left.is_none(), "{table}");
    }
}

async fn an_artifact_kept_again_while_others_clear_away_stays(store: Store) {
    for _ in 0..10 {
        submit(&store, new_job()).await;
        let first = claim(&store).await.claim;
        keep(&store, &first, "shared").await;
        store.write(&first, &end(End::Done(json!(1)))).await.expect("ends");
        // As if it had been kept long ago.
        store.database.execute(&Sql::new("update artifacts set kept_at = 0")).await.expect("writes");
        submit(&store, new_job()).await;
        let second = claim(&store).await.claim;
        let (cleared, ()) = tokio::join!(store.clear_away(Duration::ZERO), keep(&store, &second, "shared"));
        cleared.expect("clears");
        let found = store.artifact(second.id, "plan", None).await.expect("reads");
        assert_eq!(found, Some(json!("shared")));
        store.write(&second, &end(End::Done(json!(1)))).await.expect("ends");
    }
}

async fn keep(store: &Store, claim: &Claim, text: &str) {
    let artifact = NewArtifact::of("plan", &text);
    store.write(claim, &Write::Keep { attempt: 1, artifact }).await.expect("keeps");
}

/// Replicas that start together on nothing, and on what is there already.
#[tokio::test]
async fn many_open_an_empty_store_at_once() {
    for place in [place::sqlite().await, place::mariadb().await, place::mysql().await].into_iter().flatten() {
        for _ in 0..2 {
            let stores = join_all((0..5).map(|_| place.store())).await;
            for store in stores {
                store.ping().await.expect("answers");
            }
        }
    }
}

/// Which MySQL asks for over TLS, or not at all.
#[tokio::test]
async fn an_account_with_a_password_opens_the_store() {
    for place in [place::mariadb().await, place::mysql().await].into_iter().flatten() {
        let url = place.url_of_a_new_account().await;
        Store::mysql(&url, 2).await.expect("a store");
    }
}

#[tokio::test]
async fn a_server_with_a_newer_schema_is_refused_unless_it_serves_older_programs() {
    for place in [place::mariadb().await, place::mysql().await].into_iter().flatten() {
        let store = place.store().await;
        store.database.execute(&Sql::new("update schema_version set version = 99")).await.expect("writes");
        drop(place.store().await);
        store.database.execute(&Sql::new("update schema_version set oldest = 99")).await.expect("writes");
        let refused = Store::mysql(&place.url(), 2).await;
        assert!(matches!(refused, Err(StoreError::Newer { found: 99, .. })), "{refused:?}");
    }
}

/// Its process died before it noted the step, or had not begun it.
#[tokio::test]
async fn a_step_that_was_not_noted_is_taken_again() {
    for place in [place::mariadb().await, place::mysql().await].into_iter().flatten() {
        let store = place.store().await;
        let forget = || async {
            store.database.execute(&Sql::new("update schema_version set version = 4")).await.expect("writes");
            submit(&place.store().await.of("agent"), new_job()).await;
        };
        forget().await;
        store.database.execute(&Sql::new("alter table jobs drop column trace")).await.expect("drops");
        forget().await;
    }
}

#[tokio::test]
async fn a_file_of_a_newer_program_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("store");
    drop(Store::sqlite(&file).await.expect("opens"));
    drop(Store::sqlite(&file).await.expect("opens again"));
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", file.display())).await.expect("connects");
    sqlx::raw_sql("pragma user_version = 99").execute(&pool).await.expect("writes");
    assert!(matches!(Store::sqlite(&file).await, Err(StoreError::Newer { found: 99, .. })));
}

async fn a_secret_is_made_once_however_many_ask_at_once(store: Store) {
    let secrets = join_all((0..8).map(|_| store.secret("seal"))).await;
    let secrets: HashSet<_> = secrets.into_iter().map(|secret| secret.expect("a secret")).collect();
    assert_eq!(secrets.len(), 1);
    let one = secrets.into_iter().next().expect("one");
    assert!(one.len() == 32 && one.iter().any(|byte| *byte != 0));
    assert_eq!(store.secret("seal").await.expect("kept"), one);
    assert_ne!(store.secret("other").await.expect("another"), one);
    assert_ne!(store.of("another agent").secret("seal").await.expect("another"), one);
}

async fn an_answer_reaches_the_claim_that_asked_and_no_other(store: Store) {
    let job = submit(&store, new_job()).await.id;
    let answer = async |claim| store.answer(job, Asking::Person, claim, &json!("yes")).await.expect("answers");
    let first = claim(&store).await;
    assert_eq!(first.record.fence, first.claim.fence);
    assert!(!answer(Some(1)).await, "it does not ask yet");
    store.write(&first.claim, &wait(Pause::Person)).await.expect("asks");
    let record = store.get(job).await.expect("reads").expect("a job").0;
    assert_eq!((record.fence, record.status), (1, JobStatus::Asking));
    assert!(!answer(Some(0)).await && !answer(Some(2)).await);
    assert!(answer(Some(1)).await);
    assert!(!answer(Some(1)).await, "once");
    let second = claim(&store).await;
    assert_eq!((second.claim.fence, second.answer), (2, Some(json!("yes"))));
    store.write(&second.claim, &wait(Pause::Person)).await.expect("asks again");
    assert!(!answer(Some(1)).await, "that was another question");
    assert!(answer(Some(2)).await);
}

async fn a_reply_waits_for_who_asked_the_same(store: Store) {
    let (mei, ken) = (Principal::person("mei", Role::Operator), Principal::person("ken", Role::Operator));
    let (subject, other) = (Digest::of("消す？"), Digest::of("残す？"));
    let id = store.insert_ask(&mei, &subject).await.expect("writes");
    let unanswered = store.insert_ask(&mei, &subject).await.expect("writes");
    let reply = r#"{"result":{"action":"accept","content":{"remark":"はい"}}}"#;
    assert!(!store.note_reply(id, &ken, reply).await.expect("writes"), "somebody else replied");
    assert!(!store.of("another").note_reply(id, &mei, reply).await.expect("writes"), "to another agent");
    for _ in 0..2 {
        assert!(store.note_reply(id, &mei, reply).await.expect("writes"));
    }
    assert!(!store.note_reply(id, &mei, "{}").await.expect("writes"), "another reply");
    for (who, what) in [(&ken, &subject), (&mei, &other)] {
        assert_eq!(store.replies_about(who, what).await.expect("reads"), []);
    }
    assert_eq!(store.reply_under(unanswered).await.expect("reads"), None);
    assert_eq!(store.reply_under(id).await.expect("reads").as_deref(), Some(reply));
    assert_eq!(store.replies_about(&mei, &subject).await.expect("reads"), [(id, reply.to_owned())]);
    store.forget_ask(id).await.expect("writes");
    assert!(!store.note_reply(id, &mei, reply).await.expect("writes"), "what was made use of");
    store.database.execute(&Sql::new("update asks set asked_at = asked_at - 3700000000")).await.expect("writes");
    assert!(!store.note_reply(unanswered, &mei, reply).await.expect("writes"), "too late");
    store.clear_away(Duration::from_secs(3600)).await.expect("clears");
    assert!(store.database.row(&Sql::new("select id from asks")).await.expect("reads").is_none());
}

async fn who_is_asked_again_and_again_has_a_few_forms_open(store: Store) {
    let (mei, subject) = (Principal::person("mei", Role::Operator), Digest::of("消す？"));
    let mut asked = Vec::new();
    for _ in 0..20 {
        asked.push(store.insert_ask(&mei, &subject).await.expect("writes"));
    }
    let open = store.database.rows(&Sql::new("select id from asks")).await.expect("reads");
    assert_eq!(open.len(), 8);
    assert!(store.note_reply(asked[19], &mei, "{}").await.expect("writes"), "the newest is not among them");
}

fn new_job() -> NewJob {
    NewJob {
        tool: "tool",
        owner: Owner::Person("ann".to_owned()),
        key: None,
        input_digest: Digest::of("input"),
        input: json!("input"),
        artifacts: Vec::new(),
        lane: None,
        share: None,
        events: Vec::new(),
        trace: None,
    }
}

fn api_key(name: &str, lives: Option<Duration>) -> NewApiKey {
    NewApiKey {
        id: KeyId::fresh(),
        fingerprint: Credential::random().fingerprint(),
        name: name.parse().expect("a name"),
        role: Role::Operator,
        created_by: "owner".to_owned(),
        lives,
    }
}

async fn a_key_opens_until_it_is_revoked_or_its_time_is_over(store: Store) {
    let keys = [api_key("mei", None), api_key("mei", Some(LEASE)), api_key("ann", Some(Duration::from_millis(1)))];
    for key in &keys {
        store.insert_api_key(key).await.expect("writes");
    }
    let live = async |key: &NewApiKey| store.live_api_key(&key.fingerprint).await.expect("reads");
    let [forever, lives, over] = &keys;
    let found = live(forever).await.expect("it opens");
    assert_eq!((found.id, &*found.name, found.role, found.lives), (forever.id, "mei", Role::Operator, None));
    let left = live(lives).await.expect("it opens").lives.expect("it ends");
    assert!(left > Duration::ZERO && left <= LEASE, "{left:?}");
    while live(over).await.is_some() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(live(&api_key("mei", None)).await, None, "nobody made it");

    let states = async || {
        let all = store.api_keys(None).await.expect("reads");
        all.iter().map(|key| (key.id.expect("an id"), key.state)).collect::<Vec<_>>()
    };
    let (active, revoked, ended) = (KeyState::Active, KeyState::Revoked, KeyState::Expired);
    assert_eq!(states().await, [(over.id, ended), (lives.id, active), (forever.id, active)], "the newest first");
    store.revoke_api_keys(&Which::One(lives.id)).await.expect("revokes");
    assert_eq!((live(lives).await, live(forever).await.is_some()), (None, true));
    store.revoke_api_keys(&Which::AllOf("mei".to_owned())).await.expect("revokes");
    assert_eq!(live(forever).await, None);
    let before = store.api_keys(Some(&Which::AllOf("mei".to_owned()))).await.expect("reads");
    store.revoke_api_keys(&Which::AllOf("mei".to_owned())).await.expect("again");
    assert_eq!(store.api_keys(Some(&Which::AllOf("mei".to_owned()))).await.expect("reads"), before);
    assert_eq!(states().await, [(over.id, ended), (lives.id, revoked), (forever.id, revoked)]);
}

async fn a_keys_use_is_noted_once_a_minute(store: Store) {
    let key = api_key("mei", None);
    store.insert_api_key(&key).await.expect("writes");
    let unnoted = async || store.live_api_key(&key.fingerprint).await.expect("reads").expect("it opens").unnoted;
    let used = async || store.api_keys(None).await.expect("reads")[0].last_used_at;
    assert_eq!((unnoted().await, used().await), (true, None));
    join_all((0..10).map(|_| store.note_use(key.id))).await.into_iter().collect::<Result<Vec<_>, _>>().expect("notes");
    let first = used().await;
    store.note_use(key.id).await.expect("notes");
    assert_eq!((unnoted().await, used().await), (false, first));
    store
        .database
        .execute(&Sql::new("update api_keys set last_used_at = last_used_at - 60000000"))
        .await
        .expect("writes");
    assert!(unnoted().await, "a minute later");
    store.note_use(key.id).await.expect("notes");
    assert!(used().await >= first);
}

async fn keys_belong_to_their_agent_and_are_forgotten_in_time(store: Store) {
    let (mine, over, foreign) =
        (api_key("mei", None), api_key("mei", Some(Duration::from_millis(1))), api_key("mei", None));
    let other = store.of("another");
    for (store, key) in [(&store, &mine), (&store, &over), (&other, &foreign)] {
        store.insert_api_key(key).await.expect("writes");
    }
    assert_eq!(store.live_api_key(&foreign.fingerprint).await.expect("reads"), None);
    store.revoke_api_keys(&Which::One(foreign.id)).await.expect("nothing to revoke");
    assert!(other.live_api_key(&foreign.fingerprint).await.expect("reads").is_some());
    assert!(store.insert_api_key(&mine).await.is_err(), "a key is written once");

    let ids = async || {
        let all = store.api_keys(None).await.expect("reads");
        all.iter().filter_map(|key| key.id).collect::<Vec<_>>()
    };
    store.clear_away(LEASE).await.expect("clears");
    assert_eq!(ids().await, [over.id, mine.id], "not long enough ago");
    while ids().await.len() == 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        store.clear_away(Duration::ZERO).await.expect("clears");
    }
    assert_eq!(ids().await, [mine.id]);
    store.revoke_api_keys(&Which::One(mine.id)).await.expect("revokes");
    while !ids().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
        store.clear_away(Duration::ZERO).await.expect("clears");
    }
    assert!(other.live_api_key(&foreign.fingerprint).await.expect("reads").is_some());
}

impl Store {
    /// Everything that is kept of API keys, bytes as hex digits: to see what is not there.
    pub(crate) async fn all_of_api_keys(&self) -> String {
        let sql = Sql::new("select id, agent, fingerprint, name, role, created_by from api_keys");
        let mut all = String::new();
        for row in self.database.rows(&sql).await.expect("reads") {
            for column in ["id", "fingerprint"] {
                all += &hex::encode(row.get::<Vec<u8>>(column).expect("bytes"));
            }
            for column in ["agent", "name", "role", "created_by"] {
                all += &row.get::<String>(column).expect("text");
            }
        }
        all
    }
}

async fn submit(store: &Store, job: NewJob) -> JobRecord {
    match store.submit(&job).await {
        Ok(Submitted::New(record)) => record,
        other => panic!("{other:?}"),
    }
}

async fn claim(store: &Store) -> Claimed {
    claim_all(store, 1).await.pop().expect("a job is due")
}

async fn claim_all(store: &Store, limit: usize) -> Vec<Claimed> {
    store.claim("worker", LEASE, limit, &[]).await.expect("claims").claimed
}

fn effect() -> Effect {
    Effect { key: "key".to_owned(), request: json!({"make": "live"}) }
}

fn progress(n: u32) -> What {
    What::Progress { message: n.to_string() }
}

fn wait(pause: Pause) -> Write {
    Write::Wait { checkpoint: json!("checkpoint"), pause }
}

fn end(end: End) -> Write {
    Write::End { end, events: Vec::new() }
}

fn every_write() -> Vec<Write> {
    let (checkpoint, events) = (json!("new"), vec![What::Submitted]);
    vec![
        Write::Checkpoint { checkpoint: checkpoint.clone(), events: events.clone() },
        Write::Commit { checkpoint, events },
        Write::Say { message: "words".to_owned() },
        Write::Keep { attempt: 1, artifact: NewArtifact::of("plan", &"x") },
        Write::Outcome { key: "key".to_owned(), outcome: Outcome::Done(json!(1)) },
        wait(Pause::Person),
        Write::Doubt { message: "words".to_owned(), events: Vec::new() },
        Write::Retry { after: LEASE, failures: 1 },
        Write::RetryCleanup { after: LEASE, failures: 1 },
        Write::HandBack,
        end(End::Done(json!(1))),
        end(End::Failed(Code::Internal.problem("no"))),
        end(End::Cancelled),
    ]
}
