use super::scene::{Count, Scene, Script, ann, done, ended, progress, submit, told, when};
use crate::tool::LongTool as _;
use crate::{
    Principal,
    job::{JobError, JobStatus, Order, Resolution, Step, Wait, queue::Queue},
};
use protocol::{Code, JobId, Role, event::What};
use serde_json::json;
use std::{sync::Arc, time::Duration};

#[tokio::test]
async fn a_job_runs_from_checkpoint_to_checkpoint_to_its_end() {
    let scene = Scene::without_poll().await;
    let jobs = scene.jobs(Script::new(|job, checkpoint| {
        Box::pin(async move {
            if checkpoint.is_none() {
                job.say("begins").await?;
                job.say("begins").await?;
                job.checkpoint(&json!(1), vec![progress("one")]).await?;
                return Ok(Step::Wait(json!(2), Wait::Until(chrono::Utc::now())));
            }
            assert_eq!(checkpoint, Some(json!(2)));
            let digest = job.keep("plan", 1, &json!({"b": 1, "a": 2})).await?;
            assert_eq!(job.kept("plan", None).await?, Some(json!({"a": 2, "b": 1})));
            Ok(Step::Done(json!(digest), vec![progress("end")]))
        })
    }));
    let _worker = scene.worker(&jobs);
    let id = submit(&jobs).await;
    assert!(matches!(ended(&jobs, id).await, JobStatus::Done(_)));
    assert_eq!(told(&jobs, id).await, [What::Submitted, progress("begins"), progress("one"), progress("end")]);
    assert_eq!(jobs.artifact(&ann(), id, "plan", Some(1)).await.expect("kept"), json!({"a": 2, "b": 1}));
}

#[tokio::test]
async fn an_error_that_may_pass_is_tried_again_and_kills_at_the_fifth() {
    let (scene, runs) = (Scene::without_poll().await, Count::new());
    let counted = runs.clone();
    let jobs = scene.jobs(Script::new(move |job, _| {
        let runs = counted.clone();
        Box::pin(async move {
            runs.up();
            job.checkpoint(&json!(runs.now()), Vec::new()).await?;
            Err(JobError::Retryable(Code::WebUnavailable.problem("down")))
        })
    }));
    let _worker = scene.worker(&jobs);
    let id = submit(&jobs).await;
    assert_eq!(ended(&jobs, id).await, JobStatus::Failed(Code::WebUnavailable.problem("down")));
    assert_eq!(runs.now(), 5);
    assert_eq!(told(&jobs, id).await.last(), Some(&progress("failed at 5 with web-unavailable")));
}

#[tokio::test]
async fn a_job_has_failed_once_it_is_cleaned_up() {
    let (scene, web_down) = (Scene::new().await, || Code::WebUnavailable.problem("down"));
    for run in [JobError::Terminal, JobError::Retryable] {
        let fails = Script::new(move |_, _| Box::pin(async move { Err(run(web_down())) }));
        let jobs = scene.jobs(fails.cleaning_up(move |before, _| match before {
            0 => Err(JobError::Retryable(web_down())),
            1 => Err(JobError::Terminal(web_down())),
            2 => Err(JobError::RateLimited(web_down(), Duration::from_millis(1))),
            3 => panic!("on purpose"),
            _ => Ok(vec![progress("cleaned up")]),
        }));
        let _worker = scene.worker(&jobs);
        let id = submit(&jobs).await;
        assert_eq!(ended(&jobs, id).await, JobStatus::Failed(web_down()));
        let told = told(&jobs, id).await;
        assert_eq!(told[1..], [progress("cleaned up"), progress("failed at null with web-unavailable")]);
    }
}

#[tokio::test]
async fn failures_count_in_a_row_and_being_told_to_wait_is_none() {
    let (scene, runs) = (Scene::without_poll().await, Count::new());
    let jobs = scene.jobs(Script::new(move |_, _| {
        let run = runs.up();
        Box::pin(async move {
            match run {
                20 => done(),
                4 | 9 => Ok(Step::Wait(json!(run), Wait::Until(chrono::Utc::now()))),
                run if run < 12 => Err(JobError::Retryable(Code::WebUnavailable.problem("down"))),
                _ => Err(JobError::RateLimited(Code::TooManyRequests.problem("slow"), Duration::from_millis(2))),
            }
        })
    }));
    let _worker = scene.worker(&jobs);
    let id = submit(&jobs).await;
    assert_eq!(ended(&jobs, id).await, JobStatus::Done(json!("done")));
}

#[tokio::test]
async fn a_terminal_error_ends_the_job_at_once() {
    let (scene, runs) = (Scene::without_poll().await, Count::new());
    let counted = runs.clone();
    let jobs = scene.jobs(Script::new(move |_, _| {
        counted.up();
        Box::pin(async { Err(Code::GoalNotUnderstood.problem("what?").into()) })
    }));
    let _worker = scene.worker(&jobs);
    let id = submit(&jobs).await;
    assert!(matches!(ended(&jobs, id).await, JobStatus::Failed(problem) if problem.code == Code::GoalNotUnderstood));
    assert_eq!(runs.now(), 1);
}

#[tokio::test]
async fn a_panic_is_a_failure_of_ours() {
    let (scene, runs) = (Scene::without_poll().await, Count::new());
    let counted = runs.clone();
    let jobs = scene.jobs(Script::new(move |_, _| {
        counted.up();
        Box::pin(async { panic!("on purpose") })
    }));
    let _worker = scene.worker(&jobs);
    let id = submit(&jobs).await;
    assert!(matches!(ended(&jobs, id).await, JobStatus::Failed(problem) if problem.code == Code::Internal));
    assert_eq!(runs.now(), 5);
}

#[tokio::test]
async fn a_person_is_asked_and_answers() {
    let scene = Scene::without_poll().await;
    let jobs = scene.jobs(Script::new(|job, checkpoint| {
        Box::pin(async move {
            match (checkpoint, job.answer::<String>()?) {
                (None, None) => Ok(Step::Wait(json!("asked"), Wait::Person)),
                (Some(_), Some(answer)) => Ok(Step::Done(json!(answer), Vec::new())),
                other => panic!("{other:?}"),
            }
        })
    }));
    let _worker = scene.worker(&jobs);
    let id = submit(&jobs).await;
    when(&jobs, id, |job| job.status == JobStatus::Asking).await;
    jobs.answer(&ann(), id, &"はい").await.expect("waits for it");
    assert_eq!(ended(&jobs, id).await, JobStatus::Done(json!("はい")));
    let late = jobs.answer(&ann(), id, &"no").await.expect_err("has ended");
    assert_eq!(late.code, Code::NotWaiting);
}

#[tokio::test]
async fn an_answer_may_come_as_soon_as_the_question_is_read() {
    let (scene, gate) = (Scene::without_poll().await, std::sync::Arc::new(tokio::sync::Notify::new()));
    let held = gate.clone();
    let jobs = scene.jobs(Script::new(move |job, _| {
        let gate = held.clone();
        Box::pin(async move {
            if let Some(answer) = job.answer()? {
                return Ok(Step::Done(answer, Vec::new()));
            }
            job.checkpoint(&json!("asks"), vec![progress("well?")]).await?;
            gate.notified().await;
            Ok(Step::Wait(json!("asks"), Wait::Person))
        })
    }));
    let _worker = scene.worker(&jobs);
    let id = submit(&jobs).await;
    when(&jobs, id, |job| job.checkpoint.is_some()).await;
    let caller = ann();
    let answer = jobs.answer(&caller, id, &"yes");
    let (answered, ()) = tokio::join!(answer, async {
        tokio::task::yield_now().await;
        gate.notify_one();
    });
    answered.expect("it asks soon");
    assert_eq!(ended(&jobs, id).await, JobStatus::Done(json!("yes")));
}

#[tokio::test]
async fn a_hint_wakes_a_job_that_waits_for_a_peer_even_one_that_comes_too_early() {
    let scene = Scene::without_poll().await;
    let (peer, early, hints) = (JobId::fresh(), JobId::fresh(), scene.hints.clone());
    let jobs = scene.jobs(Script::new(move |_, checkpoint| {
        // The second peer is done before this job has begun to wait for it.
        if checkpoint == Some(json!(1)) {
            hints.send(early);
        }
        Box::pin(async move {
            match checkpoint.and_then(|it| it.as_u64()) {
                None => Ok(Step::Wait(json!(1), Wait::Peer(peer))),
                Some(1) => Ok(Step::Wait(json!(2), Wait::Peer(early))),
                Some(_) => done(),
            }
        })
    }));
    let _worker = scene.worker(&jobs);
    let id = submit(&jobs).await;
    when(&jobs, id, |job| job.checkpoint == Some(json!(1))).await;
    scene.hints.send(peer);
    assert_eq!(ended(&jobs, id).await, JobStatus::Done(json!("done")));
}

#[tokio::test]
async fn without_hints_a_job_looks_at_its_peer_by_itself() {
    let (scene, runs) = (Scene::new().await, Count::new());
    let peer = JobId::fresh();
    let jobs = scene.jobs(Script::new(move |_, _| {
        let run = runs.up();
        Box::pin(async move { if run < 3 { Ok(Step::Wait(json!(run), Wait::Peer(peer))) } else { done() } })
    }));
    let _worker = scene.worker(&jobs);
    let id = submit(&jobs).await;
    assert_eq!(ended(&jobs, id).await, JobStatus::Done(json!("done")));
}

#[tokio::test]
async fn two_replicas_run_each_job_once() {
    let (scene, runs) = (Scene::new().await, Count::new());
    let replicas = [runs.clone(), runs.clone()].map(|runs| {
        scene.jobs(Script::new(move |_, _| {
            runs.up();
            Box::pin(async { done() })
        }))
    });
    let _workers = replicas.each_ref().map(|jobs| scene.worker(jobs));
    let mut ids = Vec::new();
    for n in 0..60 {
        ids.push(submit(&replicas[n % 2]).await);
    }
    for id in ids {
        assert_eq!(ended(&replicas[0], id).await, JobStatus::Done(json!("done")));
    }
    assert_eq!(runs.now(), 60);
}

#[tokio::test]
async fn nobody_sees_what_is_not_theirs() {
    let scene = Scene::new().await;
    let jobs = scene.jobs(Script::new(|_, _| Box::pin(async { done() })));
    let id = submit(&jobs).await;
    let stranger = Principal::service("tester");
    assert_eq!(jobs.get(&stranger, id).await.expect_err("hidden").code, Code::NotFound);
    assert_eq!(jobs.cancel(&stranger, id).await.expect_err("hidden").code, Code::NotFound);
    assert_eq!(jobs.answer(&stranger, id, &1).await.expect_err("hidden").code, Code::NotFound);
    assert_eq!(jobs.events(&stranger, id, 0).await.expect_err("hidden").code, Code::NotFound);
    assert_eq!(jobs.artifact(&stranger, id, "plan", None).await.expect_err("hidden").code, Code::NotFound);
    for (who, role, sees) in [("bob", Role::Operator, false), ("ann", Role::Viewer, true), ("eva", Role::Admin, true)] {
        let seen = jobs.get(&Principal::person(who, role), id).await;
        assert_eq!(seen.err().map(|problem| problem.code), (!sees).then_some(Code::NotFound), "{who}");
    }
}

#[tokio::test]
async fn who_only_looks_decides_nothing() {
    let scene = Scene::new().await;
    let jobs = scene.jobs(Script::new(|_, _| Box::pin(async { Ok(Step::Wait(json!(1), Wait::Person)) })));
    let id = submit(&jobs).await;
    let (viewer, stranger) = (Principal::person("ann", Role::Viewer), Principal::person("bob", Role::Viewer));
    let order = Order { input: json!({}), ..Order::default() };
    assert_eq!(jobs.submit(&viewer, Script::NAME, order).await.expect_err("no").code, Code::InsufficientRole);
    for (who, code) in [(&viewer, Code::InsufficientRole), (&stranger, Code::NotFound)] {
        assert_eq!(jobs.cancel(who, id).await.expect_err("no").code, code);
        assert_eq!(jobs.answer(who, id, &1).await.expect_err("no").code, code);
        assert_eq!(jobs.resolve(who, id, Resolution::Again).await.expect_err("no").code, code);
    }
    assert!(jobs.cancel(&Principal::person("eva", Role::Admin), id).await.is_ok(), "an admin decides everybody's");
}

#[tokio::test]
async fn a_full_queue_takes_no_more_but_knows_what_it_has() {
    let scene = Scene::new().await;
    let mut jobs = scene.jobs(Script::new(|_, _| Box::pin(async { Ok(Step::Done(json!(1), Vec::new())) })));
    jobs.queue = Arc::new(Queue::new(2));
    let order = |key| Order { key: Some(key), share: None, input: json!({}) };
    let first = jobs.submit(&ann(), Script::NAME, order("a")).await.expect("taken");
    jobs.submit(&ann(), Script::NAME, order("b")).await.expect("taken");
    let refused = jobs.submit(&ann(), Script::NAME, order("c")).await.expect_err("one too many");
    assert_eq!(refused.code, Code::TooManyRequests);
    assert_eq!(jobs.submit(&ann(), Script::NAME, order("a")).await.expect("known").id, first.id);
    let worker = scene.worker(&jobs);
    when(&jobs, first.id, |record| record.ended_at.is_some()).await;
    // The count is a second old at most.
    let taken = async {
        loop {
            match jobs.submit(&ann(), Script::NAME, order("c")).await {
                Ok(record) => return record,
                Err(problem) => assert_eq!(problem.code, Code::TooManyRequests),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), taken).await.expect("in time");
    drop(worker);
}
