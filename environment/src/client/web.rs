use protocol::{Code, Problem, tools::host::Access};
use reqwest::{
    Client, Method, Response,
    header::{COOKIE, HOST, HeaderName, HeaderValue, SET_COOKIE},
    redirect::Policy,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The app as its users reach it. Keeps connections and, by name, jars of cookies and what was taken from answers.
#[derive(Debug)]
pub struct Web {
    client: Client,
    origin: String,
    host_header: String,
    jars: Mutex<HashMap<String, Jar>>,
    taken: Mutex<HashMap<String, String>>,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebRequest {
    /// `GET`, `POST` ...
    pub method: String,
    /// Path and query, starting with `/`.
    pub path: String,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// The jar whose cookies are sent and which keeps those that come; without one, none are.
    pub jar: Option<String>,
}

/// What came back. Redirects are not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebResponse {
    /// The status.
    pub status: u16,
    /// Headers in order, names in lower case; bytes that are not UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// The body, at most [`Web::MAX_BODY`] bytes of it.
    pub body: Vec<u8>,
    /// How the body ended.
    pub end: End,
    /// From the first byte sent to the last one read, in milliseconds.
    pub millis: u64,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is all there.
    Whole,
    /// It was longer than [`Web::MAX_BODY`] and was cut.
    TooLong,
    /// The connection was closed before all of it came: a script said that it would send more, or died.
    BrokenOff,
}

impl Web {
    /// Of a body at most this many bytes are read: 1 MiB.
    pub const MAX_BODY: usize = 1 << 20;

    /// Connects when first used.
    ///
    /// # Panics
    /// When the process cannot even make an HTTP client, which is an error of the build.
    #[must_use]
    pub fn new(access: &Access) -> Self {
        Self::of(&access.web, &access.host_header)
    }

    /// The app of this name at this address.
    pub(super) fn of(origin: &str, host_header: &str) -> Self {
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .tls_certs_only([])
            .connect_timeout(Duration::from_secs(5))
            .build()
            .expect("a client without authorities and proxies needs nothing of the system");
        Self {
            client,
            origin: origin.trim_end_matches('/').to_owned(),
            host_header: host_header.to_owned(),
            jars: Mutex::default(),
            taken: Mutex::default(),
        }
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// [`Code::WebUnavailable`] when no answer begins; [`Code::BadRequest`] when the request cannot be sent as it is.
    pub async fn send(&self, request: WebRequest) -> Result<WebResponse, Problem> {
        let start = Instant::now();
        let jar = request.jar.clone();
        let response = self.client.execute(self.prepared(request)?).await.map_err(|error| unavailable(&error))?;
        if let Some(jar) = jar {
            let cookies = response.headers().get_all(SET_COOKIE).iter();
            self.jars(|jars| jars.entry(jar).or_default().keep(cookies));
        }
        Ok(read(response, start).await)
    }

    fn prepared(&self, request: WebRequest) -> Result<reqwest::Request, Problem> {
        let refused = |what: &str| Code::BadRequest.problem(format!("{what} cannot be sent"));
        let method: Method = request.method.parse().map_err(|_| refused("the method"))?;
        let mut builder = self.client.request(method, format!("{}{}", self.origin, request.path));
        // The app is told apart by name alone: whatever a check says about the host is replaced.
        for (name, value) in request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
            let name = HeaderName::try_from(name).map_err(|_| refused(&format!("the header name {name:?}")))?;
            let value = HeaderValue::try_from(value).map_err(|_| refused(&format!("the header {name}")))?;
            builder = builder.header(name, value);
        }
        builder = builder.header(HOST, &self.host_header);
        if let Some(cookies) = request.jar.and_then(|jar| self.jars(|jars| jars.get(&jar).and_then(Jar::header))) {
            builder = builder.header(COOKIE, cookies);
        }
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        builder.build().map_err(|_| refused("the request"))
    }

    /// Keeps what was taken from an answer under this name, or nothing any more.
    pub(super) fn take(&self, name: &str, value: Option<String>) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match value {
            Some(value) => taken.insert(name.to_owned(), value),
            None => taken.remove(name),
        };
    }

    /// What was taken under this name.
    pub(super) fn taken(&self, name: &str) -> Option<String> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn jars<T>(&self, act: impl FnOnce(&mut HashMap<String, Jar>) -> T) -> T {
        // A jar is whole after every statement, so one that a panic left behind is as good as any.
        act(&mut self.jars.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn read(mut response: Response, start: Instant) -> WebResponse {
    let status = response.status().as_u16();
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let headers = response.headers().iter().map(header).collect();
    let mut body = Vec::new();
    let end = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = Web::MAX_BODY - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() > room {
                    break End::TooLong;
                }
            }
            Ok(None) => break End::Whole,
            Err(_) => break End::BrokenOff,
        }
    };
    let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    WebResponse { status, headers, body, end, millis }
}

fn unavailable(error: &reqwest::Error) -> Problem {
    tracing::debug!(%error, "The environment's web server did not answer");
    Code::WebUnavailable.problem(if error.is_connect() {
        "nobody listens at its address"
    } else {
        "it closed the connection before it answered"
    })
}

/// As HTML forms are sent: `application/x-www-form-urlencoded`.
///
/// ```
/// assert_eq!(environment::client::form_encoded("a b&c=日+\r\n"), "a+b%26c%3D%E6%97%A5%2B%0D%0A");
/// ```
#[must_use]
pub fn form_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => encoded.push(char::from(byte)),
            b' ' => encoded.push('+'),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

/// Cookies of one visitor of one app. Where they may go (path, domain, secure) is not looked at: a jar knows one app only.
#[derive(Debug, Default)]
struct Jar(BTreeMap<String, String>);

impl Jar {
    fn keep<'a>(&mut self, cookies: impl Iterator<Item = &'a HeaderValue>) {
        for cookie in cookies.filter_map(|value| value.to_str().ok()) {
            let mut parts = cookie.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let over = parts.any(|attribute| {
                attribute.split_once('=').is_some_and(|(name, seconds)| {
                    name.eq_ignore_ascii_case("max-age") && seconds.parse::<i64>().is_ok_and(|seconds| seconds <= 0)
                })
            });
            if over {
                self.0.remove(name);
            } else {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    fn header(&self) -> Option<String> {
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jars_keep_the_last_value_and_forget_what_is_over() {
        let mut jar = Jar::default();
        let mut keep = |cookie: &'static str| jar.keep([HeaderValue::from_static(cookie)].iter());
        keep("sid=1; Path=/; HttpOnly");
        keep("theme=dark; Max-Age=60");
        keep("sid=2; Path=/");
        keep("theme=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=0");
        keep("nonsense");
        assert_eq!(jar.header().as_deref(), Some("sid=2"));
    }
}
