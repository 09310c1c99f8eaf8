use super::scene::{Count, Scene, Script, ann, done, ended, progress, submit, told, when};
use crate::job::{JobError, JobStatus, Step, Wait};
use protocol::{Code, event::What};
use serde_json::json;

#[tokio::test]
async fn what_runs_is_dropped_and_cleaned_up_until_that_succeeds() {
    let scene = Scene::without_poll().await;
    let (running, dropped) = (Count::new(), Count::new());
    let (begun, ends) = (running.clone(), dropped.clone());
    let jobs = scene.jobs(
        Script::new(move |job, _| {
            let (running, guard) = (begun.clone(), ends.on_drop());
            Box::pin(async move {
                job.checkpoint(&json!("half"), Vec::new()).await?;
                running.up();
                std::future::pending::<()>().await;
                drop(guard);
                done()
            })
        })
        .cleaning_up(|before, checkpoint| {
            assert_eq!(checkpoint, Some(json!("half")));
            match before {
                0 => Err(JobError::Terminal(Code::PeerUnavailable.problem("not now"))),
                1 => panic!("on purpose"),
                _ => Ok(vec![progress("cleaned up")]),
            }
        }),
    );
    let _worker = scene.worker(&jobs);
    let id = submit(&jobs).await;
    running.reaches(1).await;
    jobs.cancel(&ann(), id).await.expect("cancels");
    dropped.reaches(1).await;
    assert_eq!(ended(&jobs, id).await, JobStatus::Cancelled);
    assert_eq!(told(&jobs, id).await, [What::Submitted, progress("cleaned up")]);
    assert_eq!(running.now(), 1);
    assert_eq!(jobs.cancel(&ann(), id).await.expect_err("has ended").code, Code::AlreadyFinished);
}

#[tokio::test]
async fn what_is_queued_never_runs() {
    let scene = Scene::without_poll().await;
    let script = Script::new(|_, _| Box::pin(async { panic!("it was cancelled before") }));
    let jobs = scene.jobs(script.cleaning_up(|_, _| Ok(vec![progress("never ran")])));
    let id = submit(&jobs).await;
    jobs.cancel(&ann(), id).await.expect("cancels");
    let _worker = scene.worker(&jobs);
    let record = when(&jobs, id, |job| job.ended_at.is_some()).await;
    assert_eq!((record.status, record.started_at), (JobStatus::Cancelled, None));
    assert_eq!(told(&jobs, id).await, [What::Submitted, progress("never ran")]);
}

#[tokio::test]
async fn what_waits_for_a_person_or_a_moment_ends_at_once() {
    let far = chrono::Utc::now() + chrono::TimeDelta::days(1);
    for wait in [Wait::Person, Wait::Until(far), Wait::Peer(protocol::JobId::fresh())] {
        let scene = Scene::without_poll().await;
        let jobs = scene.jobs(Script::new(move |_, _| {
            let wait = wait.clone();
            Box::pin(async { Ok(Step::Wait(json!("waits"), wait)) })
        }));
        let _worker = scene.worker(&jobs);
        let id = submit(&jobs).await;
        when(&jobs, id, |job| job.checkpoint.is_some()).await;
        jobs.cancel(&ann(), id).await.expect("cancels");
        assert_eq!(ended(&jobs, id).await, JobStatus::Cancelled);
    }
}

#[tokio::test]
async fn past_the_point_of_no_return_it_comes_too_late() {
    let (scene, gate) = (Scene::without_poll().await, std::sync::Arc::new(tokio::sync::Notify::new()));
    let held = gate.clone();
    let jobs = scene.jobs(Script::new(move |job, _| {
        let gate = held.clone();
        Box::pin(async move {
            job.point_of_no_return(&json!("releasing"), Vec::new()).await?;
            gate.notified().await;
            done()
        })
    }));
    let _worker = scene.worker(&jobs);
    let id = submit(&jobs).await;
    when(&jobs, id, |job| job.checkpoint.is_some()).await;
    assert_eq!(jobs.cancel(&ann(), id).await.expect_err("too late").code, Code::Releasing);
    gate.notify_one();
    assert_eq!(ended(&jobs, id).await, JobStatus::Done(json!("done")));
    assert_eq!(jobs.cancel(&ann(), id).await.expect_err("has ended").code, Code::AlreadyFinished);
}
