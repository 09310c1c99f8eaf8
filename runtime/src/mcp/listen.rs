//! `subscriptions/listen`: tells of resources that change, on whichever replica it is asked.
//!
//! What is told comes from the store: a hint, or the poll where no hint comes, says when to look. How things stand is read before
//! the subscription is acknowledged, so that nothing that happens after is missed.

use super::Server;
use crate::{
    Jobs, Principal,
    http::{BodyLimit, Caller, Failure, read},
    resource::{Resources, Standing},
};
use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use futures::future::join_all;
use http::header;
use protocol::{Code, Digest, JobId, Problem};
use rmcp::{
    ErrorData,
    service::{SubscriptionContext, SubscriptionSink},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio_util::sync::CancellationToken;

const METHOD: &str = "subscriptions/listen";
/// How many subscriptions one caller may have open with one process.
pub(super) const MOST_OPEN: usize = 16;
/// How many addresses one subscription may name; those beyond are not acknowledged.
pub(super) const MOST_ADDRESSES: usize = 100;

/// What one subscription watches, as it stood before it was acknowledged. Its place is free again when it is gone.
pub(super) struct Watched {
    standings: Vec<(String, Standing)>,
    caller: Principal,
    _place: Place,
}

/// Lets a subscription pass with those addresses alone that its caller may watch: `rmcp` acknowledges what is asked for, and can't
/// be told who is asking. Every other request passes as it is.
///
/// # Errors
/// [`Code::TooManyRequests`] when the caller has as many open as it may.
pub(crate) async fn admit(State(server): State<Server>, request: Request, next: Next) -> Result<Response, Failure> {
    let is_one = request.headers().get("mcp-method").is_some_and(|method| method == METHOD);
    match &server.0.resources {
        Some(resources) if is_one => Ok(next.run(reduced(resources.as_ref(), &server.0.open, request).await?).await),
        _ => Ok(next.run(request).await),
    }
}

async fn reduced(resources: &dyn Resources, open: &Open, request: Request) -> Result<Request, Problem> {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::of(&parts.extensions)?;
    let body = read(body, BodyLimit::of(&parts.extensions)).await?;
    // What is no request of MCP `rmcp` refuses.
    let Ok(mut message) = serde_json::from_slice::<Value>(&body) else {
        return Ok(Request::from_parts(parts, Body::from(body)));
    };
    let _place = open.enter(&caller)?;
    let mut standings = Vec::new();
    if let Some(asked) = message.pointer_mut("/params/notifications/resourceSubscriptions") {
        let mut addresses: Vec<String> = serde_json::from_value(asked.clone()).unwrap_or_default();
        addresses.sort();
        addresses.dedup();
        addresses.truncate(MOST_ADDRESSES);
        let found = resources.standings(&caller, &addresses).await?;
        standings.extend(addresses.into_iter().zip(found).filter_map(|(uri, found)| Some((uri, found?))));
        if asked.is_array() {
            *asked = json!(standings.iter().map(|(uri, _)| uri).collect::<Vec<_>>());
        }
    }
    parts.extensions.insert(Arc::new(Watched { standings, caller, _place }));
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Request::from_parts(parts, Body::from(message.to_string())))
}

/// Tells of every change until the client leaves or the service stops.
///
/// # Errors
/// When the request did not pass [`admit`] as what it is.
pub(super) async fn run(
    resources: &dyn Resources,
    jobs: &Jobs,
    stopping: &CancellationToken,
    subscription: &SubscriptionContext,
) -> Result<(), ErrorData> {
    let parts = subscription.request_context().extensions.get::<http::request::Parts>();
    let watched = parts.and_then(|parts| parts.extensions.get::<Arc<Watched>>());
    let watched = watched.ok_or_else(|| ErrorData::header_mismatch(format!("send Mcp-Method: {METHOD}"), None))?;
    let told = async {
        let sink = subscription.sink();
        join_all(by_job(watched).into_iter().map(|(job, (uris, versions))| {
            Follower { resources, jobs, job, caller: &watched.caller, uris, versions, sink }.follow()
        }))
        .await;
        // Nothing more will change; the client may still want to know when the service stops.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = told => {}
        () = stopping.cancelled() => {}
        () = subscription.cancelled() => {}
    }
    Ok(())
}

/// What each job changes: where, and how it stands there.
fn by_job(watched: &Watched) -> BTreeMap<JobId, (Vec<String>, Vec<Digest>)> {
    let mut jobs = BTreeMap::<_, (Vec<_>, Vec<_>)>::new();
    for (uri, standing) in watched.standings.iter().filter(|(_, standing)| !standing.over) {
        let (uris, versions) = jobs.entry(standing.job).or_default();
        uris.push(uri.clone());
        versions.push(standing.version);
    }
    jobs
}

/// Follows what one job changes.
struct Follower<'a> {
    resources: &'a dyn Resources,
    jobs: &'a Jobs,
    job: JobId,
    caller: &'a Principal,
    /// Where it looks, and what it saw there last.
    uris: Vec<String>,
    versions: Vec<Digest>,
    sink: &'a SubscriptionSink,
}

impl Follower<'_> {
    async fn follow(mut self) {
        while !self.uris.is_empty() {
            // Asked for before looking, so that what is written in between is heard.
            let changed = self.jobs.changed(self.job);
            match self.look().await {
                Ok(changes) => {
                    for uri in changes {
                        // Who has gone is told nothing; the subscription ends by itself.
                        if self.sink.notify_resource_updated(uri).await.is_err() {
                            return;
                        }
                    }
                }
                Err(problem) => {
                    tracing::debug!(job.id = %self.job, error = %problem, "A subscription looks again later")
                }
            }
            if !self.uris.is_empty() {
                changed.await;
            }
        }
    }

    /// What has changed since it looked last; what is gone has, too. What can't change any more it follows no longer.
    async fn look(&mut self) -> Result<Vec<String>, Problem> {
        let found = self.resources.standings(self.caller, &self.uris).await?;
        let (uris, versions) = (mem::take(&mut self.uris), mem::take(&mut self.versions));
        let mut changes = Vec::new();
        for ((uri, version), standing) in uris.into_iter().zip(versions).zip(found) {
            if standing.as_ref().is_none_or(|standing| standing.version != version) {
                changes.push(uri.clone());
            }
            if let Some(standing) = standing.filter(|standing| !standing.over) {
                self.uris.push(uri);
                self.versions.push(standing.version);
            }
        }
        Ok(changes)
    }
}

/// How many subscriptions each caller has open.
#[derive(Clone, Default)]
pub(super) struct Open(Arc<Mutex<HashMap<Principal, usize>>>);

impl Open {
    fn enter(&self, caller: &Principal) -> Result<Place, Problem> {
        let mut open = self.counts();
        let count = open.entry(caller.clone()).or_default();
        if *count >= MOST_OPEN {
            return Err(Code::TooManyRequests.problem(format!("a caller may have {MOST_OPEN} subscriptions open")));
        }
        *count += 1;
        Ok(Place { open: self.clone(), caller: caller.clone() })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Principal, usize>> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of them.
struct Place {
    open: Open,
    caller: Principal,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.counts();
        if let Some(count) = open.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Role;

    #[test]
    fn a_caller_has_so_many_places_and_gets_each_back() {
        let (open, mei) = (Open::default(), Principal::person("mei", Role::Viewer));
        let mut places: Vec<_> = (0..MOST_OPEN).map(|_| open.enter(&mei).expect("a place")).collect();
        assert_eq!(open.enter(&mei).err().expect("full").code, Code::TooManyRequests);
        assert!(open.enter(&Principal::person("taro", Role::Viewer)).is_ok(), "another caller's are others");
        places.pop();
        places.push(open.enter(&mei).expect("a place that became free"));
        drop(places);
        assert!(open.counts().is_empty());
    }
}
