//! The Architect: `design` (long).

use super::thinking::Allowance;
use crate::artifact::Plan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The tool's name.
pub const DESIGN: &str = "design";

/// Turn a plan into a design. Long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DesignInput {
    /// The plan to carry out.
    pub plan: Plan,
    /// What may be spent on language models.
    #[serde(default)]
    pub allowance: Allowance,
}
