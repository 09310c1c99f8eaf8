use super::scene::{Count, Scene, Script, ann, ended, submit, when};
use crate::job::{Job, JobError, JobStatus, Probe, Resolution, Step};
use protocol::{Code, Problem};
use serde_json::json;

/// Acts, the first time with this result, and says how it went in the end.
async fn act(
    job: &Job,
    acts: &Count,
    first: Result<u32, JobError>,
    probe: Probe<u32>,
) -> Result<Step<serde_json::Value, serde_json::Value>, JobError> {
    let act = async { if acts.up() == 0 { first } else { Ok(2) } };
    let result = job.effect("activate", &json!({"release": 1}), async { Ok(probe) }, act).await?;
    Ok(Step::Done(json!(result), Vec::new()))
}

fn down() -> Problem {
    Code::HostUnavailable.problem("no answer")
}

#[tokio::test]
async fn an_act_that_was_done_is_not_done_again() {
    let (scene, acts, runs) = (Scene::without_poll().await, Count::new(), Count::new());
    let counted = acts.clone();
    let jobs = scene.jobs(Script::new(move |job, _| {
        let (acts, run) = (counted.clone(), runs.up());
        Box::pin(async move {
            let done = act(job, &acts, Ok(1), Probe::Unknown).await;
            if run == 0 { Err(JobError::Retryable(down())) } else { done }
        })
    }));
    let _worker = scene.worker(&jobs);
    let id = submit(&jobs).await;
    assert_eq!(ended(&jobs, id).await, JobStatus::Done(json!(1)));
    assert_eq!(acts.now(), 1);
}

#[tokio::test]
async fn a_refused_act_stays_refused() {
    let (scene, acts, runs) = (Scene::without_poll().await, Count::new(), Count::new());
    let counted = acts.clone();
    let jobs = scene.jobs(Script::new(move |job, _| {
        let (acts, run) = (counted.clone(), runs.up());
        Box::pin(async move {
            let refused = Code::VerdictInvalid.problem("forged");
            let done = act(job, &acts, Err(JobError::Terminal(refused)), Probe::Unknown).await;
            if run == 0 { Err(JobError::Retryable(down())) } else { done }
        })
    }));
    let _worker = scene.worker(&jobs);
    let id = submit(&jobs).await;
    assert!(matches!(ended(&jobs, id).await, JobStatus::Failed(problem) if problem.code == Code::VerdictInvalid));
    assert_eq!(acts.now(), 1);
}

#[tokio::test]
async fn after_an_act_without_an_answer_the_world_is_asked() {
    for (probe, result, times) in [(Probe::Done(7), 7, 1), (Probe::NotDone, 2, 2)] {
        let (scene, acts) = (Scene::without_poll().await, Count::new());
        let counted = acts.clone();
        let jobs = scene.jobs(Script::new(move |job, _| {
            let (acts, probe) = (counted.clone(), probe.clone());
            Box::pin(async move { act(job, &acts, Err(JobError::Retryable(down())), probe).await })
        }));
        let _worker = scene.worker(&jobs);
        let id = submit(&jobs).await;
        assert_eq!(ended(&jobs, id).await, JobStatus::Done(json!(result)));
        assert_eq!(acts.now(), times);
    }
}

/// A job that is in doubt: its act was intended and not written down, and a look at the world tells nothing.
async fn doubtful(resolution: Resolution) -> (JobStatus, u32) {
    let (scene, acts) = (Scene::without_poll().await, Count::new());
    let counted = acts.clone();
    let jobs = scene.jobs(Script::new(move |job, _| {
        let acts = counted.clone();
        Box::pin(async move { act(job, &acts, Err(JobError::Retryable(down())), Probe::Unknown).await })
    }));
    let _worker = scene.worker(&jobs);
    let id = submit(&jobs).await;
    let asking = when(&jobs, id, |job| job.status == JobStatus::InDoubt).await;
    assert!(asking.message.is_some_and(|it| it.contains("activate")));
    let refused = jobs.answer(&ann(), id, &9).await.expect_err("no question of the tool's own");
    assert_eq!(refused.code, Code::NotWaiting);
    jobs.resolve(&ann(), id, resolution).await.expect("is in doubt");
    (ended(&jobs, id).await, acts.now())
}

#[tokio::test]
async fn where_the_world_cannot_tell_a_person_has_it_done_again() {
    assert_eq!(doubtful(Resolution::Again).await, (JobStatus::Done(json!(2)), 2));
}

#[tokio::test]
async fn where_the_world_cannot_tell_a_person_gives_it_up() {
    let (status, acts) = doubtful(Resolution::GiveUp).await;
    assert!(matches!(status, JobStatus::Failed(problem) if problem.code == Code::InDoubt));
    assert_eq!(acts, 1);
}

/// What cannot be taken back any more is never said to have failed because its workers did.
#[tokio::test]
async fn past_the_point_of_no_return_a_job_that_was_tried_too_often_is_in_doubt() {
    for (resolution, runs) in [(Resolution::Again, 6), (Resolution::GiveUp, 5)] {
        let (scene, acts) = (Scene::without_poll().await, Count::new());
        let counted = acts.clone();
        let jobs = scene.jobs(Script::new(move |job, _| {
            let acts = counted.clone();
            Box::pin(async move {
                job.point_of_no_return(&json!(1), Vec::new()).await?;
                if acts.up() >= 5 { Ok(Step::Done(json!(1), Vec::new())) } else { Err(JobError::Retryable(down())) }
            })
        }));
        let _worker = scene.worker(&jobs);
        let id = submit(&jobs).await;
        when(&jobs, id, |job| job.status == JobStatus::InDoubt).await;
        assert_eq!(acts.now(), scene.timing.max_failures);
        jobs.resolve(&ann(), id, resolution).await.expect("is in doubt");
        let status = ended(&jobs, id).await;
        assert_eq!(acts.now(), runs);
        match resolution {
            Resolution::Again => assert_eq!(status, JobStatus::Done(json!(1))),
            Resolution::GiveUp => {
                assert!(matches!(status, JobStatus::Failed(problem) if problem.code == Code::InDoubt))
            }
        }
    }
}
