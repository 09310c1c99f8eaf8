use super::{preview::Preview, wrong::Wrong};
use environment::client::{End, Secrets, WebRequest, WebResponse};
use protocol::{Code, artifact::Method};
use runtime::model::{clip, data};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

/// A request to the preview.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
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
    /// # Errors
    /// Why it cannot be sent to the preview.
    pub(super) fn checked(self) -> Result<Self, Wrong> {
        self.look().map_err(|why| Wrong::Said(format!("Not sent: {why}")))?;
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

    fn as_sent(&self) -> WebRequest {
        WebRequest {
            method: self.method.as_str().to_owned(),
            path: self.path.clone(),
            headers: self.headers.clone().into_iter().collect(),
            body: self.body.clone().map(String::into_bytes),
            jar: Some("coder".to_owned()),
        }
    }
}

impl Preview<'_> {
    /// Sends it.
    pub(super) async fn request(&mut self, request: &Request) -> Result<String, Wrong> {
        let sent = self.web().await?.send(request.as_sent());
        let response = match tokio::time::timeout(PATIENCE, sent).await {
            Ok(Ok(response)) => response,
            Ok(Err(problem)) if problem.code == Code::BadRequest => {
                return Err(format!("Not sent: {}.", problem.detail).into());
            }
            Ok(Err(problem)) => return Err(problem.into()),
            Err(_) => return Err(format!("No answer came within {} seconds.", PATIENCE.as_secs()).into()),
        };
        let lost = std::mem::take(&mut self.cookies_lost);
        let note =
            if lost { "(Your earlier cookies were lost on the way; log in again where that matters.)\n" } else { "" };
        let source = format!("answer to {} {}", request.method.as_str(), request.path);
        let (shown, more) = shown(&response, &self.secrets().await?);
        Ok(format!("{note}Status {}.\n{}{more}", response.status, data(self.job().id(), &source, &shown)))
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
