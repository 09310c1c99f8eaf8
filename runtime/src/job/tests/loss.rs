use super::scene::{Count, Scene, Script, done, ended, progress, submit, told, when};
use crate::job::{
    JobStatus, Timing,
    worker::{Work, Worker},
};
use protocol::Code;
use serde_json::json;
use std::time::{Duration, Instant};

/// A script that stores a checkpoint, says so, and then never ends.
fn endless(begun: &Count, dropped: &Count) -> Script {
    let (begun, dropped) = (begun.clone(), dropped.clone());
    Script::new(move |job, checkpoint| {
        let (begun, guard) = (begun.clone(), dropped.on_drop());
        Box::pin(async move {
            if checkpoint.is_none() {
                job.checkpoint(&json!("half"), Vec::new()).await?;
            }
            begun.up();
            std::future::pending::<()>().await;
            drop(guard);
            done()
        })
    })
}

fn quick() -> Script {
    Script::new(|_, checkpoint| {
        Box::pin(async move { Ok(crate::Step::Done(checkpoint.unwrap_or_default(), Vec::new())) })
    })
}

#[tokio::test]
async fn a_dead_workers_job_is_taken_over_from_its_checkpoint() {
    let (scene, begun, dropped) = (Scene::new().await, Count::new(), Count::new());
    let jobs = scene.jobs(endless(&begun, &dropped));
    let worker = scene.worker(&jobs);
    let id = submit(&jobs).await;
    begun.reaches(1).await;
    drop(worker);
    scene.store.end_leases().await.expect("ends");
    let heir = scene.jobs(quick());
    let _worker = scene.worker(&heir);
    assert_eq!(ended(&heir, id).await, JobStatus::Done(json!("half")));
}

#[tokio::test]
async fn a_worker_that_was_taken_over_stops_and_changes_nothing() {
    let (scene, begun, dropped) = (Scene::new().await, Count::new(), Count::new());
    let jobs = scene.jobs(endless(&begun, &dropped));
    let _worker = scene.worker(&jobs);
    let id = submit(&jobs).await;
    begun.reaches(1).await;
    let heir = scene.jobs(quick());
    // Claimed under its nose, as after a long pause of the process.
    scene.store.end_leases().await.expect("ends");
    let claimed = scene.store.claim("heir", scene.timing.lease, 1, &[]).await.expect("claims").claimed;
    assert_eq!(claimed.len(), 1);
    dropped.reaches(1).await;
    scene.store.write(&claimed[0].claim, &crate::store::Write::HandBack).await.expect("still ours");
    let _heirs = scene.worker(&heir);
    when(&heir, id, |job| job.checkpoint == Some(json!("half"))).await;
}

#[tokio::test]
async fn a_worker_that_cannot_renew_stops_before_its_lease_ends() {
    let (scene, begun, dropped) = (Scene::new().await, Count::new(), Count::new());
    let jobs = scene.jobs(endless(&begun, &dropped));
    let _worker = scene.worker(&jobs);
    submit(&jobs).await;
    begun.reaches(1).await;
    let file = format!("sqlite://{}", scene.directory.path().join("store").display());
    let pool = sqlx::SqlitePool::connect(&file).await.expect("connects");
    let started = Instant::now();
    let _lock = pool.begin_with("begin immediate").await.expect("locks the store");
    dropped.reaches(1).await;
    assert!(started.elapsed() < scene.timing.lease, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_long_run_keeps_its_lease() {
    let mut scene = Scene::new().await;
    scene.timing =
        Timing { lease: Duration::from_millis(500), heartbeat: Duration::from_millis(100), ..Timing::short() };
    let runs = Count::new();
    let counted = runs.clone();
    let jobs = scene.jobs(Script::new(move |_, _| {
        counted.up();
        Box::pin(async {
            // The length of the run is what is tested.
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            done()
        })
    }));
    let _workers = [scene.worker(&jobs), scene.worker(&jobs)];
    let id = submit(&jobs).await;
    assert_eq!(ended(&jobs, id).await, JobStatus::Done(json!("done")));
    assert_eq!(runs.now(), 1);
}

#[tokio::test]
async fn a_job_whose_workers_keep_dying_fails() {
    let scene = Scene::without_poll().await;
    let jobs = scene.jobs(Script::new(|_, _| Box::pin(async { panic!("not a fourth time") })));
    let id = submit(&jobs).await;
    for _ in 0..3 {
        assert_eq!(scene.store.claim("dies", scene.timing.lease, 1, &[]).await.expect("claims").claimed.len(), 1);
        scene.store.end_leases().await.expect("ends");
    }
    let _worker = scene.worker(&jobs);
    assert!(matches!(ended(&jobs, id).await, JobStatus::Failed(problem) if problem.code == Code::WorkerLost));
    assert_eq!(told(&jobs, id).await.last(), Some(&progress("failed at null with worker-lost")));
}

#[tokio::test]
async fn drain_hands_back_at_the_next_checkpoint() {
    let (scene, begun, gate) = (Scene::new().await, Count::new(), std::sync::Arc::new(tokio::sync::Notify::new()));
    let (counted, held) = (begun.clone(), gate.clone());
    let jobs = scene.jobs(Script::new(move |job, _| {
        let (begun, gate) = (counted.clone(), held.clone());
        Box::pin(async move {
            begun.up();
            gate.notified().await;
            job.checkpoint(&json!("stored"), Vec::new()).await?;
            panic!("it goes on although the worker drains")
        })
    }));
    let work = Work { slots: 1, timing: scene.timing, retention: Duration::from_secs(3600) };
    let worker = Worker::start(jobs.clone(), work);
    let (id, queued) = (submit(&jobs).await, submit(&jobs).await);
    begun.reaches(1).await;
    let drain = tokio::spawn(worker.drain(Duration::from_secs(60)));
    // Only when the worker knows that it drains is the run let on to its checkpoint.
    tokio::task::yield_now().await;
    gate.notify_one();
    drain.await.expect("drains");
    assert_eq!(begun.now(), 1, "nothing is claimed any more");
    let mut claimed = scene.store.claim("heir", scene.timing.lease, 9, &[]).await.expect("claims").claimed;
    claimed.sort_by_key(|it| it.claim.id);
    assert_eq!(claimed.iter().map(|it| it.claim.id).collect::<Vec<_>>(), [id, queued]);
    let handed = &claimed[0];
    assert_eq!((handed.failures, handed.lost_leases), (0, 0));
    assert_eq!(handed.record.checkpoint, Some(json!("stored")));
}

#[tokio::test]
async fn drain_hands_back_what_reaches_no_checkpoint_when_time_is_up() {
    let (scene, begun, dropped) = (Scene::new().await, Count::new(), Count::new());
    let jobs = scene.jobs(endless(&begun, &dropped));
    let worker = scene.worker(&jobs);
    submit(&jobs).await;
    begun.reaches(1).await;
    worker.drain(Duration::from_millis(500)).await;
    assert_eq!(dropped.now(), 1);
    let claimed = scene.store.claim("heir", scene.timing.lease, 1, &[]).await.expect("claims").claimed;
    assert_eq!((claimed[0].failures, claimed[0].lost_leases), (0, 0));
}
