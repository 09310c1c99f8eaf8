//! What an MCP client sees, of 2026-07-28 and of the revisions before it.

mod client;
mod prompts;
mod resources;
mod subscriptions;
mod tools;
