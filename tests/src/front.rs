use crate::{contract::Site, process::Process, stream::Streams};
use protocol::{
    AppName, Digest, Problem, TaskId,
    artifact::Verdict,
    rest::{RollbackApp, SubmitTask},
    task::{Approval, Budget, Status, Task},
};
use reqwest::{Method, RequestBuilder, redirect::Policy};
use serde_json::Value;
use std::time::{Duration, Instant};
use yonin::{Failure, client::Client};

/// A running Yonin as people see it: its REST API, and the apps behind its Nginx.
pub struct Front {
    /// The REST API.
    pub client: Client,
    http: reqwest::Client,
    origin: String,
    web: String,
    key: String,
}

impl Front {
    /// The one whose REST API is at `origin`, whose Nginx is at `web`, and which knows this key.
    ///
    /// # Panics
    /// When there can be no client.
    #[must_use]
    pub fn new(origin: &str, web: &str, key: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().expect("a client");
        let (origin, web, key) = (origin.to_owned(), web.to_owned(), key.to_owned());
        Self { client: Client::new(&origin, &key).expect("plain HTTP needs nothing"), http, origin, web, key }
    }

    /// An app's name that no other test uses.
    #[must_use]
    pub fn fresh_app(&self) -> AppName {
        let id = TaskId::fresh().to_string().replace('-', "");
        format!("t{}", &id[12..]).parse().expect("letters and digits")
    }

    /// An app's site.
    #[must_use]
    pub fn site(&self, app: &AppName) -> Site {
        Site::new(&self.web, &format!("{app}.localhost"))
    }

    /// A request to the REST API, with the key.
    pub fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.origin)).bearer_auth(&self.key)
    }

    /// The status of a page by its whole address. Browsers know what `*.localhost` is; not every resolver does, so the name
    /// goes into the `Host` header.
    ///
    /// # Panics
    /// When the address is not one of these, or Nginx does not answer.
    pub async fn open(&self, url: &str) -> u16 {
        let host = url.strip_prefix("http://").and_then(|rest| rest.split('/').next()).expect("a web address");
        let port = self.web.rsplit(':').next().expect("a port");
        assert!(host.ends_with(&format!(":{port}")), "{url} is not behind {}", self.web);
        let request = self.http.get(&self.web).header("host", host);
        request.send().await.expect("Nginx answers").status().as_u16()
    }

    /// A request to an app, through Nginx.
    pub fn app(&self, app: &AppName, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.web)).header("host", format!("{app}.localhost"))
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

    /// The REST API of one process, past what stands before all of them.
    #[must_use]
    pub fn client_of(&self, origin: &str) -> Client {
        Client::new(origin, &self.key).expect("plain HTTP needs nothing")
    }

    /// The command line with these arguments, told which Yonin to talk to.
    #[must_use]
    pub fn yonin(&self, arguments: &[&str]) -> Process {
        Process::yonin(&[&["--url", &self.origin, "--key", &self.key], arguments].concat())
    }

    /// Where Nginx answers.
    #[must_use]
    pub fn web(&self) -> &str {
        &self.web
    }

    /// Where event streams are opened.
    #[must_use]
    pub fn streams(&self) -> Streams {
        // With connections of their own, so that each is given to the next process in turn.
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("a client");
        Streams { http, origin: self.origin.clone(), key: self.key.clone() }
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
        Goal { front: self, submit }
    }

    /// A task, once it has ended.
    ///
    /// # Panics
    /// When it has not after three minutes.
    pub async fn finished(&self, id: TaskId) -> Task {
        self.when(id, |task| task.status.is_final()).await
    }

    /// A task, once this holds. A Planner that does not answer is asked again: tests kill them.
    ///
    /// # Panics
    /// When it does not after three minutes, or the task ends without.
    pub async fn when(&self, id: TaskId, holds: impl Fn(&Task) -> bool) -> Task {
        let deadline = Instant::now() + Duration::from_secs(180);
        loop {
            let seen = self.client.task(id).await;
            match &seen {
                Ok(task) if holds(task) => return seen.expect("as seen"),
                Ok(task) => assert!(!task.status.is_final(), "it ended without: {task:#?}"),
                Err(Failure::Unreachable { .. }) => {}
                Err(other) => panic!("the task is not there: {other}"),
            }
            assert!(Instant::now() < deadline, "it hangs: {seen:#?}");
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
    front: &'a Front,
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
        match self.front.client.submit(&self.submit, &TaskId::fresh().to_string()).await {
            Ok(task) => Ok(task),
            Err(Failure::Problem(problem)) => Err(problem),
            Err(other) => panic!("{other}"),
        }
    }

    /// Hands it in and waits for its end.
    pub async fn run(self) -> Task {
        let front = self.front;
        let task = self.submit().await.expect("it was accepted");
        front.finished(task.id).await
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
