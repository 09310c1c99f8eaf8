use super::{End, Secrets, Web, WebRequest, WebResponse};
use protocol::{Code, JobId, Problem, artifact::Method};
use runtime::model::{clip, data};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

/// A language model's request to a preview, and to nothing else; what comes back is short, marked as data, and without what the app's
/// PHP keeps to itself.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The method.
    method: Method,
    /// Path and query, percent-encoded, starting with `/`: `/posts?page=2`. The preview's address is put in front of it.
    path: String,
    /// Headers. `Content-Type` must be given where there is a body.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The body, exactly as it is sent.
    #[serde(default)]
    body: Option<String>,
}

/// Of a body so many bytes are shown.
const MOST_BYTES: usize = 8 << 10;
const LONGEST_PATH: usize = 4_000;
const LONGEST_BODY: usize = 1 << 20;
const MOST_HEADERS: usize = 40;
/// PHP itself is stopped after 35 seconds.
const PATIENCE: Duration = Duration::from_secs(50);
/// What frames a request, and whom it is for, is not the model's to say.
const OURS: [&str; 9] =
    ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect", "keep-alive"];

impl Request {
    /// A GET without headers. The path starts with `/` and is percent-encoded.
    #[must_use]
    pub fn get(path: String) -> Self {
        Self { method: Method::Get, path, headers: BTreeMap::new(), body: None }
    }

    /// Itself, if it can be sent.
    ///
    /// # Errors
    /// Why it cannot be sent to the preview, in words for the model.
    pub fn checked(self) -> Result<Self, String> {
        self.look().map_err(|why| format!("Not sent: {why}"))?;
        Ok(self)
    }

    fn look(&self) -> Result<(), String> {
        if !self.path.starts_with('/') || self.path.starts_with("//") {
            return Err("the path starts with one `/`, and names no other host. Only the preview can be asked.".into());
        }
        if self.path.len() > LONGEST_PATH || self.path.chars().any(|c| c.is_control() || matches!(c, ' ' | '\\' | '#'))
        {
            return Err(format!("the path must be percent-encoded, and no longer than {LONGEST_PATH} bytes."));
        }
        if let Some(name) = self.headers.keys().find(|name| OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours))) {
            return Err(format!("the header {name} is set for you."));
        }
        if self.headers.len() > MOST_HEADERS {
            return Err(format!("at most {MOST_HEADERS} headers."));
        }
        match &self.body {
            Some(body) if body.len() > LONGEST_BODY => Err(format!("a body has at most {LONGEST_BODY} bytes.")),
            _ => Ok(()),
        }
    }

    /// Sends it, and says in words for the model what came back, also when nothing did. Requests of one jar share cookies.
    ///
    /// # Errors
    /// [`Code::WebUnavailable`].
    pub async fn send(&self, web: &Web, secrets: &Secrets, job: JobId, jar: Option<&str>) -> Result<String, Problem> {
        let response = match tokio::time::timeout(PATIENCE, web.send(self.as_sent(jar))).await {
            Ok(Ok(response)) => response,
            Ok(Err(problem)) if problem.code == Code::BadRequest => {
                return Ok(format!("Not sent: {}.", problem.detail));
            }
            Ok(Err(problem)) => return Err(problem),
            Err(_) => return Ok(format!("No answer came within {} seconds.", PATIENCE.as_secs())),
        };
        let source = format!("answer to {} {}", self.method.as_str(), self.path);
        let (shown, more) = shown(&response, secrets);
        Ok(format!("Status {}.\n{}{more}", response.status, data(job, &source, &shown)))
    }

    fn as_sent(&self, jar: Option<&str>) -> WebRequest {
        WebRequest {
            method: self.method.as_str().to_owned(),
            path: self.path.clone(),
            headers: self.headers.clone().into_iter().collect(),
            body: self.body.clone().map(String::into_bytes),
            jar: jar.map(str::to_owned),
        }
    }
}

/// Headers and body, without what the app's PHP must keep to itself, and what is to say of them.
fn shown(response: &WebResponse, secrets: &Secrets) -> (String, String) {
    let mut text = String::new();
    for (name, value) in response.headers.iter().take(MOST_HEADERS) {
        let _ = writeln!(text, "{name}: {}", clip(&secrets.hide(value), 500).0);
    }
    text.push('\n');
    let size = response.body.len();
    let mut more = String::new();
    match std::str::from_utf8(&response.body) {
        Ok(body) => {
            let body = secrets.hide(body);
            let (start, whole) = clip(&body, MOST_BYTES);
            text.push_str(start);
            if !whole {
                let _ = write!(more, "\nThe body has {size} bytes; only its beginning is shown.");
            }
        }
        Err(_) => {
            let _ = write!(text, "({size} bytes that are no text)");
        }
    }
    match response.end {
        End::Whole => {}
        End::TooLong => more.push_str("\nThe body is longer than what was read of it."),
        End::BrokenOff => more.push_str("\nThe body broke off."),
    }
    (text, more)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, headers: &[(&str, &str)]) -> Request {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Request { method: Method::Get, path: path.to_owned(), headers, body: None }
    }

    #[test]
    fn only_the_preview_is_asked() {
        for path in [
            "http://169.254.169.254/latest/meta-data",
            "//169.254.169.254/",
            "@169.254.169.254/",
            ".evil.example/",
            ":3306/",
            "",
            "posts",
            "/a b",
            "/a\\..\\b",
            "/a\r\nHost: other",
        ] {
            assert!(request(path, &[]).checked().is_err(), "{path:?}");
        }
        for name in ["Host", "host", "Content-Length", "Transfer-Encoding", "CONNECTION"] {
            assert!(request("/", &[(name, "x")]).checked().is_err(), "{name}");
        }
        assert!(request("/posts?page=2&q=%E3%81%82", &[("Accept", "text/html")]).checked().is_ok());
    }
}
