//! What a server says of itself: who it is, and what it offers to clients of each revision.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rmcp::model::{Icon, Implementation, InitializeResult, ResourcesCapability, ServerCapabilities, ServerConfig};

/// Four people.
const ICON: &[u8] = include_bytes!("icon.svg");

/// What clients of 2026-07-28 are offered. Nothing here changes while a process runs, so nobody is told of changed lists.
pub(super) fn capabilities(has_jobs: bool, has_prompts: bool, has_resources: bool) -> ServerCapabilities {
    let mut capabilities = ServerCapabilities::builder().enable_tools().build();
    if has_jobs {
        capabilities.extensions = ServerCapabilities::builder().enable_tasks().build().extensions;
    }
    capabilities.prompts = has_prompts.then(Default::default);
    capabilities.completions = (has_prompts || has_resources).then(Default::default);
    capabilities.resources = has_resources.then(|| {
        let mut resources = ResourcesCapability::default();
        resources.subscribe = Some(true);
        resources
    });
    capabilities
}

pub(super) fn config(
    service: &'static str,
    instructions: Option<&'static str>,
    capabilities: ServerCapabilities,
) -> ServerConfig {
    let implementation = Implementation::new(format!("yonin-{service}"), env!("CARGO_PKG_VERSION"))
        .with_title(format!("Yonin {service}"))
        .with_description("One of the services of Yonin, a team of agents that changes live PHP applications safely.")
        .with_icons(vec![icon()]);
    let config = ServerConfig::new(capabilities).with_server_info(implementation);
    match instructions {
        Some(text) => config.with_instructions(text),
        None => config,
    }
}

/// What those are offered who initialize: nothing that needs a session, or a client that says with each request what it can do.
pub(super) fn without_sessions(mut said: InitializeResult) -> InitializeResult {
    said.capabilities.extensions = None;
    if let Some(resources) = &mut said.capabilities.resources {
        resources.subscribe = None;
    }
    said
}

/// As a data URI: nothing is fetched from anywhere.
fn icon() -> Icon {
    Icon::new(format!("data:image/svg+xml;base64,{}", BASE64_STANDARD.encode(ICON)))
        .with_mime_type("image/svg+xml")
        .with_sizes(vec!["any".to_owned()])
}
