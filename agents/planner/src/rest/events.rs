use super::{
    Rest,
    parts::{Asked, Id},
};
use crate::tasks::Tasks;
use axum::{
    Router,
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse,
        sse::{Event as Frame, KeepAlive, Sse},
    },
    routing::get,
};
use futures::stream;
use protocol::{
    Code, Problem, TaskId,
    event::{Event, What},
};
use runtime::{CancellationToken, Principal, http::Failure};
use serde::Deserialize;
use std::{collections::VecDeque, time::Duration};

pub(super) fn router() -> Router<Rest> {
    Router::new().route("/v1/tasks/{id}/events", get(events))
}

/// So often something is sent, so that nobody in between takes the stream for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct From {
    after: Option<u64>,
}

/// A task's events as they happen, until it ends.
#[utoipa::path(
    get, path = "/v1/tasks/{id}/events", tag = "tasks",
    params(("id" = String, Path), ("after" = Option<u64>, Query, description = "like Last-Event-ID, which goes first"),
           ("Last-Event-ID" = Option<u64>, Header, description = "the last event that was seen")),
    responses((status = 200, description = "The answer", body = Event, content_type = "text/event-stream"),
              (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"))
)]
async fn events(
    State(Rest { tasks, stop, .. }): State<Rest>,
    caller: Principal,
    Id(id): Id,
    Asked(from): Asked<From>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Failure> {
    let after = last_seen(&headers)?.or(from.after).unwrap_or(0);
    tasks.get(&caller, id).await?;
    let reader = Reader { tasks, caller, id, after, read: VecDeque::new(), ended: false, stop };
    let frames = stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((frame(&event), reader))
    });
    // Proxies that collect what they pass on would keep what happens until it is over.
    Ok(([("x-accel-buffering", "no")], Sse::new(frames).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))))
}

/// Follows a task's history from one place on.
struct Reader {
    tasks: Tasks,
    caller: Principal,
    id: TaskId,
    after: u64,
    read: VecDeque<Event>,
    ended: bool,
    stop: CancellationToken,
}

impl Reader {
    /// The next event, as soon as there is one; `None` after the last, and when the service stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.read.pop_front() {
                self.after = event.seq;
                self.ended = matches!(event.what, What::Ended { .. });
                return Some(event);
            }
            if self.ended || self.stop.is_cancelled() {
                return None;
            }
            // Asked for before reading, so that what is written in between is heard.
            let changed = self.tasks.changed(self.id);
            match self.read_on().await {
                Ok(true) => {}
                Ok(false) => tokio::select! {
                    () = changed => {}
                    () = self.stop.cancelled() => return None,
                },
                Err(problem) => {
                    // The client comes back with the last id it saw.
                    tracing::warn!(task.id = %self.id, error = %problem, "A stream of events broke off");
                    return None;
                }
            }
        }
    }

    /// Reads what has happened since; says whether there is anything to do at once.
    async fn read_on(&mut self) -> Result<bool, Problem> {
        // The status first: the last event is written together with it.
        let over = self.tasks.get(&self.caller, self.id).await?.status.is_final();
        self.read.extend(self.tasks.events(&self.caller, self.id, self.after).await?);
        self.ended = over && self.read.is_empty();
        Ok(self.ended || !self.read.is_empty())
    }
}

fn frame(event: &Event) -> Result<Frame, axum::Error> {
    let data = serde_json::to_value(event).map_err(axum::Error::new)?;
    let kind = data["type"].as_str().unwrap_or_default().to_owned();
    Frame::default().id(event.seq.to_string()).event(kind).json_data(data)
}

fn last_seen(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let seen = value.to_str().ok().and_then(|text| text.parse().ok());
    seen.map(Some).ok_or_else(|| Code::BadCursor.problem("Last-Event-ID is the id of an event of this task"))
}
