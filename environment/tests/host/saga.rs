use crate::ground::{Ground, app, change, migration};
use protocol::{
    Code,
    artifact::Invalidation,
    tools::{
        coder::{InspectAppInput, RollbackTo},
        host::ActivateReleaseInput,
    },
};
use std::time::Duration;

/// The writer is ended after 0, 5, 10 ... ms, wherever it is then, and another one goes on. Each time everything happens once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_activation_that_is_cut_off_anywhere_is_finished_by_the_next_writer() {
    let ground = Ground::start().await;
    let shop = app("shop");
    let mut first = change(&shop, None, &[("public/index.php", "<?php echo 0;")]);
    first.migrations = vec![migration("0000_notes", "create table notes (id int primary key)")];
    let mut base = ground.release(first).await;
    let mut cut = 0;
    for round in 1..=24_u64 {
        let mut next = change(&shop, Some(base), &[("public/index.php", &format!("<?php echo {round};"))]);
        let add = format!("alter table notes add column c{round} int");
        next.migrations = vec![migration(&format!("{round:04}_add"), &add)];
        next.invalidations = vec![Invalidation::Bump("version".to_owned())];
        let staged = ground.stage(next).await.expect("staged");
        let (host, input) = (ground.host.clone(), ground.activation(&staged));
        let doomed = tokio::spawn(async move { host.activate_release(input).await });
        tokio::time::sleep(Duration::from_millis(5 * (round - 1))).await;
        let answer = ground.activate(&staged).await.expect("the next writer finishes");
        let (status, body) = ground.get("shop", "/").await;
        assert_eq!((status, body), (200, round.to_string()), "round {round}");
        match doomed.await.expect("it did not panic") {
            Ok(first) => assert_eq!(first, answer, "who asks again gets the same answer"),
            Err(problem) => {
                assert_eq!(problem.code, Code::StaleEpoch);
                cut += 1;
            }
        }
        assert_eq!(ground.activate(&staged).await.expect("asked again"), answer);
        base = answer.live.expect("live").digest;
    }
    assert!(cut > 0, "no writer was cut off: the test shows nothing");
    let inspect = InspectAppInput { app: Some(shop.clone()), files: vec![] };
    let seen = ground.host.inspect(inspect).await.expect("inspected").apps.remove(0);
    assert_eq!(seen.migrations.len(), 25, "each migration once: {:?}", seen.migrations);
    assert_eq!(seen.schema[0].columns.len(), 25);
    assert_eq!(seen.releases.len(), 10, "ten releases are kept");
    ground.services.stop().await;
}

/// What a writer swapped and nobody goes on with is taken back by the next one with something else in mind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_activation_that_is_given_up_leaves_the_live_release() {
    let ground = Ground::start().await;
    let shop = app("shop");
    let one = ground.release(change(&shop, None, &[("public/index.php", "<?php echo 'one';")])).await;
    for round in 0..12_u64 {
        let text = format!("<?php echo 'given up {round}';");
        let staged = ground.stage(change(&shop, Some(one), &[("public/index.php", &text)])).await.expect("staged");
        let (host, input) = (ground.host.clone(), ground.activation(&staged));
        let doomed = tokio::spawn(async move { host.activate_release(input).await });
        tokio::time::sleep(Duration::from_millis(4 * round)).await;
        // Another task begins: it must find what is recorded as live, or what was finished in time.
        let other = ground.stage(change(&shop, Some(one), &[("public/index.php", "<?php echo 'other';")])).await;
        let doomed = doomed.await.expect("it did not panic");
        if let Err(refused) = other.map(|_| ()) {
            // It was recorded in time, perhaps without living to say so. Then it counts.
            assert_eq!(refused.code, Code::BaseMoved);
            assert_eq!(ground.get("shop", "/").await, (200, format!("given up {round}")));
            let live = staged.staged.release;
            ground.roll_back(&shop, live, RollbackTo::Release(one)).await.expect("back to the start");
        } else {
            assert_eq!(doomed.expect_err("it was cut off").code, Code::StaleEpoch);
        }
        assert_eq!(ground.get("shop", "/").await, (200, "one".to_owned()), "round {round}");
    }
    ground.services.stop().await;
}

/// An answer outlives what it was about: asking again changes nothing, even after the way back.
#[tokio::test]
async fn asking_again_after_the_way_back_changes_nothing() {
    let ground = Ground::start().await;
    let shop = app("shop");
    let staged = ground.stage(change(&shop, None, &[("public/index.php", "<?php echo 'one';")])).await.expect("staged");
    let first = ground.activate(&staged).await.expect("activated");
    let live = first.live.clone().expect("live").digest;
    ground.roll_back(&shop, live, RollbackTo::Base).await.expect("rolled back");
    let again = ActivateReleaseInput { epoch: ground.epoch(), ..ground.activation(&staged) };
    assert_eq!(ground.host.activate_release(again).await.expect("asked again"), first);
    assert_eq!(ground.get("shop", "/").await.0, 404);
    ground.services.stop().await;
}
