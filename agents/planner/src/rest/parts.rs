//! Parts of a request, each with a problem of its own when it is wrong.

use axum::{
    body::HttpBody as _,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::request::Parts,
};
use protocol::{AppName, Code, Problem, TaskId};
use runtime::http::{Failure, JsonBody};
use serde::de::DeserializeOwned;

/// The task's id in the path. What is no id names no task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Id(pub(super) TaskId);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let text = first(parts, state).await?;
        Ok(Self(text.parse().map_err(|_| Code::NotFound.problem(format!("there is no task {text:?}")))?))
    }
}

/// The app's name in the path.
#[derive(Debug, Clone)]
pub(super) struct Name(pub(super) AppName);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let text = first(parts, state).await?;
        let name = text.parse().map_err(|error: protocol::id::BadName| Code::BadAppName.problem(error.to_string()))?;
        Ok(Self(name))
    }
}

/// The first variable of the path.
async fn first<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<String, Problem> {
    let path = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
    let Path(variables) = path.map_err(|error| Code::NotFound.problem(error.body_text()))?;
    let first = variables.into_iter().next();
    first.map(|(_, value)| value).ok_or_else(|| Code::NotFound.problem("the path names nothing"))
}

/// The query string.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        let query = Query::try_from_uri(&parts.uri);
        let Query(asked) = query.map_err(|error| {
            // The cause names the parameter; the error around it says that this is a query string.
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            Code::BadRequest.problem(cause.unwrap_or_else(|| error.body_text()))
        })?;
        Ok(Self(asked))
    }
}

/// The header `Idempotency-Key`: 1 to 200 visible ASCII characters.
#[derive(Debug, Clone)]
pub(super) struct Key(pub(super) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let key = value
            .to_str()
            .ok()
            .filter(|key| (1..=200).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()));
        match key {
            Some(key) => Ok(Self(Some(key.to_owned()))),
            None => Err(Code::BadRequest.problem("Idempotency-Key has 1 to 200 visible ASCII characters").into()),
        }
    }
}

/// A JSON body that may be left out, or be null: then it is the default.
#[derive(Debug)]
pub(super) struct MaybeBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for MaybeBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        if request.body().is_end_stream() {
            return Ok(Self(T::default()));
        }
        let JsonBody(body) = JsonBody::<Option<T>>::from_request(request, state).await?;
        Ok(Self(body.unwrap_or_default()))
    }
}
