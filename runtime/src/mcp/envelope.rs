//! Whether a body is one message of JSON-RPC. `rmcp` says of all that it can't read that it knows no such media type, in words; clients
//! expect an error with a code.

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::json;
use std::{borrow::Cow, fmt};

const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;

/// Looks at a body.
///
/// # Errors
/// The answer to one that is no message: 400, with the error that JSON-RPC has for it. Whose id it was is not known.
pub(crate) fn check(body: &[u8]) -> Result<(), Box<Response>> {
    let Err(error) = serde_json::from_slice::<Envelope>(body).and_then(Envelope::with_a_subject) else { return Ok(()) };
    let (code, message) = match error.is_data() {
        true => (INVALID_REQUEST, format!("not a message of JSON-RPC 2.0: {error}")),
        false => (PARSE_ERROR, format!("not JSON: {error}")),
    };
    Err(Box::new(refusal(code, &message)))
}

/// The answer to a message that has the right form, and something in it that can't be read: nesting without end, half a character.
pub(crate) fn unreadable() -> Response {
    refusal(PARSE_ERROR, "not JSON that can be read: something in it is nested too deeply, or is no text")
}

fn refusal(code: i32, message: &str) -> Response {
    let answer = json!({"jsonrpc": "2.0", "id": null, "error": {"code": code, "message": message}});
    (StatusCode::BAD_REQUEST, Json(answer)).into_response()
}

/// What every message has around what it is about. Batches are no messages any more.
#[derive(Deserialize)]
#[expect(dead_code, reason = "it is enough that they are there")]
struct Envelope<'a> {
    #[serde(borrow, deserialize_with = "two_point_zero")]
    jsonrpc: Cow<'a, str>,
    #[serde(default)]
    id: Option<Id>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(default)]
    params: Option<Object>,
    #[serde(default)]
    result: Option<Object>,
    #[serde(default)]
    error: Option<Object>,
}

impl Envelope<'_> {
    /// It asks for something, or answers.
    fn with_a_subject(self) -> Result<Self, serde_json::Error> {
        let is_about_something = self.method.is_some() || self.result.is_some() || self.error.is_some();
        if is_about_something { Ok(self) } else { Err(serde_json::Error::missing_field("method")) }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is enough that it is one of them")]
enum Id {
    Number(i64),
    Text(String),
}

/// An object, whatever is in it.
struct Object;

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self)
    }
}

impl<'de> Visitor<'de> for Object {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self)
    }
}

fn two_point_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    let version = Cow::<str>::deserialize(deserializer)?;
    if version == "2.0" { Ok(version) } else { Err(D::Error::custom("`jsonrpc` is not \"2.0\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &str) -> Option<u16> {
        check(body.as_bytes()).err().map(|answer| answer.status().as_u16())
    }

    #[test]
    fn a_message_is_one_whatever_it_is_about() {
        for good in [
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
            r#" {"method":"a","params":{"deep":[[[{"a":1}]]]},"id":"x","jsonrpc":"2.0","more":1} "#,
            r#"{"jsonrpc":"2.0","method":"notifications/initialized","params":null}"#,
            r#"{"jsonrpc":"2.0","id":"x","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":"x","error":{"code":-1,"message":"no"}}"#,
        ] {
            assert_eq!(code(good), None, "{good}");
        }
        for bad in [
            "",
            "{",
            "[]",
            "7",
            r#"{"jsonrpc":"1.0","method":"a"}"#,
            r#"{"jsonrpc":"2.0","method":7}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":7}"#,
        ] {
            assert_eq!(code(bad), Some(400), "{bad}");
        }
    }
}
