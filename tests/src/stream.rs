//! A task's event stream as it goes over the wire: nothing is taken up again, sorted or left out.

use protocol::{TaskId, event::Event};
use reqwest::Response;

/// Where streams are opened. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Streams {
    pub(crate) http: reqwest::Client,
    pub(crate) origin: String,
    pub(crate) key: String,
}

impl Streams {
    /// The same streams, of another process.
    #[must_use]
    pub fn at(&self, origin: &str) -> Self {
        Self { origin: origin.to_owned(), ..self.clone() }
    }

    /// A task's events after this one, on a connection of its own. `None` when nobody gives it.
    pub async fn open(&self, task: TaskId, after: u64) -> Option<Stream> {
        let request = self.http.get(format!("{}/v1/tasks/{task}/events", self.origin)).bearer_auth(&self.key);
        let response = request.header("Last-Event-ID", after).send().await.ok()?;
        response.status().is_success().then(|| Stream { response, read: Vec::new() })
    }
}

/// One connection.
#[derive(Debug)]
pub struct Stream {
    response: Response,
    read: Vec<u8>,
}

impl Stream {
    /// The next event, exactly as sent; `None` when the connection has ended, in order or not.
    ///
    /// # Panics
    /// When what comes is no event, or its `id:` is not its sequence number.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.read.windows(2).position(|two| two == b"\n\n") {
                let frame: Vec<u8> = self.read.drain(..end + 2).collect();
                if let Some(event) = parse(std::str::from_utf8(&frame).expect("UTF-8")) {
                    return Some(event);
                }
            }
            self.read.extend(self.response.chunk().await.ok()??);
        }
    }
}

/// `None` for a comment, which only shows that the stream lives.
fn parse(frame: &str) -> Option<Event> {
    let field = |name| frame.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let event: Event = serde_json::from_str(field("data:")?).expect("an event");
    assert_eq!(field("id:"), Some(event.seq.to_string().as_str()), "{frame}");
    Some(event)
}
