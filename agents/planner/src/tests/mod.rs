//! The Planner from outside: over its REST API and MCP, with a team that does what a test says.

mod asking;
mod edge;
mod harness;
mod import;
mod mcp;
mod path;
mod roles;
mod spending;
mod thinking;
mod world;
