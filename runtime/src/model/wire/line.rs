use super::{
    answer::{Heard, reply},
    failure::Failure,
    request,
};
use crate::{
    Credential,
    model::{
        ModelConfig, ModelSpec, Question,
        limits::{Limits, Most, Permit},
        spec::Provider,
    },
};
use futures::StreamExt as _;
use genai::{
    Client, Headers, ModelIden, ServiceTarget,
    adapter::AdapterKind,
    chat::{ChatStreamEvent, StreamEnd},
    resolver::{AuthData, Endpoint},
};
use http::header::AUTHORIZATION;
use protocol::{Code, Problem, chat::Reply};
use reqwest::redirect::Policy;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::time::timeout;

const CONNECT: Duration = Duration::from_secs(10);

/// Whatever keeps coming, no call takes longer.
const LONGEST_CALL: Duration = Duration::from_secs(30 * 60);

/// The way to one model.
#[derive(Debug)]
pub(super) struct Line {
    spec: ModelSpec,
    key: Option<Credential>,
    client: Client,
    pub(super) limits: Limits,
    first_byte: Duration,
    idle: Duration,
    /// It has refused a call because of the form that the answer was to have. The instructions say it, too.
    formless: AtomicBool,
}

impl Line {
    /// # Errors
    /// [`Code::BadConfiguration`] when this machine can't speak HTTPS.
    pub(super) fn new(spec: &ModelSpec, config: &ModelConfig) -> Result<Self, Problem> {
        let most = Most { calls: config.calls, tokens_per_minute: config.tokens_per_minute };
        Ok(Self {
            key: config.key(spec.provider, spec.url.is_none()).cloned(),
            client: client(origin(spec))?,
            limits: Limits::of(&format!("{} {}", spec.provider.as_str(), origin(spec)), most),
            first_byte: config.first_byte,
            idle: config.idle,
            formless: AtomicBool::new(false),
            spec: spec.clone(),
        })
    }

    /// As the setting names it.
    pub(super) fn name(&self) -> String {
        self.spec.to_string()
    }

    /// Asks, and listens to the end. `sent` is about how many tokens the question has.
    pub(super) async fn ask(&self, question: &Question<'_>, sent: u64, mut permit: Permit) -> Result<Reply, Failure> {
        let formless = self.formless.load(Ordering::Relaxed);
        let mut asked = self.call(question, formless, sent).await;
        if question.form.is_some() && !formless && asked.as_ref().is_err_and(Failure::is_of_the_request) {
            asked = self.call(question, true, sent).await;
            self.formless.store(asked.is_ok(), Ordering::Relaxed);
        }
        permit.took(asked.as_ref().map_or_else(|failure| failure.tokens.total(), |reply| reply.tokens.total()));
        if let Err(Failure { again: Some(pause), .. }) = &asked {
            self.limits.close(*pause);
        }
        asked
    }

    async fn call(&self, question: &Question<'_>, formless: bool, sent: u64) -> Result<Reply, Failure> {
        let mut heard = Heard::default();
        let listened = timeout(LONGEST_CALL, self.listen(question, formless, &mut heard)).await;
        match listened.unwrap_or_else(|_| Err(Failure::late(LONGEST_CALL))) {
            Ok(end) => Ok(reply(heard, end, question, sent)),
            Err(failure) => Err(failure.having(&heard, question, sent).without(self.key.as_ref())),
        }
    }

    async fn listen(&self, question: &Question<'_>, formless: bool, heard: &mut Heard) -> Result<StreamEnd, Failure> {
        let (chat, options) = (request::chat(question, &self.spec), request::options(question, &self.spec, formless));
        let asked = self.client.exec_chat_stream(self.target(), chat, Some(&options)).await;
        let mut stream = asked.map_err(|error| Failure::unasked(&error))?.stream;
        let mut patience = self.first_byte;
        loop {
            let Ok(event) = timeout(patience, stream.next()).await else { return Err(Failure::late(patience)) };
            match event.transpose().map_err(Failure::of)? {
                // Said before anything is sent.
                Some(ChatStreamEvent::Start) => continue,
                // What Ollama has not ended is given an end all the same, and no figures.
                Some(ChatStreamEvent::End(end))
                    if self.spec.provider != Provider::Ollama || end.captured_usage.is_some() =>
                {
                    return Ok(end);
                }
                Some(ChatStreamEvent::End(_)) | None => return Err(Failure::cut()),
                Some(event) => heard.take(event),
            }
            if heard.is_too_much() {
                return Err(Failure::too_much());
            }
            patience = self.idle;
        }
    }

    /// Where a call goes, and what proves whose it is. All of it is said here: the library would look for keys in the environment, and
    /// guess the provider from the model's name.
    fn target(&self) -> ServiceTarget {
        let (kind, path) = match self.spec.provider {
            Provider::OpenAi => (AdapterKind::OpenAI, "/chat/completions"),
            Provider::Responses => (AdapterKind::OpenAIResp, "/responses"),
            Provider::Anthropic => (AdapterKind::Anthropic, "/messages"),
            Provider::Ollama => (AdapterKind::Ollama, "/api/chat"),
        };
        let mut headers = Vec::new();
        if self.spec.provider == Provider::Anthropic {
            headers.push(("anthropic-version".to_owned(), "2023-06-01".to_owned()));
            headers.extend(self.key.iter().map(|key| ("x-api-key".to_owned(), key.reveal().to_owned())));
        } else {
            let bearer = |key: &Credential| (AUTHORIZATION.to_string(), format!("Bearer {}", key.reveal()));
            headers.extend(self.key.iter().map(bearer));
        }
        // The library takes a last word such as `-high` for an effort: it gets an empty one to read. The name that is sent is among the
        // options; in its words to Ollama there is no such thing.
        let name = match self.spec.provider {
            Provider::Ollama => self.spec.model.clone(),
            _ => format!("{}-", self.spec.model),
        };
        let url = format!("{}{path}", origin(&self.spec));
        ServiceTarget {
            endpoint: Endpoint::from_owned(format!("{}/", origin(&self.spec))),
            auth: AuthData::RequestOverride { url, headers: Headers::from(headers) },
            model: ModelIden::new(kind, name),
        }
    }
}

/// The address up to the path of a call.
fn origin(spec: &ModelSpec) -> &str {
    spec.url.as_deref().unwrap_or(match spec.provider {
        Provider::OpenAi | Provider::Responses => "https://api.openai.com/v1",
        Provider::Anthropic => "https://api.anthropic.com/v1",
        Provider::Ollama => "http://127.0.0.1:11434",
    })
}

/// A redirect could carry a key to somebody else, so none is followed. Plain HTTP is for servers nearby: they are reached directly,
/// whatever proxy the environment names, and need no list of authorities, which a container may not have.
fn client(origin: &str) -> Result<Client, Problem> {
    let mut http = reqwest::Client::builder().redirect(Policy::none()).connect_timeout(CONNECT).tcp_nodelay(true);
    if !origin.starts_with("https:") {
        http = http.no_proxy().tls_certs_only([]);
    }
    let http = http.build().map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "No HTTPS can be spoken");
        let detail = "this machine can't speak HTTPS: it has no certificates of authorities (SSL_CERT_FILE names a file of them)";
        Code::BadConfiguration.problem(detail)
    })?;
    Client::builder().with_reqwest(http).build().map_err(|error| Code::BadConfiguration.problem(error.to_string()))
}
