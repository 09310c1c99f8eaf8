use serde::{Deserialize, Serialize};

/// Where everything answers: what `yonin up --json` prints, on one line, when it is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// The Planner's origin: REST below `/v1`, web page, OpenAPI.
    pub api: String,
    /// The Planner's MCP endpoint.
    pub mcp: String,
    /// Nginx's origin; apps by Host header.
    pub web: String,
    /// The agents' origins.
    pub agents: Agents,
    /// The host's origin.
    pub host: String,
    /// The environment's MySQL, with an account that may read everything: `mysql://user:password@host:port`.
    pub mysql: String,
    /// The environment's Redis, with an account that may read everything: `redis://user:password@host:port`.
    pub redis: String,
    /// The API key.
    pub key: String,
}

/// The agents' origins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agents {
    /// Plans, and answers people.
    pub planner: String,
    /// Designs.
    pub architect: String,
    /// Builds, releases, rolls back.
    pub coder: String,
    /// Tests.
    pub tester: String,
}
