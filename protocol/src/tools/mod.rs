//! What each service can be asked for over MCP: names, inputs, outputs. JSON Schemas come from these types.

pub mod architect;
pub mod coder;
pub mod host;
pub mod planner;
pub mod tester;
pub mod thinking;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The order of writers on one app. The Planner hands every call that may change the app a higher `turn` than the one
/// before; the job that carries it out adds its own fencing token. The host refuses anything below the highest it has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Epoch {
    /// Which call of the Planner.
    pub turn: u64,
    /// Which run of the job that the call became.
    pub fence: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's `skip_serializing_if` passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Where a change-set can be tested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreviewRef {
    /// Its unguessable name.
    pub name: crate::PreviewName,
    /// Where it answers.
    pub url: String,
    /// When it goes away by itself.
    pub expires_at: crate::Timestamp,
}
