//! The app that is read, and how its answers say which release made them.

use anyhow::anyhow;
use benches::Connection;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use protocol::AppName;
use std::collections::BTreeSet;
use tests::World;

/// What readers ask for: pages (the style sheet is in them), lists from the cache, a row from the database.
const PATHS: [&str; 5] = ["/", "/items", "/api/items", "/api/items/1", "/api/items?sort=-id"];

/// A live app whose releases are marked.
pub(crate) struct Site {
    origin: String,
    host: String,
}

/// What is wrong with an answer.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// It did not come, or not with status 200.
    Failed(String),
    /// Two releases made it, or it does not say who did.
    Mixed(String),
}

impl Site {
    pub(crate) fn new(world: &World, app: &AppName) -> Self {
        Self { origin: world.at.web.clone(), host: format!("{app}.localhost") }
    }

    /// `http://host:port`.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// A reader's request number so and so.
    pub(crate) fn request(&self, number: usize) -> Request<Full<Bytes>> {
        let request = Request::get(PATHS[number % PATHS.len()]).header("host", &self.host);
        request.body(Full::default()).expect("a good request")
    }

    /// The release that made this answer.
    pub(crate) fn release(&self, answer: &Response<Bytes>) -> Result<String, Wrong> {
        if answer.status() != StatusCode::OK {
            return Err(Wrong::Failed(format!("status {}", answer.status())));
        }
        let marks = marks(answer);
        let releases: BTreeSet<_> = marks.iter().map(|(_, release)| release).collect();
        match releases.first() {
            Some(release) if releases.len() == 1 && marks.len() >= 2 => Ok((*release).clone()),
            _ => Err(Wrong::Mixed(format!("{marks:?}"))),
        }
    }

    /// The release that answers now, the same on every path.
    pub(crate) async fn now(&self) -> anyhow::Result<String> {
        let mut connection = Connection::open(&self.origin).await?;
        let mut releases = BTreeSet::new();
        for (number, path) in PATHS.iter().enumerate() {
            let answer = connection.send(self.request(number)).await?;
            releases.insert(self.release(&answer).map_err(|wrong| anyhow!("{path}: {wrong:?}"))?);
        }
        match (releases.pop_first(), releases.is_empty()) {
            (Some(release), true) => Ok(release),
            (first, _) => Err(anyhow!("{first:?} and {releases:?} answer at the same time")),
        }
    }
}

/// Every place that says who made the answer, and what it says.
fn marks(answer: &Response<Bytes>) -> Vec<(&'static str, String)> {
    let header = |name| answer.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let body = String::from_utf8_lossy(answer.body());
    let after = |start: &str| {
        let rest = &body[body.find(start)? + start.len()..];
        Some(rest.chars().take_while(char::is_ascii_alphanumeric).collect())
    };
    let places = [
        ("entry", header("x-release-entry")),
        ("end", header("x-release-end")),
        ("style", after("/* release ")),
        ("template", after("<!-- release ")),
        ("row", newest_field(&body)),
    ];
    places.into_iter().filter_map(|(place, release)| Some((place, release?))).collect()
}

/// The last field `r...` that a JSON row has: each release adds one.
fn newest_field(body: &str) -> Option<String> {
    let start = Some(body).filter(|body| body.starts_with('{'))?.rfind("\"r")? + 1;
    Some(body[start..].chars().take_while(char::is_ascii_alphanumeric).collect())
}
