//! The offline engine: plan, design, change-set and checks without a model.

use protocol::{
    AppName, Problem,
    artifact::{ChangeSet, Check, CheckResult, Design, Path, Plan},
    tools::coder::AppSnapshot,
};

/// Turns a plan into a design on top of the app as it is.
///
/// # Errors
/// What is not possible on this app.
pub fn design(_plan: &Plan, _snapshot: Option<&AppSnapshot>) -> Result<Design, Problem> {
    todo!()
}

/// Writes what the design says.
///
/// # Errors
/// What is not possible on this app.
pub fn build(
    _app: &AppName,
    _design: &Design,
    _snapshot: Option<&AppSnapshot>,
    _findings: &[CheckResult],
) -> Result<ChangeSet, Problem> {
    todo!()
}

/// What must hold of an app that was built from this design.
#[must_use]
pub fn checks(_design: &Design) -> Vec<Check> {
    todo!()
}

/// The files of the live release that designing and building look at.
#[must_use]
pub fn wanted_files() -> Vec<Path> {
    todo!()
}
