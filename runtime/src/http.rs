//! HTTP at the edge: problems as answers, bodies that explain what is wrong with them, the caller as an extractor.

use crate::Principal;
use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use protocol::Problem;
use serde::de::DeserializeOwned;

/// An error as a handler returns it: `application/problem+json` with the problem's status. 401 carries a challenge, 429 and
/// 503 `Retry-After`.
#[derive(Debug)]
pub struct Failure(pub Problem);

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        todo!()
    }
}

/// A JSON body. Wrong content type, broken JSON and wrong values each get their own code.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Failure;

    async fn from_request(_request: Request, _state: &S) -> Result<Self, Failure> {
        todo!()
    }
}

/// The authenticated caller; the service's middleware has put it there. Routes that use it answer 401 without a key.
impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = Failure;

    async fn from_request_parts(_parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        todo!()
    }
}
