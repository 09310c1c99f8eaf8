//! Somebody who hands in goals, changes their mind, and never believes an error.

use crate::history::{Asked, History};
use protocol::{
    AppName, Code, TaskId,
    rest::{RollbackApp, SubmitTask},
    task::{Approval, Budget, Status, Task},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::{sync::Arc, time::Duration};
use tests::stream::Streams;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use yonin::{Failure, client::Client};

/// Tasks for one app, before the next: each makes the app larger, and its tests longer.
const TASKS_PER_APP: u32 = 5;

/// Works until told to stop, then waits for the end of everything that was handed in.
pub(crate) async fn work(
    seed: u64,
    user: u64,
    (client, streams): (Client, Streams),
    history: Arc<History>,
    stopping: watch::Receiver<bool>,
) {
    let mut rng = StdRng::seed_from_u64(seed.wrapping_mul(31).wrapping_add(user));
    let mut watchers = JoinSet::new();
    let mut number = 0;
    while !*stopping.borrow() {
        let app: AppName = format!("u{user}-{}", number / TASKS_PER_APP).parse().expect("a name");
        let asked = Asked { app, key: TaskId::fresh().to_string() };
        let wish = match rng.random_range(0..100) {
            0..12 if !number.is_multiple_of(TASKS_PER_APP) => Wish::RollBack,
            _ => Wish::Goal(format!("things{}(title:string!, body:text)", number % TASKS_PER_APP)),
        };
        let (twice, cancelled) = (rng.random_range(0..100) < 20, rng.random_range(0..100) < 15);
        let (patience, waits) = (rng.random_range(0..3_000), rng.random_range(0..100) < 70);
        number += 1;
        let answers = if twice {
            let (first, second) =
                tokio::join!(wish.hand_in(&client, &asked, &history), wish.hand_in(&client, &asked, &history));
            vec![first, second]
        } else {
            vec![wish.hand_in(&client, &asked, &history).await]
        };
        let Some(id) = answers.into_iter().flatten().last() else { continue };
        let watcher = watchers.spawn(follow(client.clone(), streams.clone(), id, Arc::clone(&history)));
        if cancelled {
            sleep(Duration::from_millis(patience)).await;
            cancel(&client, id, &history).await;
        }
        if waits {
            while !watcher.is_finished() && !*stopping.borrow() {
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
    while let Some(watched) = watchers.join_next().await {
        watched.expect("it saw the task's end");
    }
}

/// What is handed in.
enum Wish {
    Goal(String),
    RollBack,
}

impl Wish {
    /// Again and again until somebody answers: it is the same task. `None` when it was refused.
    async fn hand_in(&self, client: &Client, asked: &Asked, history: &History) -> Option<TaskId> {
        history.asked(asked);
        loop {
            let answer = match self {
                Self::Goal(goal) => {
                    let submit = SubmitTask {
                        goal: goal.clone(),
                        app: asked.app.clone(),
                        approval: Approval::Auto,
                        budget: Budget::default(),
                        labels: [("key".to_owned(), asked.key.clone())].into(),
                    };
                    soon(client.submit(&submit, &asked.key)).await
                }
                Self::RollBack => soon(client.rollback(&asked.app, &RollbackApp::default(), &asked.key)).await,
            };
            match answer {
                Some(Ok(task)) => {
                    history.acknowledged(asked, &task);
                    return Some(task.id);
                }
                Some(Err(Failure::Problem(problem))) if !problem.code.is_retryable() => {
                    history.refused(&problem);
                    return None;
                }
                _ => sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

/// A process that was stopped in the middle of a request never answers.
async fn soon(answer: impl Future<Output = Result<Task, Failure>>) -> Option<Result<Task, Failure>> {
    timeout(Duration::from_secs(5), answer).await.ok()
}

async fn cancel(client: &Client, id: TaskId, history: &History) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        match soon(client.cancel(id)).await {
            Some(Ok(_)) => return history.cancelled(id),
            Some(Err(Failure::Problem(problem))) if !problem.code.is_retryable() => {
                let expected = [Code::AlreadyFinished, Code::Releasing].contains(&problem.code);
                return if expected {
                    history.refused(&problem)
                } else {
                    history.wrong(format!("cancel {id}: {problem}"))
                };
            }
            _ => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Reads a task's events to the last one, over as many connections as it takes, then the task itself.
async fn follow(client: Client, streams: Streams, id: TaskId, history: Arc<History>) {
    loop {
        // Through a process that was stopped nothing comes, not even a sign that it is there.
        if let Ok(Some(mut stream)) = timeout(Duration::from_secs(5), streams.open(id, history.seen(id))).await {
            while let Ok(Some(event)) = timeout(Duration::from_secs(20), stream.next()).await {
                history.saw(id, event);
            }
        }
        match soon(client.task(id)).await {
            Some(Ok(task)) if task.status.is_final() && history.is_told(id) => return history.ended(task),
            Some(Ok(Task { status: Status::Waiting, question, .. })) => {
                history.wrong(format!("{id} waits for a person: {question:?}"));
            }
            Some(Err(Failure::Problem(problem))) if problem.code == Code::NotFound => {
                return history.wrong(format!("{id} was acknowledged and is lost"));
            }
            _ => sleep(Duration::from_millis(50)).await,
        }
    }
}
