//! One case: a task, a death, and a look at what came of both.

use crate::{matrix::Case, target::Target};
use nix::sys::signal::Signal;
use protocol::{
    AppName, Digest, TaskId,
    artifact::Release,
    event::{Event, What},
    rest::{RollbackApp, SubmitTask},
    task::{Approval, Budget, Status, Task},
};
use reqwest::Method;
use serde_json::json;
use std::{
    os::unix::process::ExitStatusExt as _,
    process::ExitStatus,
    time::{Duration, Instant},
};
use tests::{
    Cluster,
    cluster::{Role, Setup},
};
use yonin::Failure;

/// Two statements, so that there is something between them.
const GOAL: &str = "notes(text:string!); tags(name:string!)";

/// A process that should have died by then is not going to.
const DEATH: Duration = Duration::from_secs(40);

/// An installation with an app that can be rolled back and forth.
pub(crate) struct Scene {
    cluster: Cluster,
    target: Target,
    app: AppName,
    /// The live release, and the one to go to next.
    releases: [Release; 2],
}

/// What a case wants to be done.
struct Wanted {
    app: AppName,
    to: Option<Digest>,
}

impl Scene {
    pub(crate) async fn start(setup: Setup) -> Self {
        let cluster = setup.start().await;
        let target = Target::watch(&cluster);
        let app = cluster.fresh_app();
        let first = cluster.goal(&app, GOAL).succeed().await.result.expect("a result").release;
        cluster.post(&app, "/api/notes", &json!({"text": "kept"})).await;
        cluster.goal(&app, "marks(name:string!)").succeed().await;
        let releases = cluster.client.releases(&app).await.expect("releases").releases;
        let (old, live): (Vec<_>, Vec<_>) = releases.into_iter().partition(|release| release.digest == first);
        let releases = [live, old].map(|one| one.into_iter().next().expect("two releases"));
        Self { cluster, target, app, releases }
    }

    /// Lets a process die in the middle of a task; how long the task took from there to its end.
    pub(crate) async fn play(&mut self, case: &Case) -> Result<Duration, String> {
        let wanted = match case.is_on_the_way_back() {
            true => Wanted { app: self.app.clone(), to: Some(self.releases[1].digest) },
            false => Wanted { app: self.cluster.fresh_app(), to: None },
        };
        let (seen, made) = (self.target.live(wanted.app.as_str()), self.target.previews_made());
        let replica = self.cluster.replica(case.role, 0);
        replica.kill();
        replica.restart(&[("YONIN_FAIL_POINT", &case.variable())]).await;
        let (task, at_once) = self.submit(case, &wanted).await?;
        let died = if at_once { Ok(()) } else { self.death(case, task).await };
        let replica = self.cluster.replica(case.role, 0);
        // Also where it did not die, so that the next case finds all as it should be.
        if died.is_err() {
            replica.kill();
        }
        let at = Instant::now();
        if !at_once {
            replica.restart(&[]).await;
        }
        let ended = self.ended(task).await?;
        let recovery = at.elapsed();
        died?;
        check(ended.status == Status::Succeeded, || format!("{ended:#?}"))?;
        self.events(task).await?;
        match wanted.to {
            None => self.released_once(&wanted.app, &ended, made).await?,
            Some(_) => self.returned_once(&seen).await?,
        }
        let left = self.target.left_over();
        check(left.is_empty(), || format!("left over: {left:?}"))?;
        Ok(recovery)
    }

    /// Every agent says that it has no job that has not ended.
    pub(crate) async fn no_job_is_open(&mut self) -> Result<(), String> {
        for role in [Role::Planner, Role::Architect, Role::Coder, Role::Tester] {
            let url = format!("{}/metrics", self.cluster.replica(role, 0).origin());
            let deadline = Instant::now() + Duration::from_secs(15);
            // It counts every five seconds.
            loop {
                let text = reqwest::get(&url).await.expect("it answers").text().await.expect("text");
                let open: Vec<_> = text.lines().filter(|line| line.starts_with("yonin_jobs{")).collect();
                if !open.is_empty() && open.iter().all(|line| line.ends_with(" 0")) {
                    break;
                }
                check(Instant::now() < deadline, || format!("{}: jobs are open: {open:?}", role.name()))?;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        Ok(())
    }

    pub(crate) async fn end(self) {
        self.cluster.stop().await;
    }

    /// Hands the task in, again and again if nobody answers: it is the same task. Whether the process died of it, before it could
    /// answer; then it runs again.
    async fn submit(&mut self, case: &Case, wanted: &Wanted) -> Result<(TaskId, bool), String> {
        let key = TaskId::fresh().to_string();
        let submit = SubmitTask {
            goal: GOAL.to_owned(),
            app: wanted.app.clone(),
            approval: Approval::default(),
            budget: Budget::default(),
            labels: [].into(),
        };
        let deadline = Instant::now() + DEATH;
        let mut died = false;
        loop {
            let answer = match wanted.to {
                None => self.cluster.client.submit(&submit, &key).await,
                Some(to) => self.cluster.client.rollback(&wanted.app, &RollbackApp { to: Some(to) }, &key).await,
            };
            match answer {
                Ok(task) => return Ok((task.id, died)),
                // The one that should take it is the one that dies.
                Err(Failure::Unreachable { .. }) if Instant::now() < deadline => {
                    let replica = self.cluster.replica(case.role, 0);
                    if let Some(status) = replica.within(Duration::from_millis(10)).await {
                        check(is_killed(status), || format!("it ended with {status}"))?;
                        replica.restart(&[]).await;
                        died = true;
                    }
                }
                Err(failure) => return Err(format!("not accepted: {failure}")),
            }
        }
    }

    /// Waits until the process is dead, which it must be before the task has ended.
    async fn death(&mut self, case: &Case, task: TaskId) -> Result<(), String> {
        let deadline = Instant::now() + DEATH;
        let client = self.cluster.client.clone();
        while Instant::now() < deadline {
            if let Some(status) = self.cluster.replica(case.role, 0).within(Duration::from_millis(50)).await {
                return check(is_killed(status), || format!("it ended with {status}"));
            }
            // What it does after the task's end it may still do.
            if let Ok(Task { status: Status::Failed, error, .. }) = client.task(task).await {
                return Err(format!("the task failed before: {error:?}"));
            }
        }
        Err("the fail point is never reached".to_owned())
    }

    async fn ended(&self, task: TaskId) -> Result<Task, String> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let seen = self.cluster.client.task(task).await;
            match seen {
                Ok(task) if task.status.is_final() => return Ok(task),
                _ => check(Instant::now() < deadline, || format!("it hangs: {seen:#?}"))?,
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// 1 to n without a gap, and one end.
    async fn events(&self, task: TaskId) -> Result<(), String> {
        let text = self.cluster.raw_events(task, 0).await;
        let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
        let events: Vec<Event> = data.map(|json| serde_json::from_str(json).expect("an event")).collect();
        let gapless = events.iter().zip(1..).all(|(event, seq)| event.seq == seq);
        let ends = events.iter().filter(|event| matches!(event.what, What::Ended { .. })).count();
        let last = matches!(events.last(), Some(Event { what: What::Ended { .. }, .. }));
        check(gapless && ends == 1 && last, || format!("events: {events:#?}"))
    }

    /// A new app's first release was made, and made live, once.
    async fn released_once(&self, app: &AppName, ended: &Task, made: usize) -> Result<(), String> {
        let (name, target) = (app.as_str(), &self.target);
        let release = ended.result.as_ref().expect("it succeeded").release;
        let live = target.live(name);
        check(live == [None, Some(release.hex())], || format!("live were {live:?}, not {release} alone"))?;
        check(target.releases(name) == 1, || format!("{} releases", target.releases(name)))?;
        let previews = target.previews_made() - made;
        check(previews == 1, || format!("{previews} previews were made"))?;
        let statements = target.statements(name);
        let once = statements.len() == 2 && statements.values().all(|count| *count == 1);
        check(once, || format!("statements, and how often each was sent: {statements:#?}"))?;
        check(target.tables(name) == ["notes", "tags"], || format!("tables: {:?}", target.tables(name)))?;
        let status = self.cluster.status(app, Method::GET, "/api/tags").await;
        check(status == 200, || format!("the app answers {status}"))?;
        check(target.count(name, "tags") == "0", || "the app has rows that nobody entered".to_owned())
    }

    /// The app went from one release to the other, once, and kept what was in it.
    async fn returned_once(&mut self, seen: &[Option<String>]) -> Result<(), String> {
        self.releases.swap(0, 1);
        let (name, now) = (self.app.as_str(), self.target.live(self.app.as_str()));
        let expected = [seen, &[Some(self.releases[0].digest.hex())]].concat();
        check(now == expected, || format!("live were {now:?}, not {expected:?}"))?;
        check(self.target.releases(name) == 2, || "a release came or went".to_owned())?;
        check(self.target.statements(name).values().all(|count| *count == 1), || "a statement ran again".to_owned())?;
        check(self.target.tables(name) == ["marks", "notes", "tags"], || "a table came or went".to_owned())?;
        let kept = self.target.count(name, "notes");
        check(kept == "1", || format!("{kept} rows, not 1"))
    }
}

fn is_killed(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::SIGKILL as i32)
}

fn check(holds: bool, failure: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(failure()) }
}
