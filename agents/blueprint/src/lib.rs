//! The offline engine: plan, design, change-set and checks without a model.

use protocol::{
    AppName, Problem, TaskId,
    artifact::{ChangeSet, Check, CheckResult, Design, Path, Plan},
    tools::coder::AppSnapshot,
};

/// Reads a goal with the app in view and says what is going to be done.
///
/// # Errors
/// What was and what was not understood, or that nothing is left to do.
pub fn plan(
    _task: TaskId,
    _app: &AppName,
    _goal: &str,
    _snapshot: Option<&AppSnapshot>,
) -> Result<Plan, Problem> {
    todo!()
}

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
