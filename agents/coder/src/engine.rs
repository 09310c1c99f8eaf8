use protocol::{
    AppName, Problem,
    artifact::{ChangeSet, CheckResult, Design, Path},
    tools::coder::AppSnapshot,
};

/// What writes the code. Runs on a thread of its own and may take its time.
pub trait Engine: Send + Sync + 'static {
    /// The files of the live release that it wants to read before it builds.
    fn wanted_files(&self) -> Vec<Path>;

    /// Builds what the design says, on top of the app as it is.
    ///
    /// # Errors
    /// Why it cannot be built; the job fails with it, or is tried again when the code says so.
    fn build(&self, order: &Order<'_>) -> Result<ChangeSet, Problem>;
}

/// What is to be built.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The app.
    pub app: &'a AppName,
    /// How it is meant to be.
    pub design: &'a Design,
    /// The app as it is, if it exists.
    pub snapshot: Option<&'a AppSnapshot>,
    /// What the Tester found wrong in the round before.
    pub findings: &'a [CheckResult],
    /// The round, from 1.
    pub attempt: u32,
}

/// The built-in engine: no model, no network.
#[derive(Debug, Clone, Copy, Default)]
pub struct Blueprint;

impl Engine for Blueprint {
    fn wanted_files(&self) -> Vec<Path> {
        blueprint::wanted_files()
    }

    fn build(&self, order: &Order<'_>) -> Result<ChangeSet, Problem> {
        blueprint::build(order.app, order.design, order.snapshot, order.findings)
    }
}
