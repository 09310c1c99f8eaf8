//! JSON into types, with the path of the value that does not fit.

use protocol::{Code, Problem, artifact::PathError};
use serde::de::{DeserializeOwned, Deserializer};

/// A JSON value, or a reference to one, as a `T`.
///
/// # Errors
/// [`Code::BadRequest`], naming the field; [`Code::BadPath`] when it is the path of a file.
pub fn value<'de, T: DeserializeOwned>(value: impl Deserializer<'de, Error = serde_json::Error>) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| unfit(error.inner()).problem(sentence(&error.path().to_string(), error.inner())))
}

/// JSON text as a `T`.
///
/// # Errors
/// [`Code::BadJson`] when it is no JSON, else as [`value`].
pub(crate) fn text<T: DeserializeOwned>(text: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let code = if error.inner().is_data() { unfit(error.inner()) } else { Code::BadJson };
        code.problem(sentence(&error.path().to_string(), error.inner()))
    })?;
    reader.end().map_err(|error| Code::BadJson.problem(error.to_string()))?;
    Ok(read)
}

/// Of the cause of an error serde keeps the words alone.
fn unfit(error: &serde_json::Error) -> Code {
    let said = error.to_string();
    let is_path = PathError::ALL.iter().any(|why| said.starts_with(&why.to_string()));
    if is_path { Code::BadPath } else { Code::BadRequest }
}

fn sentence(path: &str, error: &serde_json::Error) -> String {
    if path == "." || path == "?" { error.to_string() } else { format!("{path}: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, serde::Deserialize)]
    struct Order {
        #[expect(dead_code, reason = "read by nobody but serde")]
        lines: Vec<Line>,
    }

    #[derive(Debug, serde::Deserialize)]
    struct Line {
        #[expect(dead_code, reason = "read by nobody but serde")]
        count: u8,
    }

    #[test]
    fn a_wrong_value_is_named_by_its_path() {
        let problem = value::<Order>(json!({"lines": [{"count": 1}, {"count": 300}]})).expect_err("300 is no u8");
        assert_eq!(problem.code, Code::BadRequest);
        assert!(problem.detail.starts_with("lines[1].count: "), "{}", problem.detail);
    }

    #[test]
    fn a_files_path_has_a_code_of_its_own() {
        let refused = |path: &str| text::<protocol::artifact::Path>(path.as_bytes()).expect_err("no path").code;
        assert_eq!(refused(r#""../x""#), Code::BadPath);
        assert_eq!(refused("7"), Code::BadRequest);
    }

    #[test]
    fn broken_json_and_wrong_values_differ() {
        assert_eq!(text::<Order>(b"{\"lines\": [").expect_err("broken").code, Code::BadJson);
        assert_eq!(text::<Order>(b"{\"lines\": []} x").expect_err("trailing").code, Code::BadJson);
        assert_eq!(text::<Order>(b"{\"lines\": 7}").expect_err("wrong").code, Code::BadRequest);
        assert!(text::<Order>(b"{\"lines\": []}").is_ok());
    }
}
