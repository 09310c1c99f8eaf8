//! The REST API, seen from a client.

use crate::Failure;
use futures::{Stream, StreamExt, stream};
use protocol::{
    AppName, Code, Problem, TaskId,
    event::Event,
    keys::{CreateKey, KeyList, NewKey},
    rest::{AnswerTask, App, AppList, ImportApp, RejectTask, ReleaseList, RollbackApp, SubmitTask, TaskList},
    task::{Status, Task},
};
use reqwest::{Method, RequestBuilder, Response, header};
use runtime::{http::untrusted, model::Tape};
use serde::de::DeserializeOwned;
use sse_stream::SseStream;
use std::time::Duration;

/// An app may take so long to be sent.
const UPLOAD: Duration = Duration::from_secs(120);

/// One Yonin, and the key to it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    origin: String,
    key: String,
}

/// Which tasks to list.
#[derive(Debug, Clone, Default)]
pub struct TaskQuery {
    /// Only this app's.
    pub app: Option<AppName>,
    /// Only those with this status.
    pub status: Option<Status>,
    /// At most this many.
    pub limit: Option<u32>,
    /// From an earlier page's `next_cursor`.
    pub cursor: Option<String>,
}

impl Client {
    /// The API at this origin (`http://host:port` or `https://host`), with this key. HTTPS goes by the authorities that the system
    /// trusts, or those in the file that `SSL_CERT_FILE` names, and by the proxy that the environment names; plain HTTP is for servers
    /// nearby and reads none of that.
    ///
    /// # Errors
    /// [`Code::UntrustedCertificate`] when HTTPS is asked for, and the system trusts nobody.
    pub fn new(origin: &str, key: &str) -> Result<Self, Failure> {
        let mut http = reqwest::Client::builder().connect_timeout(Duration::from_secs(5));
        if !origin.starts_with("https:") {
            http = http.no_proxy().tls_certs_only([]);
        }
        let http = http.build().map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            let detail = "this machine has no certificates of authorities (SSL_CERT_FILE names a file of them)";
            Code::UntrustedCertificate.problem(format!("{detail}: {cause}"))
        })?;
        Ok(Self { http, origin: origin.trim_end_matches('/').to_owned(), key: key.to_owned() })
    }

    /// Hands in a goal. The same key is the same task.
    ///
    /// # Errors
    /// What the API says, or that it does not answer.
    pub async fn submit(&self, submit: &SubmitTask, idempotency_key: &str) -> Result<Task, Failure> {
        let request = self.request(Method::POST, "/v1/tasks").header("Idempotency-Key", idempotency_key);
        self.json(request.json(submit)).await
    }

    /// Takes over an app that exists elsewhere; a task of its own. The same key is the same task.
    ///
    /// # Errors
    /// What the API says, or that it does not answer.
    pub async fn import(&self, app: &AppName, body: &ImportApp, idempotency_key: &str) -> Result<Task, Failure> {
        let request = self.request(Method::POST, &format!("/v1/apps/{app}/import"));
        let request = request.header("Idempotency-Key", idempotency_key).json(body);
        self.json_within(UPLOAD, request).await
    }

    /// A task as it stands.
    ///
    /// # Errors
    /// What the API says, or that it does not answer.
    pub async fn task(&self, id: TaskId) -> Result<Task, Failure> {
        self.json(self.request(Method::GET, &format!("/v1/tasks/{id}"))).await
    }

    /// Tasks, newest first.
    ///
    /// # Errors
    /// What the API says, or that it does not answer.
    pub async fn tasks(&self, query: &TaskQuery) -> Result<TaskList, Failure> {
        let pairs = [
            ("app", query.app.as_ref().map(ToString::to_string)),
            ("status", query.status.map(|status| status.as_str().to_owned())),
            ("limit", query.limit.map(|limit| limit.to_string())),
            ("cursor", query.cursor.clone()),
        ];
        let given: Vec<_> = pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        self.json(self.request(Method::GET, "/v1/tasks").query(&given)).await
    }

    /// Ends a task.
    ///
    /// # Errors
    /// What the API says, or that it does not answer.
    pub async fn cancel(&self, id: TaskId) -> Result<Task, Failure> {
        self.json(self.request(Method::POST, &format!("/v1/tasks/{id}/cancel"))).await
    }

    /// Lets a change go live.
    ///
    /// # Errors
    /// What the API says, or that it does not answer.
    pub async fn approve(&self, id: TaskId) -> Result<Task, Failure> {
        self.json(self.request(Method::POST, &format!("/v1/tasks/{id}/approve"))).await
    }

    /// Answers a task that asks about its goal.
    ///
    /// # Errors
    /// What the API says, or that it does not answer.
    pub async fn answer(&self, id: TaskId, text: String) -> Result<Task, Failure> {
        let request = self.request(Method::POST, &format!("/v1/tasks/{id}/answer"));
        self.json(request.json(&AnswerTask { text })).await
    }

    /// Everything that language models were told and answered in a task.
    ///
    /// # Errors
    /// What the API says, or that it does not answer.
    pub async fn tape(&self, id: TaskId) -> Result<Tape, Failure> {
        self.json(self.request(Method::GET, &format!("/v1/tasks/{id}/tape"))).await
    }

    /// Refuses a change.
    ///
    /// # Errors
    /// What the API says, or that it does not answer.
    pub async fn reject(&self, id: TaskId, reason: Option<String>) -> Result<Task, Failure> {
        let request = self.request(Method::POST, &format!("/v1/tasks/{id}/reject"));
        self.json(request.json(&RejectTask { reason })).await
    }

    /// `plan`, `design`, `changes`, `checks` or `verdict` of the last attempt, or of this one.
    ///
    /// # Errors
    /// What the API says, or that it does not answer.
    pub async fn artifact<T: DeserializeOwned>(
        &self,
        id: TaskId,
        kind: &str,
        attempt: Option<u32>,
    ) -> Result<T, Failure> {
        let request = self.request(Method::GET, &format!("/v1/tasks/{id}/artifacts/{kind}"));
        let given: Vec<_> = attempt.map(|attempt| ("attempt", attempt)).into_iter().collect();
        self.json(request.query(&given)).await
    }

    /// What a task changes, as a unified diff.
    ///
    /// # Errors
    /// What the API says, or that it does not answer.
    pub async fn diff(&self, id: TaskId) -> Result<String, Failure> {
        let response = self.send(self.request(Method::GET, &format!("/v1/tasks/{id}/diff"))).await?;
        response.text().await.map_err(|source| self.unreachable(source))
    }

    /// All apps.
    ///
    /// # Errors
    /// What the API says, or that it does not answer.
    pub async fn apps(&self) -> Result<AppList, Failure> {
        self.json(self.request(Method::GET, "/v1/apps")).await
    }

    /// One app.
    ///
    /// # Errors
    /// What the API says, or that it does not answer.
    pub async fn app(&self, app: &AppName) -> Result<App, Failure> {
        self.json(self.request(Method::GET, &format!("/v1/apps/{app}"))).await
    }

    /// An app's releases, newest first.
    ///
    /// # Errors
    /// What the API says, or that it does not answer.
    pub async fn releases(&self, app: &AppName) -> Result<ReleaseList, Failure> {
        self.json(self.request(Method::GET, &format!("/v1/apps/{app}/releases"))).await
    }

    /// Returns an app to an earlier release; a task of its own.
    ///
    /// # Errors
    /// What the API says, or that it does not answer.
    pub async fn rollback(&self, app: &AppName, body: &RollbackApp, idempotency_key: &str) -> Result<Task, Failure> {
        let request = self.request(Method::POST, &format!("/v1/apps/{app}/rollback"));
        self.json(request.header("Idempotency-Key", idempotency_key).json(body)).await
    }

    /// Makes an API key.
    ///
    /// # Errors
    /// What the API says, or that it does not answer.
    pub async fn create_key(&self, wanted: &CreateKey) -> Result<NewKey, Failure> {
        self.json(self.request(Method::POST, "/v1/keys").json(wanted)).await
    }

    /// All API keys, without the keys themselves.
    ///
    /// # Errors
    /// What the API says, or that it does not answer.
    pub async fn keys(&self) -> Result<KeyList, Failure> {
        self.json(self.request(Method::GET, "/v1/keys")).await
    }

    /// Revokes the key with this id, or every key of this name.
    ///
    /// # Errors
    /// What the API says, or that it does not answer.
    pub async fn revoke_keys(&self, name_or_id: &str) -> Result<KeyList, Failure> {
        let no_url = || Failure::Usage(format!("{} is no URL", self.origin));
        let mut url = reqwest::Url::parse(&format!("{}/v1/keys", self.origin)).map_err(|_| no_url())?;
        // A name in the configuration may have characters that a path must escape.
        url.path_segments_mut().map_err(|()| no_url())?.push(name_or_id);
        self.json(self.http.delete(url).bearer_auth(&self.key)).await
    }

    /// A task's events from the first, until it has ended. Survives lost connections: takes up again after the last event
    /// it saw, so that none is missed or repeated.
    pub fn events(&self, id: TaskId) -> impl Stream<Item = Result<Event, Failure>> + use<> {
        let start = Follow { client: self.clone(), id, seen: 0, open: None, failures: 0 };
        stream::try_unfold(Some(start), |follow| async move {
            let Some(mut follow) = follow else { return Ok(None) };
            let Some(event) = follow.next().await? else { return Ok(None) };
            let over = matches!(event.what, protocol::event::What::Ended { .. });
            Ok(Some((event, (!over).then_some(follow))))
        })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.origin)).bearer_auth(&self.key)
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        self.json_within(Duration::from_secs(30), request).await
    }

    async fn json_within<T: DeserializeOwned>(&self, time: Duration, request: RequestBuilder) -> Result<T, Failure> {
        let response = self.send(request.timeout(time)).await?;
        response.json().await.map_err(|source| self.unreachable(source))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|source| self.unreachable(source))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        match response.json::<Problem>().await {
            Ok(problem) => Err(problem.into()),
            Err(_) => Err(Failure::Usage(format!("{} is no Yonin: it answers {status}", self.origin))),
        }
    }

    fn unreachable(&self, source: reqwest::Error) -> Failure {
        if let Some(why) = untrusted(&source) {
            return Code::UntrustedCertificate.problem(format!("{}: {why}", self.origin)).into();
        }
        let what = if source.is_connect() {
            format!("nothing answers at {}; is `yonin up` running?", self.origin)
        } else {
            format!("{} does not answer as it should", self.origin)
        };
        Failure::Unreachable { what, source: source.without_url() }
    }
}

/// One reader of a task's events.
struct Follow {
    client: Client,
    id: TaskId,
    seen: u64,
    open: Option<stream::BoxStream<'static, Result<sse_stream::Sse, sse_stream::Error>>>,
    failures: u32,
}

impl Follow {
    /// Connections lost in a row, without an event in between, before it gives up.
    const MAX_FAILURES: u32 = 10;

    async fn next(&mut self) -> Result<Option<Event>, Failure> {
        loop {
            let Some(open) = &mut self.open else {
                self.connect().await?;
                continue;
            };
            let Some(Ok(message)) = open.next().await else {
                // The server closes a stream when it stops, and a proxy when it likes to.
                self.open = None;
                self.pause().await;
                continue;
            };
            let Some(data) = message.data else { continue };
            let Ok(event) = serde_json::from_str::<Event>(&data) else {
                let what = format!("{} sends events that this yonin does not know", self.client.origin);
                return Err(Failure::Usage(what));
            };
            self.failures = 0;
            if event.seq > self.seen {
                self.seen = event.seq;
                return Ok(Some(event));
            }
        }
    }

    async fn connect(&mut self) -> Result<(), Failure> {
        let path = format!("/v1/tasks/{}/events", self.id);
        let mut request = self.client.request(Method::GET, &path).header(header::ACCEPT, "text/event-stream");
        if self.seen > 0 {
            request = request.header("Last-Event-ID", self.seen);
        }
        match self.client.send(request).await {
            Ok(response) => {
                self.open = Some(SseStream::from_bytes_stream(response.bytes_stream()).boxed());
                Ok(())
            }
            Err(failure) if self.failures < Self::MAX_FAILURES && may_pass(&failure) => {
                self.pause().await;
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    async fn pause(&mut self) {
        self.failures += 1;
        let millis = 100 * 2_u64.pow(self.failures.min(5));
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}

fn may_pass(failure: &Failure) -> bool {
    match failure {
        Failure::Problem(problem) => problem.code.is_retryable(),
        Failure::Unreachable { .. } => true,
        _ => false,
    }
}
