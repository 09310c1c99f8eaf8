use super::{
    End, Secrets, Web, WebRequest, WebResponse,
    excerpt::{around, beginning},
    web::form_encoded,
};
use protocol::{Code, JobId, Problem, artifact::Method};
use regex::{Regex, RegexBuilder};
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
    /// The visitor whose cookies are sent, and who keeps those that come: `admin`, `guest`. Each name is another browser; without one
    /// it is always the same.
    #[serde(default, rename = "as")]
    visitor: Option<String>,
    /// Headers. `Content-Type` must be given where there is a body. A `Cookie` header is sent as it is; then no visitor's cookies are.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Fields of a form, sent as a browser sends them; in place of a body.
    #[serde(default)]
    form: BTreeMap<String, String>,
    /// The body, exactly as it is sent.
    #[serde(default)]
    body: Option<String>,
    /// What is kept of the answer, by name: a regular expression, whose first group is taken, as in
    /// `{"token": "name=\"csrf\" value=\"([^\"]+)\""}`. Later requests write `${token}` in path, headers, form or body.
    #[serde(default)]
    take: BTreeMap<String, String>,
    /// Shows of the body only lines that hold this text, with two lines around each.
    #[serde(default)]
    find: Option<String>,
    /// So many characters of the body are shown; 8000 when absent.
    #[serde(default)]
    max_chars: Option<usize>,
}

/// Of a body so many characters are shown unless others are asked for, and at most.
const CHARS: usize = 8_000;
const MOST_CHARS: usize = 40_000;
const LONGEST_PATH: usize = 4_000;
const LONGEST_BODY: usize = 1 << 20;
const MOST_HEADERS: usize = 40;
const MOST_TAKEN: usize = 10;
/// A value that is taken has at most so many bytes.
const LONGEST_TAKEN: usize = 4_000;
/// PHP itself is stopped after 35 seconds.
const PATIENCE: Duration = Duration::from_secs(50);
/// What frames a request, and whom it is for, is not the model's to say.
const OURS: [&str; 9] =
    ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect", "keep-alive"];
/// What frames an answer, and tells nothing of the app.
const FRAME: [&str; 6] = ["server", "date", "connection", "transfer-encoding", "keep-alive", "x-powered-by"];

impl Request {
    /// A GET without headers. The path starts with `/` and is percent-encoded.
    #[must_use]
    pub fn get(path: String) -> Self {
        Self {
            method: Method::Get,
            path,
            visitor: None,
            headers: BTreeMap::new(),
            form: BTreeMap::new(),
            body: None,
            take: BTreeMap::new(),
            find: None,
            max_chars: None,
        }
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
        can_be_path(&self.path)?;
        if let Some(name) = self.headers.keys().find(|name| OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours))) {
            return Err(format!("the header {name} is set for you."));
        }
        if self.headers.len() > MOST_HEADERS {
            return Err(format!("at most {MOST_HEADERS} headers."));
        }
        if self.visitor.is_some() && self.own_cookies() {
            return Err(
                "it has both a visitor (`as`), whose cookies are sent, and a Cookie header. Give one of them.".into()
            );
        }
        if self.visitor.as_ref().is_some_and(|name| !is_name(name)) {
            return Err("`as` is a short name: letters, digits, `_`.".into());
        }
        if self.body.is_some() && !self.form.is_empty() {
            return Err("it has both a form and a body. Give one of them.".into());
        }
        if self.body.as_ref().is_some_and(|body| body.len() > LONGEST_BODY) {
            return Err(format!("a body has at most {LONGEST_BODY} bytes."));
        }
        if self.find.as_ref().is_some_and(|text| text.trim().is_empty()) {
            return Err("`find` is empty.".into());
        }
        if self.take.len() > MOST_TAKEN || self.take.keys().any(|name| !is_name(name)) {
            return Err(format!("`take` has at most {MOST_TAKEN} names of letters, digits and `_`."));
        }
        self.patterns().map(drop)
    }

    fn own_cookies(&self) -> bool {
        self.headers.keys().any(|name| name.eq_ignore_ascii_case("cookie"))
    }

    fn patterns(&self) -> Result<Vec<(&String, Regex)>, String> {
        let pattern = |(name, pattern): (_, &String)| match RegexBuilder::new(pattern).size_limit(1 << 20).build() {
            Ok(regex) => Ok((name, regex)),
            Err(error) => Err(format!("`take` {name} is no regular expression: {error}.")),
        };
        self.take.iter().map(pattern).collect()
    }

    /// Sends it, and says in words for the model what came back, also when nothing did. Who is no visitor shares the cookies of this
    /// jar, if there is one.
    ///
    /// # Errors
    /// [`Code::WebUnavailable`].
    pub async fn send(&self, web: &Web, secrets: &Secrets, job: JobId, jar: Option<&str>) -> Result<String, Problem> {
        let sent = match self.as_sent(web, jar) {
            Ok(sent) => sent,
            Err(why) => return Ok(format!("Not sent: {why}")),
        };
        let response = match tokio::time::timeout(PATIENCE, web.send(sent)).await {
            Ok(Ok(response)) => response,
            Ok(Err(problem)) if problem.code == Code::BadRequest => {
                return Ok(format!("Not sent: {}.", problem.detail));
            }
            Ok(Err(problem)) => return Err(problem),
            Err(_) => return Ok(format!("No answer came within {} seconds.", PATIENCE.as_secs())),
        };
        let source = format!("answer to {} {}", self.method.as_str(), self.path);
        let (taken, (shown, more)) = (self.keep(web, &response), self.shown(&response, secrets));
        Ok(format!("Status {}.\n{}{more}{taken}", response.status, data(job, &source, &shown)))
    }

    fn as_sent(&self, web: &Web, jar: Option<&str>) -> Result<WebRequest, String> {
        let path = filled(&self.path, web, form_encoded)?;
        can_be_path(&path)?;
        let as_it_is = |text: &String| filled(text, web, str::to_owned);
        let header = |(name, value): (&String, &String)| Ok((name.clone(), as_it_is(value)?));
        let mut headers: Vec<_> = self.headers.iter().map(header).collect::<Result<_, String>>()?;
        let mut body = self.body.as_ref().map(as_it_is).transpose()?;
        if !self.form.is_empty() {
            let field = |(name, value): (&String, &String)| {
                Ok(format!("{}={}", form_encoded(name), form_encoded(&as_it_is(value)?)))
            };
            body = Some(self.form.iter().map(field).collect::<Result<Vec<_>, String>>()?.join("&"));
            if !self.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
                headers.push(("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
            }
        }
        // Apart from the names of checks' jars, which are nobody's here.
        let jar = self.visitor.as_ref().map(|name| format!("visitor {name}")).or(jar.map(str::to_owned));
        Ok(WebRequest {
            method: self.method.as_str().to_owned(),
            path,
            headers,
            body: body.map(String::into_bytes),
            jar: jar.filter(|_| !self.own_cookies()),
        })
    }

    /// Keeps what is to be taken of an answer, and says what that was.
    fn keep(&self, web: &Web, response: &WebResponse) -> String {
        let (mut said, body) = (String::new(), String::from_utf8_lossy(&response.body));
        let headers: String = response.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        // They were looked at before it was sent.
        for (name, regex) in self.patterns().unwrap_or_default() {
            let found = [body.as_ref(), headers.as_str()].into_iter().find_map(|text| regex.captures(text));
            let value = found.and_then(|found| found.get(1).or_else(|| found.get(0)));
            let value = value.map(|value| value.as_str().to_owned()).filter(|value| value.len() <= LONGEST_TAKEN);
            let _ = match &value {
                Some(value) => write!(said, "\nTaken as ${{{name}}}: {} characters.", value.chars().count()),
                None => write!(said, "\nNothing was taken as ${{{name}}}: nothing matches."),
            };
            web.take(name, value);
        }
        said
    }

    /// Headers and body, without what the app's PHP must keep to itself, and what is to say of them.
    fn shown(&self, response: &WebResponse, secrets: &Secrets) -> (String, String) {
        let mut text = String::new();
        let headers = response.headers.iter().filter(|(name, _)| !FRAME.contains(&name.as_str()));
        for (name, value) in headers.take(MOST_HEADERS) {
            let _ = writeln!(text, "{name}: {}", clip(&secrets.hide(value), 500).0);
        }
        text.push('\n');
        let (size, most) = (response.body.len(), self.max_chars.unwrap_or(CHARS).min(MOST_CHARS));
        let mut more = String::new();
        match std::str::from_utf8(&response.body) {
            Ok(body) => {
                let body = secrets.hide(body);
                let (shown, note) = match &self.find {
                    Some(find) => around(&body, find, most),
                    None => beginning(&body, most),
                };
                text.push_str(&shown);
                more.push_str(&note);
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
}

fn can_be_path(path: &str) -> Result<(), String> {
    if !path.starts_with('/') || path.starts_with("//") {
        return Err("the path starts with one `/`, and names no other host. Only the preview can be asked.".into());
    }
    if path.len() > LONGEST_PATH || path.chars().any(|c| c.is_control() || matches!(c, ' ' | '\\' | '#')) {
        return Err(format!("the path must be percent-encoded, and no longer than {LONGEST_PATH} bytes."));
    }
    Ok(())
}

fn is_name(text: &str) -> bool {
    (1..=30).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A text with every `${name}` replaced by what was taken under that name.
fn filled(text: &str, web: &Web, encode: impl Fn(&str) -> String) -> Result<String, String> {
    let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        match after.split_once('}').filter(|(name, _)| is_name(name)) {
            Some((name, after)) => {
                let value = web.taken(name).ok_or_else(|| format!("nothing was taken as ${{{name}}} before."))?;
                filled.push_str(&encode(&value));
                rest = after;
            }
            None => {
                filled.push_str("${");
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn request(value: Value) -> Result<Request, String> {
        serde_json::from_value::<Request>(value).expect("a request").checked()
    }

    fn web() -> Web {
        Web::of("http://127.0.0.1:1", "p.preview.localhost")
    }

    fn answer(body: &str) -> WebResponse {
        let headers = [("date", "today"), ("location", "/notes/7")];
        WebResponse {
            status: 200,
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            body: body.as_bytes().to_vec(),
            end: End::Whole,
            millis: 1,
        }
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
            assert!(request(json!({"method": "GET", "path": path})).is_err(), "{path:?}");
        }
        for name in ["Host", "host", "Content-Length", "Transfer-Encoding", "CONNECTION"] {
            let headers = json!({"method": "GET", "path": "/", "headers": {name: "x"}});
            assert!(request(headers).is_err(), "{name}");
        }
        let good = json!({"method": "GET", "path": "/posts?page=2&q=%E3%81%82", "headers": {"Accept": "text/html"}});
        assert!(request(good).is_ok());
    }

    #[test]
    fn what_cannot_be_meant_is_refused_and_not_left_out() {
        for (wrong, says) in [
            (json!({"as": "admin", "headers": {"cookie": "sid=1"}}), "both a visitor"),
            (json!({"as": "a b"}), "short name"),
            (json!({"form": {"a": "1"}, "body": "b"}), "both a form and a body"),
            (json!({"find": " "}), "`find` is empty"),
            (json!({"take": {"x": "("}}), "no regular expression"),
            (json!({"take": {"a-b": "x"}}), "names of letters"),
        ] {
            let mut whole = json!({"method": "POST", "path": "/"});
            whole.as_object_mut().expect("an object").extend(wrong.as_object().expect("an object").clone());
            let why = request(whole).expect_err("refused");
            assert!(why.contains(says), "{why}");
        }
    }

    #[test]
    fn visitors_have_jars_of_their_own_and_a_cookie_header_is_sent_alone() {
        let jar = |value: Value| request(value).expect("fine").as_sent(&web(), Some("coder")).expect("sent").jar;
        assert_eq!(jar(json!({"method": "GET", "path": "/"})).as_deref(), Some("coder"));
        assert_eq!(jar(json!({"method": "GET", "path": "/", "as": "admin"})).as_deref(), Some("visitor admin"));
        assert_eq!(jar(json!({"method": "GET", "path": "/", "headers": {"Cookie": "sid=forged"}})), None);
    }

    #[test]
    fn a_token_of_one_answer_is_sent_with_the_next_request() {
        let web = web();
        let get = json!({
            "method": "GET", "path": "/login",
            "take": {"csrf": r#"name="t" value="([^"]+)""#, "id": r"location: /notes/(\d+)", "no": "absent"},
        });
        let get = request(get).expect("fine");
        let said = get.keep(&web, &answer(r#"<input name="t" value="a+b/c=">"#));
        assert!(
            said.contains("Taken as ${csrf}: 6 characters.") && said.contains("Nothing was taken as ${no}"),
            "{said}"
        );
        let post = json!({
            "method": "POST", "path": "/notes/${id}?t=${csrf}", "headers": {"X-Token": "${csrf}"},
            "form": {"t": "${csrf}", "price": "${ 5"},
        });
        let sent = request(post).expect("fine").as_sent(&web, None).expect("sent");
        assert_eq!(sent.path, "/notes/7?t=a%2Bb%2Fc%3D");
        assert_eq!(sent.body.as_deref(), Some(&b"price=%24%7B+5&t=a%2Bb%2Fc%3D"[..]));
        assert!(sent.headers.contains(&("X-Token".to_owned(), "a+b/c=".to_owned())), "{:?}", sent.headers);
        assert!(sent.headers.iter().any(|(name, value)| name == "Content-Type" && value.contains("urlencoded")));
        let unknown = request(json!({"method": "GET", "path": "/${no}"})).expect("fine").as_sent(&web, None);
        assert!(unknown.expect_err("nothing was taken").contains("${no}"));
        web.take("up", Some("x/../\r\n".to_owned()));
        let path = request(json!({"method": "GET", "path": "/${up}"})).expect("fine").as_sent(&web, None);
        assert_eq!(path.expect("encoded").path, "/x%2F..%2F%0D%0A");
    }

    #[test]
    fn of_a_long_page_what_is_asked_for_is_shown() {
        let page = (1..=2_000).map(|line| format!("<p>line {line}</p>\n")).collect::<String>();
        let shown = |more: Value| {
            let mut whole = json!({"method": "GET", "path": "/"});
            whole.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            request(whole).expect("fine").shown(&answer(&page), &Secrets::default())
        };
        let (text, more) = shown(json!({"find": "LINE 1500<"}));
        assert!(text.starts_with("location: /notes/7\n\n") && !text.contains("date"), "{text}");
        assert!(text.contains("line 1498") && text.contains("line 1502") && !text.contains("line 1503"), "{text}");
        assert!(more.contains("2000 lines"), "{more}");
        let (text, more) = shown(json!({"find": "no such"}));
        assert!(!text.contains("<p>") && more.contains("No line of the body"), "{text} {more}");
        let (text, more) = shown(json!({"max_chars": 50}));
        assert!(text.chars().count() < 90 && more.contains("only its beginning"), "{text} {more}");
        assert!(shown(json!({})).0.len() < 9_000);
    }
}
