//! What each MCP request needs.

use super::Server;
use crate::Principal;
use protocol::Role;
use serde::Deserialize;
use std::borrow::Cow;

/// Requests and notifications that change nothing. What is in neither list needs an operator: a new method that nobody thought of is
/// closed to those who only look.
const LOOK: &[&str] = &[
    "initialize",
    "ping",
    "server/discover",
    "tools/list",
    "tasks/get",
    "tasks/list",
    "tasks/result",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "prompts/list",
    "prompts/get",
    "completion/complete",
    "subscriptions/listen",
    "logging/setLevel",
];

/// As much of a request as says what it is.
#[derive(Deserialize)]
struct Request<'a> {
    /// A reply to what a client was asked has none.
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<Params<'a>>,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

impl Server {
    /// The role that a request needs, as far as this caller has to be asked for one: for those who may do everything, nobody reads the
    /// request twice. What can't be read is refused later, and decided there: tools and jobs ask again.
    pub(crate) fn needed(&self, caller: &Principal, request: &[u8]) -> Role {
        if caller.require(Role::Operator).is_ok() {
            return Role::Viewer;
        }
        match serde_json::from_slice::<Request<'_>>(request) {
            Ok(Request { method: Some(method), params }) => {
                self.needed_by(&method, params.as_ref().and_then(|params| params.name.as_deref()))
            }
            Ok(Request { method: None, .. }) => Role::Operator,
            Err(_) => Role::Viewer,
        }
    }

    fn needed_by(&self, method: &str, tool: Option<&str>) -> Role {
        match (method, tool) {
            // Who calls what is not there hears so.
            ("tools/call", tool) => {
                tool.and_then(|tool| self.0.tools.get(tool)).map_or(Role::Viewer, |(needs, _)| *needs)
            }
            (method, _) if LOOK.contains(&method) || method.starts_with("notifications/") => Role::Viewer,
            _ => Role::Operator,
        }
    }
}
