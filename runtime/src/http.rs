//! HTTP at the edge: problems as answers, bodies that explain what is wrong with them, the caller as an extractor.

pub use crate::decode::value as read_json;

use crate::{Principal, decode};
use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::LengthLimitError;
use protocol::{Code, Problem};
use serde::de::{DeserializeOwned, IgnoredAny};
use std::{error::Error, time::Duration};

/// Seconds after which a caller who was told 429 or 503 should come back.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// How long a body may take to arrive. The largest, 64 MiB, then comes at 1 MiB/s.
const SLOWEST_BODY: Duration = Duration::from_secs(60);

/// An error as a handler returns it: `application/problem+json` with the problem's status. 429 and 503 carry
/// `Retry-After`; the service's guard adds a challenge to 401.
#[derive(Debug)]
pub struct Failure(pub Problem);

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).expect("a problem is JSON");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

/// What is wrong with the certificate of a server that was to be reached over HTTPS, if that is why it was not.
#[must_use]
pub fn untrusted(error: &(dyn Error + 'static)) -> Option<String> {
    // The error's own type is the TLS library's, several layers down; these are its words for every certificate it does not take.
    let causes = std::iter::successors(Some(error), |error| (*error).source()).map(ToString::to_string);
    causes.into_iter().find(|cause| cause.starts_with("invalid peer certificate"))
}

/// A JSON body. Wrong content type, broken JSON and wrong values each get their own code.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Failure> {
        if !is_json(request.headers()) {
            let detail = "send the body as `Content-Type: application/json`";
            return Err(Failure(Code::UnsupportedMediaType.problem(detail)));
        }
        let limit = BodyLimit::of(request.extensions());
        let body = read(request.into_body(), limit).await?;
        Ok(Self(object(&body)?))
    }
}

/// JSON as a `T`. Serde would also fill a struct from an array, in order: nobody means that.
fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if body.trim_ascii_start().starts_with(b"[") {
        decode::text::<IgnoredAny>(body)?;
        return Err(Code::BadRequest.problem("the body is a JSON object"));
    }
    decode::text(body)
}

/// The most bytes that this request's body may have; the service's middleware has put it there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimit(pub(crate) usize);

impl BodyLimit {
    /// What people may send, and everybody else where nothing is said.
    pub(crate) const PEOPLE: Self = Self(1024 * 1024);

    pub(crate) fn of(extensions: &http::Extensions) -> Self {
        extensions.get().copied().unwrap_or(Self::PEOPLE)
    }

    pub(crate) fn problem(self) -> Problem {
        Code::BodyTooLarge.problem(format!("a body has at most {} bytes here", self.0))
    }
}

/// All of a body, if it is not larger than it may be and does not take too long.
pub(crate) async fn read(body: Body, limit: BodyLimit) -> Result<Bytes, Problem> {
    read_within(SLOWEST_BODY, body, limit).await
}

async fn read_within(time: Duration, body: Body, limit: BodyLimit) -> Result<Bytes, Problem> {
    match tokio::time::timeout(time, axum::body::to_bytes(body, limit.0)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if error.source().is_some_and(|cause| cause.is::<LengthLimitError>()) => Err(limit.problem()),
        Ok(Err(_)) => Err(Code::BadJson.problem("the body did not arrive completely")),
        Err(_) => Err(Code::BadJson.problem(format!("the body did not arrive within {} s", time.as_secs()))),
    }
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// What the service's middleware found out about the caller.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Result<Principal, Problem>);

impl Caller {
    pub(crate) fn of(extensions: &http::Extensions) -> Result<Principal, Problem> {
        match extensions.get::<Self>() {
            Some(Self(caller)) => caller.clone(),
            None => Err(Code::Unauthorized.problem("nobody looked at the key")),
        }
    }
}

/// The authenticated caller; the service's middleware has put it there. Routes that use it answer 401 without a key.
impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        Ok(Caller::of(&parts.extensions)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{StreamExt as _, stream};

    #[tokio::test]
    async fn a_body_that_never_ends_is_not_waited_for() {
        let begun = stream::iter([Ok::<_, std::io::Error>("{")]).chain(stream::pending());
        let read = read_within(Duration::from_millis(10), Body::from_stream(begun), BodyLimit::PEOPLE);
        assert_eq!(read.await.expect_err("too slow").code, Code::BadJson);
    }
}
