use crate::{contract::Site, process::Process};
use nix::sys::signal::Signal;
use protocol::{
    AppName, Digest, Problem, TaskId,
    artifact::Verdict,
    rest::{RollbackApp, SubmitTask},
    task::{Approval, Budget, Status, Task},
};
use reqwest::{Method, RequestBuilder, redirect::Policy};
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use yonin::{Failure, client::Client, up::Addresses};

/// A whole Yonin of a test's own: a real `yonin up` process with all its servers, in a directory that goes with it.
///
/// A test that leaves a process behind fails when its world ends.
pub struct World {
    /// Where everything answers.
    pub at: Addresses,
    /// The REST API.
    pub client: Client,
    http: reqwest::Client,
    process: Process,
}

impl World {
    /// A fresh one.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("yonin-test-").tempdir().expect("a directory");
        Self::start_in(dir)
    }

    /// Kills the process as a power cut would, and starts another on what it left behind.
    #[must_use]
    pub fn crash_and_restart(self) -> Self {
        Self::start_in(self.process.crash())
    }

    /// Stops it as Ctrl-C would, and starts another on what it left behind.
    #[must_use]
    pub fn stop_and_restart(mut self) -> Self {
        self.process.stop(Signal::SIGINT);
        Self::start_in(self.process.take_dir())
    }

    /// Where it keeps everything.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.process.data_dir()
    }

    /// Sends a signal to one of its servers: `mariadbd`, `redis-server`, `nginx`.
    pub fn signal(&self, server: &str, signal: Signal) {
        self.process.signal(server, signal);
    }

    /// An app's name that no other test uses.
    #[must_use]
    pub fn fresh_app(&self) -> AppName {
        let id = TaskId::fresh().to_string().replace('-', "");
        format!("t{}", &id[12..]).parse().expect("letters and digits")
    }

    /// A site of this world, by its app.
    #[must_use]
    pub fn site(&self, app: &AppName) -> Site {
        Site::new(&self.at.web, &format!("{app}.localhost"))
    }

    /// A request to the REST API, with the key.
    pub fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.at.api)).bearer_auth(&self.at.key)
    }

    /// The status of a page by its whole address. Browsers know what `*.localhost` is; not every resolver does, so the name
    /// goes into the `Host` header.
    ///
    /// # Panics
    /// When the address is not one of this world, or Nginx does not answer.
    pub async fn open(&self, url: &str) -> u16 {
        let host = url.strip_prefix("http://").and_then(|rest| rest.split('/').next()).expect("a web address");
        let port = self.at.web.rsplit(':').next().expect("a port");
        assert!(host.ends_with(&format!(":{port}")), "{url} is not behind {}", self.at.web);
        let request = self.http.get(&self.at.web).header("host", host);
        request.send().await.expect("Nginx answers").status().as_u16()
    }

    /// A request to an app, through Nginx.
    pub fn app(&self, app: &AppName, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.at.web)).header("host", format!("{app}.localhost"))
    }

    /// What an app answers to a GET.
    ///
    /// # Panics
    /// When it is not 200 and JSON.
    pub async fn get(&self, app: &AppName, path: &str) -> Value {
        json(self.app(app, Method::GET, path), 200).await
    }

    /// What an app answers to a POST that makes a row.
    ///
    /// # Panics
    /// When it is not 201 and JSON.
    pub async fn post(&self, app: &AppName, path: &str, row: &Value) -> Value {
        json(self.app(app, Method::POST, path).json(row), 201).await
    }

    /// The status that an app answers with.
    ///
    /// # Panics
    /// When Nginx does not answer.
    pub async fn status(&self, app: &AppName, method: Method, path: &str) -> u16 {
        self.app(app, method, path).send().await.expect("an answer").status().as_u16()
    }

    /// The rest of a task's event stream as it goes over the wire, for a client that has seen this many.
    ///
    /// # Panics
    /// When the stream breaks.
    pub async fn raw_events(&self, id: TaskId, seen: usize) -> String {
        let request = self.api(Method::GET, &format!("/v1/tasks/{id}/events"));
        let response = request.header("Last-Event-ID", seen).send().await.expect("an answer");
        response.text().await.expect("the stream ends after the last event")
    }

    /// Returns an app to an earlier release; the task once it has ended.
    ///
    /// # Panics
    /// When it is refused at once.
    pub async fn rollback(&self, app: &AppName, to: Option<Digest>) -> Task {
        let task = self.client.rollback(app, &RollbackApp { to }, &TaskId::fresh().to_string()).await;
        self.finished(task.expect("accepted").id).await
    }

    /// Why an app can't be returned to the release before: at once, or as the end of the task.
    ///
    /// # Panics
    /// When it can.
    pub async fn rollback_refused(&self, app: &AppName) -> Problem {
        match self.client.rollback(app, &RollbackApp::default(), &TaskId::fresh().to_string()).await {
            Ok(task) => self.finished(task.id).await.error.expect("it fails"),
            Err(Failure::Problem(problem)) => problem,
            Err(other) => panic!("{other}"),
        }
    }

    /// A task for this goal.
    #[must_use]
    pub fn goal<'a>(&'a self, app: &AppName, goal: &str) -> Goal<'a> {
        let submit = SubmitTask {
            goal: goal.to_owned(),
            app: app.clone(),
            approval: Approval::default(),
            budget: Budget::default(),
            labels: [].into(),
        };
        Goal { world: self, submit }
    }

    /// A task, once it has ended.
    ///
    /// # Panics
    /// When it has not after three minutes.
    pub async fn finished(&self, id: TaskId) -> Task {
        self.when(id, |task| task.status.is_final()).await
    }

    /// A task, once this holds.
    ///
    /// # Panics
    /// When it does not after three minutes, or the task ends without.
    pub async fn when(&self, id: TaskId, holds: impl Fn(&Task) -> bool) -> Task {
        let deadline = Instant::now() + Duration::from_secs(180);
        loop {
            let task = self.client.task(id).await.expect("the task is there");
            if holds(&task) {
                return task;
            }
            assert!(!task.status.is_final(), "it ended without: {task:#?}");
            assert!(Instant::now() < deadline, "it hangs: {task:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the Tester saw in the task's last attempt.
    ///
    /// # Panics
    /// When there is no verdict.
    pub async fn verdict(&self, id: TaskId) -> Verdict {
        self.client.artifact(id, "verdict", None).await.expect("a verdict")
    }

    /// What it logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    fn start_in(dir: TempDir) -> Self {
        let mut process = Process::up(dir);
        let line = process.first_line();
        let at: Addresses =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("not ready ({error}): {line}{}", process.log()));
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().expect("a client");
        Self { client: Client::new(&at.api, &at.key), at, http, process }
    }
}

async fn json(request: RequestBuilder, status: u16) -> Value {
    let response = request.send().await.expect("an answer");
    let got = response.status().as_u16();
    let text = response.text().await.expect("a body");
    assert_eq!(got, status, "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("not JSON ({error}): {text}"))
}

/// A goal, about to be submitted.
pub struct Goal<'a> {
    world: &'a World,
    submit: SubmitTask,
}

impl Goal<'_> {
    /// When a person is asked.
    #[must_use]
    pub fn approval(mut self, approval: Approval) -> Self {
        self.submit.approval = approval;
        self
    }

    /// Rounds of build and verify.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.submit.budget.attempts = attempts;
        self
    }

    /// Hands it in.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn submit(self) -> Result<Task, Problem> {
        match self.world.client.submit(&self.submit, &TaskId::fresh().to_string()).await {
            Ok(task) => Ok(task),
            Err(Failure::Problem(problem)) => Err(problem),
            Err(other) => panic!("{other}"),
        }
    }

    /// Hands it in and waits for its end.
    pub async fn run(self) -> Task {
        let world = self.world;
        let task = self.submit().await.expect("it was accepted");
        world.finished(task.id).await
    }

    /// Hands it in, and it succeeds.
    pub async fn succeed(self) -> Task {
        let task = self.run().await;
        assert_eq!(task.status, Status::Succeeded, "{task:#?}");
        task
    }

    /// Hands it in, and it fails with this problem.
    pub async fn fail(self) -> Problem {
        let task = self.run().await;
        assert_eq!(task.status, Status::Failed, "{task:#?}");
        task.error.expect("a failed task says why")
    }
}
