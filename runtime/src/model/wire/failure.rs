//! What it means that a model did not answer.

use super::answer::Heard;
use crate::{Credential, http::untrusted, model::Question};
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use protocol::{Code, chat::Tokens};
use serde_json::Value;
use std::{error::Error as _, time::Duration};

/// No provider is waited for longer than this before it is asked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// So many characters of what a provider says of its trouble are told on.
const LONGEST_WORDS: usize = 300;

/// A call that was not answered.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: Code,
    /// In words, for a problem's detail.
    pub(super) what: String,
    /// Asking again may go better, not before this time is over; zero for when the caller thinks fit.
    pub(super) again: Option<Duration>,
    /// What it took.
    pub(super) tokens: Tokens,
    status: Option<StatusCode>,
    /// Somebody got the question, and may have begun to work on it.
    heard: bool,
}

impl Failure {
    /// The library's error.
    pub(super) fn of(error: genai::Error) -> Self {
        match error {
            genai::Error::HttpError { status, body, headers, .. } => Self::status(status, &headers, &body),
            genai::Error::WebStream { error, .. } => match error.downcast::<genai::Error>() {
                Ok(inner) => Self::of(*inner),
                Err(error) => Self::transport(error),
            },
            genai::Error::ChatResponse { body, .. } => Self::broken(format!("said in mid-answer: {}", words(&body))),
            _ => Self::broken("the answer is not in the provider's format".to_owned()),
        }
    }

    /// Nothing was sent.
    pub(super) fn unasked(error: &genai::Error) -> Self {
        // The library's words may hold the request.
        tracing::error!(model.error = error_kind(error), "A question can't be put into a provider's format");
        Self { code: Code::Internal, again: None, heard: false, ..Self::broken("the question can't be put".to_owned()) }
    }

    /// It took too long to begin, or to go on.
    pub(super) fn late(patience: Duration) -> Self {
        Self::broken(format!("nothing came for {} s", patience.as_secs_f64()))
    }

    /// The answer has no end.
    pub(super) fn cut() -> Self {
        Self::broken("the answer broke off".to_owned())
    }

    pub(super) fn too_much() -> Self {
        Self { code: Code::ModelUnusable, again: None, ..Self::broken("the answer is longer than 4 MiB".to_owned()) }
    }

    /// It was not called: too much is under way, or it wants to be left alone.
    pub(super) fn busy(pause: Duration) -> Self {
        Self { again: Some(pause), heard: false, ..Self::broken("it can't be called just now".to_owned()) }
    }

    /// There is no model to ask.
    pub(super) fn nobody() -> Self {
        Self { again: None, heard: false, ..Self::broken("no model is set".to_owned()) }
    }

    /// Whether the request is what the provider did not like.
    pub(super) fn is_of_the_request(&self) -> bool {
        matches!(self.status, Some(StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY))
    }

    /// With what it took, after so much was heard: a question that was read is paid for.
    pub(super) fn having(mut self, heard: &Heard, question: &Question<'_>, sent: u64) -> Self {
        if self.heard {
            self.tokens = Tokens { input: sent, output: heard.tokens(question.longest), micro_usd: None };
        }
        self
    }

    /// Without this secret in its words, which are then cut to length.
    pub(super) fn without(mut self, key: Option<&Credential>) -> Self {
        if let Some(key) = key.filter(|key| !key.reveal().is_empty()) {
            self.what = self.what.replace(key.reveal(), "(key)");
        }
        if let Some((end, _)) = self.what.char_indices().nth(LONGEST_WORDS) {
            self.what.truncate(end);
            self.what.push('…');
        }
        self
    }

    fn status(status: StatusCode, headers: &HeaderMap, body: &str) -> Self {
        let passes = status.is_server_error()
            || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY);
        let body = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
        Self {
            again: passes.then(|| retry_after(headers, Utc::now()).unwrap_or_default().min(LONGEST_PAUSE)),
            status: Some(status),
            heard: false,
            ..Self::broken(format!("answered {}: {}", status.as_u16(), words(&body)))
        }
    }

    fn transport(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        let error = match error.downcast::<reqwest::Error>() {
            // The address may hold what is nobody's business.
            Ok(error) => error.without_url(),
            Err(error) => return Self::broken(error.to_string()),
        };
        let mut what = error.to_string();
        let mut cause = error.source();
        while let Some(next) = cause {
            what = format!("{what}: {next}");
            cause = next.source();
        }
        if let Some(why) = untrusted(&error) {
            // Somebody else may be answering there, and goes on doing so: nothing is gained by asking again.
            return Self { code: Code::UntrustedCertificate, again: None, heard: false, ..Self::broken(why) };
        }
        Self { heard: !error.is_connect() && !error.is_builder(), ..Self::broken(what) }
    }

    fn broken(what: String) -> Self {
        Self {
            code: Code::ModelUnavailable,
            what,
            again: Some(Duration::ZERO),
            tokens: Tokens::default(),
            status: None,
            heard: true,
        }
    }
}

/// What a provider says of its trouble, wherever it puts that; on one line.
fn words(body: &Value) -> String {
    let message = ["/error/message", "/message", "/error"].iter().find_map(|place| body.pointer(place)?.as_str());
    let text = message.or_else(|| body.as_str()).map_or_else(|| body.to_string(), str::to_owned);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How long a provider wants to be left alone: in milliseconds, in seconds, or until a date.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number = |text: &str, unit: f64| Duration::try_from_secs_f64(text.parse::<f64>().ok()? * unit).ok();
    if let Some(pause) = text("retry-after-ms").and_then(|text| number(text, 0.001)) {
        return Some(pause);
    }
    let text = text(RETRY_AFTER.as_str())?;
    number(text, 1.0).or_else(|| {
        let until = DateTime::parse_from_rfc2822(text).ok()?;
        Some((until.to_utc() - now).to_std().unwrap_or_default())
    })
}

fn error_kind(error: &genai::Error) -> &'static str {
    match error {
        genai::Error::Resolver { .. } => "resolver",
        genai::Error::AdapterNotSupported { .. } => "not supported",
        genai::Error::JsonValueExt(_) | genai::Error::SerdeJson(_) => "json",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use serde_json::json;

    #[test]
    fn a_pause_is_read_however_it_is_written() {
        let now = "2026-11-28T10:00:00Z".parse().expect("a date");
        for (name, value, seconds) in [
            ("retry-after", "20", Some(20.0)),
            ("retry-after", "1.5", Some(1.5)),
            ("retry-after", "Sat, 28 Nov 2026 10:00:30 GMT", Some(30.0)),
            ("retry-after", "Sat, 28 Nov 2026 09:00:00 GMT", Some(0.0)),
            ("retry-after-ms", "250", Some(0.25)),
            ("retry-after", "soon", None),
            ("retry-after", "-1", None),
            ("x-other", "7", None),
        ] {
            let headers =
                HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_static(value))]);
            assert_eq!(retry_after(&headers, now).map(|pause| pause.as_secs_f64()), seconds, "{name}: {value}");
        }
    }

    #[test]
    fn a_status_says_whether_asking_again_may_go_better() {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("7200"))]);
        let again = |status, headers: &HeaderMap| Failure::status(status, headers, "").again;
        assert_eq!(again(StatusCode::TOO_MANY_REQUESTS, &headers), Some(LONGEST_PAUSE));
        for status in [429, 500, 502, 503, 529] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(again(status, &HeaderMap::new()), Some(Duration::ZERO), "{status}");
        }
        for status in [302, 400, 401, 403, 404, 413, 422] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(again(status, &headers), None, "{status}");
        }
    }

    #[test]
    fn a_providers_words_are_told_on_short_and_without_the_key() {
        let body =
            json!({"error": {"message": format!("Wrong key\n sk-secret: {}", "x".repeat(1_000)), "type": "auth"}});
        let failure = Failure::status(StatusCode::UNAUTHORIZED, &HeaderMap::new(), &body.to_string());
        let failure = failure.without(Some(&Credential::new("sk-secret")));
        assert!(failure.what.starts_with("answered 401: Wrong key (key): xxx"), "{}", failure.what);
        assert_eq!(failure.what.chars().count(), LONGEST_WORDS + 1);
        let page = Failure::status(StatusCode::BAD_GATEWAY, &HeaderMap::new(), "<html>Bad gateway</html>");
        assert_eq!(page.what, "answered 502: <html>Bad gateway</html>");
    }
}
