//! A real service on a real port, seen from outside: MCP of every age, plain HTTP, and our own peer client.

mod access;
mod asking;
mod fixture;
mod guard;
mod life;
mod mcp;
mod peer;
mod rest;
mod rotation;
mod tasks;
mod waiting;
