use super::{Run, Shown, world::Answer};
use crate::{
    evidence::{Redactor, excerpt, header_line},
    html,
    matcher::{self, Shortfall},
    variables::Unknown,
};
use environment::client::{End, Web, WebRequest, WebResponse, form_encoded};
use protocol::{
    Code, Problem,
    artifact::{Body, Capture, HttpCheck, HttpExpect},
};
use serde_json::Value;

/// Bodies are shown to this size, so that the head always has room.
const BODY_SHOWN: usize = 3 << 10;

impl Run<'_> {
    /// Sends a request, compares what comes back, keeps what later checks want.
    pub(super) async fn http(&mut self, check: &HttpCheck) -> Result<Shown, Problem> {
        for name in check.capture.keys() {
            self.variables.unset(name);
        }
        let request = match self.request(check) {
            Ok(request) => request,
            Err(shortfall) => {
                return Ok(Shown::errored(format!("{} {}", check.method.as_str(), check.path), shortfall.to_string()));
            }
        };
        let sent = request_text(&request);
        let target = format!("{} {}", request.method, request.path);
        self.requests += 1;
        let response = match self.world.send(request).await {
            Ok(Answer::Given(response)) => response,
            Ok(Answer::TooLate) => return Ok(Shown::errored(sent, "no answer within 10 s")),
            Err(problem) if problem.code == Code::BadRequest => return Ok(Shown::errored(sent, problem.detail)),
            Err(problem) => return Err(problem),
        };
        if response.status >= 500 {
            self.server_errors.push(format!("{target}: {}", response.status));
            self.world.services_answer().await?;
        }
        let seen = Seen::of(&response);
        let mut shortfalls = self.compare(&seen, &check.expect);
        if seen.whole().any(|part| self.redactor.is_told_by(part)) {
            shortfalls.push(Shortfall::Failed("the answer tells a password or the secret of the app".to_owned()));
        }
        match response.end {
            End::Whole => {}
            End::TooLong => {
                shortfalls.push(Shortfall::Errored(format!("the body is longer than {} bytes", Web::MAX_BODY)));
            }
            End::BrokenOff => shortfalls.push(Shortfall::Errored("the body broke off".to_owned())),
        }
        for (name, capture) in &check.capture {
            match self.capture(&seen, capture) {
                Ok(value) => self.variables.set(name, value),
                Err(shortfall) => shortfalls.push(shortfall),
            }
        }
        Ok(Shown { sent, received: seen.text(&self.redactor), shortfalls })
    }

    fn request(&self, check: &HttpCheck) -> Result<WebRequest, Shortfall> {
        let path = self.variables.text(&check.path)?;
        if !path.starts_with('/') || path.chars().any(|c| c.is_control() || c == ' ') {
            return Err(Shortfall::Errored(format!("{path:?} is no path with / at its start and without spaces")));
        }
        if check.expect.status.is_empty() {
            return Err(Shortfall::Errored("the check names no status".to_owned()));
        }
        let mut headers = check
            .headers
            .iter()
            .map(|(name, value)| Ok((name.to_ascii_lowercase(), self.variables.text(value)?)))
            .collect::<Result<Vec<_>, Unknown>>()?;
        let body = check.body.as_ref().map(|body| self.body(body)).transpose()?;
        if let Some((_, Some(content_type))) = &body
            && !headers.iter().any(|(name, _)| name == "content-type")
        {
            headers.push(("content-type".to_owned(), (*content_type).to_owned()));
        }
        Ok(WebRequest {
            method: check.method.as_str().to_owned(),
            path,
            headers,
            body: body.map(|(text, _)| text.into_bytes()),
            jar: check.jar.clone(),
        })
    }

    fn body(&self, body: &Body) -> Result<(String, Option<&'static str>), Unknown> {
        Ok(match body {
            Body::Json(value) => (self.variables.value(value)?.to_string(), Some("application/json")),
            Body::Form(fields) => {
                let pairs = fields.iter().map(|(name, value)| {
                    let value = self.variables.text(value)?;
                    Ok(format!("{}={}", form_encoded(name), form_encoded(&value)))
                });
                let pairs = pairs.collect::<Result<Vec<_>, Unknown>>()?;
                (pairs.join("&"), Some("application/x-www-form-urlencoded"))
            }
            Body::Text(text) => (self.variables.text(text)?, None),
        })
    }

    fn compare(&self, seen: &Seen<'_>, expect: &HttpExpect) -> Vec<Shortfall> {
        let mut shortfalls = Vec::new();
        if !expect.status.contains(&seen.response.status) {
            shortfalls.push(Shortfall::Failed(format!(
                "status: expected {}, got {}",
                statuses(&expect.status),
                seen.response.status
            )));
        }
        for (name, matcher) in &expect.headers {
            let place = format!("header {name}");
            shortfalls.extend(matcher::value(&place, seen.header(name).as_ref(), matcher, &self.variables).err());
        }
        for expected in &expect.json {
            let found = self.at(seen, &expected.pointer).and_then(|found| {
                let place = format!("JSON at {:?}", expected.pointer);
                matcher::value(&place, found, &expected.is, &self.variables)
            });
            shortfalls.extend(found.err());
        }
        for pattern in &expect.body {
            shortfalls.extend(matcher::text("the body", &seen.body, pattern, &self.variables).err());
        }
        shortfalls
    }

    fn capture(&self, seen: &Seen<'_>, capture: &Capture) -> Result<Value, Shortfall> {
        let (found, place) = match capture {
            Capture::Json(pointer) => (self.at(seen, pointer)?.cloned(), format!("JSON at {pointer:?}")),
            Capture::Header(name) => (seen.header(name), format!("header {name}")),
            Capture::Body(expression) => {
                let regex = matcher::regex(expression, &self.variables)?;
                let group = regex.captures(&seen.body).and_then(|groups| groups.get(1));
                (group.map(|group| Value::from(html::decoded(group.as_str()))), format!("the body at /{regex}/"))
            }
        };
        found.ok_or_else(|| Shortfall::Failed(format!("{place}: nothing to keep")))
    }

    fn at<'s>(&self, seen: &'s Seen<'_>, pointer: &str) -> Result<Option<&'s Value>, Shortfall> {
        let pointer = self.variables.text(pointer)?;
        let json = seen.json.as_ref().ok_or_else(|| Shortfall::Failed("the body is not JSON".to_owned()))?;
        Ok(json.pointer(&pointer))
    }
}

/// A response, read as far as checks want to.
struct Seen<'a> {
    response: &'a WebResponse,
    body: std::borrow::Cow<'a, str>,
    json: Option<Value>,
}

impl<'a> Seen<'a> {
    fn of(response: &'a WebResponse) -> Self {
        let json = serde_json::from_slice(&response.body).ok();
        Self { response, body: String::from_utf8_lossy(&response.body), json }
    }

    /// All values of a header as one text.
    fn header(&self, name: &str) -> Option<Value> {
        let values = self.response.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let values: Vec<_> = values.map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| Value::from(values.join(", ")))
    }

    /// Everything that came back, in pieces.
    fn whole(&self) -> impl Iterator<Item = &str> {
        self.response.headers.iter().map(|(_, value)| value.as_str()).chain([&*self.body])
    }

    fn text(&self, redactor: &Redactor) -> String {
        let headers = self.response.headers.iter().map(|(name, value)| header_line(name, value) + "\n");
        let body = redactor.without_secrets(&self.body);
        format!("{}\n{}\n{}", self.response.status, headers.collect::<String>(), excerpt(&body, BODY_SHOWN))
    }
}

fn request_text(request: &WebRequest) -> String {
    let headers = request.headers.iter().map(|(name, value)| header_line(name, value) + "\n").collect::<String>();
    let body = request.body.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
    format!("{} {}\n{headers}\n{}", request.method, request.path, excerpt(&body, BODY_SHOWN))
}

fn statuses(statuses: &[u16]) -> String {
    match statuses {
        [first, .., last] if statuses.len() > 5 => format!("one of {first} to {last}"),
        few => few.iter().map(u16::to_string).collect::<Vec<_>>().join(" or "),
    }
}
