//! The Planner from outside: over its REST API, with a team that does what a test says.

mod edge;
mod harness;
mod import;
mod path;
mod spending;
mod thinking;
mod world;
