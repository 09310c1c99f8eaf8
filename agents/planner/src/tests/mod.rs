//! The Planner from outside: over its REST API, with a team that does what a test says.

mod edge;
mod harness;
mod path;
mod roles;
mod spending;
mod thinking;
mod world;
