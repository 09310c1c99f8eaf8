//! The names under which a task's artifacts are kept.

/// [`crate::import::Supplied`], where a person supplied the app; attempt 0.
pub(crate) const SUPPLIED: &str = "supplied";
/// [`protocol::artifact::Plan`]; attempt 0.
pub(crate) const PLAN: &str = "plan";
/// [`protocol::artifact::Design`]; attempt 0.
pub(crate) const DESIGN: &str = "design";
/// [`protocol::artifact::ChangeSet`].
pub(crate) const CHANGES: &str = "changes";
/// A unified diff, as a string.
pub(crate) const DIFF: &str = "diff";
/// A list of [`protocol::artifact::Check`]: what the Tester ran on the preview.
pub(crate) const CHECKS: &str = "checks";
/// [`protocol::artifact::Verdict`] on the preview.
pub(crate) const VERDICT: &str = "verdict";
/// [`protocol::artifact::Verdict`] on the live app.
pub(crate) const SMOKE: &str = "smoke";
