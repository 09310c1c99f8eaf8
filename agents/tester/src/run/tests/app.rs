use super::stage::FakeHost;
use axum::{
    Form, Json, Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use futures::StreamExt as _;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::task::JoinHandle;

/// A small app: notes behind a form with a token, and pages that behave badly.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    notes: Arc<Notes>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Notes {
    titles: Mutex<Vec<String>>,
    posts: AtomicUsize,
    host: Arc<FakeHost>,
}

impl App {
    pub(crate) async fn start(host: Arc<FakeHost>) -> Self {
        let notes = Arc::new(Notes { host, ..Notes::default() });
        let routes = Router::new()
            .route("/form", get(form).post(submit))
            .route("/notes/{id}", get(note))
            .route("/echo", post(echo))
            .route("/five", get(async || Json(json!({"a": 5}))))
            .route("/leak", get(async || format!("connected with {}", super::stage::PASSWORD)))
            .route("/leak-at-the-cut", get(leak_at_the_cut))
            .route("/broken", get(broken))
            .route("/huge", get(async || "x".repeat((1 << 20) + 1)))
            .route("/warns", get(warns))
            .route("/boom", get(async || StatusCode::INTERNAL_SERVER_ERROR))
            .with_state(Arc::clone(&notes));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.expect("a server") });
        Self { address, notes, server }
    }

    /// How many requests wrote something, or tried to.
    pub(crate) fn posts(&self) -> usize {
        self.notes.posts.load(Ordering::Relaxed)
    }

    pub(crate) fn stop(&self) {
        self.server.abort();
    }
}

async fn form() -> impl IntoResponse {
    let page = Html(r#"<form method="post"><input name="csrf" value="t&amp;&#39;1"></form>"#);
    ([(header::SET_COOKIE, "sid=session-secret; HttpOnly")], page)
}

async fn submit(
    State(notes): State<Arc<Notes>>,
    headers: HeaderMap,
    Form(fields): Form<BTreeMap<String, String>>,
) -> Response {
    notes.posts.fetch_add(1, Ordering::Relaxed);
    let known = headers.get(header::COOKIE).is_some_and(|cookie| cookie == "sid=session-secret");
    if !known || fields.get("csrf").map(String::as_str) != Some("t&'1") {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut titles = notes.titles.lock().expect("a list");
    titles.push(fields.get("title").cloned().unwrap_or_default());
    (StatusCode::SEE_OTHER, [(header::LOCATION, format!("/notes/{}", titles.len()))]).into_response()
}

async fn note(State(notes): State<Arc<Notes>>, Path(id): Path<usize>) -> Response {
    let titles = notes.titles.lock().expect("a list");
    match id.checked_sub(1).and_then(|index| titles.get(index)) {
        Some(title) => Json(json!({"id": id, "title": title})).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn echo(State(notes): State<Arc<Notes>>, Json(body): Json<Value>) -> Json<Value> {
    notes.posts.fetch_add(1, Ordering::Relaxed);
    Json(body)
}

/// Where the evidence ends, in the middle of a password.
async fn leak_at_the_cut() -> String {
    format!("{}{}{}", "x".repeat(3_035), super::stage::PASSWORD, "y".repeat(1_000))
}

/// Says that more is to come than does.
async fn broken() -> Response {
    let end = futures::stream::once(async {
        // The server sends what it has before it asks again.
        tokio::task::yield_now().await;
        Err(std::io::Error::other("no more"))
    });
    Body::from_stream(futures::stream::iter([Ok("half")]).chain(end)).into_response()
}

async fn warns(State(notes): State<Arc<Notes>>) -> &'static str {
    notes.host.logs("PHP Warning:  Undefined variable $title in /srv/a.php on line 3");
    "fine"
}
