//! Shows a key for those who can't.

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use std::net::Ipv4Addr;
use tokio::{net::TcpListener, task::AbortHandle};

/// An address where no key is needed, in front of a service that needs one: what comes is passed on as it is, with the key, and what
/// comes back as it is. For test suites that can't send keys; nothing that is delivered has anything like it. It ends when dropped.
#[derive(Debug)]
pub struct Doorman {
    origin: String,
    served: AbortHandle,
}

#[derive(Clone)]
struct Door {
    http: reqwest::Client,
    origin: String,
    key: String,
}

impl Doorman {
    /// One before the service at this origin.
    ///
    /// # Panics
    /// When it finds no port.
    pub async fn before(origin: &str, key: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let door = Door { http, origin: origin.to_owned(), key: key.to_owned() };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("it listens"));
        let router = Router::new().fallback(pass).with_state(door);
        let served = tokio::spawn(async move { axum::serve(listener, router).await }).abort_handle();
        Self { origin, served }
    }

    /// `http://127.0.0.1:41234`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl Drop for Doorman {
    fn drop(&mut self) {
        self.served.abort();
    }
}

async fn pass(State(door): State<Door>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let passed = door.http.request(parts.method, format!("{}{path}", door.origin));
    let passed = passed.headers(end_to_end(parts.headers)).bearer_auth(&door.key);
    match passed.body(reqwest::Body::wrap_stream(body.into_data_stream())).send().await {
        Ok(answer) => {
            let (status, headers) = (answer.status(), end_to_end(answer.headers().clone()));
            (status, headers, Body::from_stream(answer.bytes_stream())).into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// Without what is between two neighbours.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
        headers.remove(name);
    }
    headers
}
