//! What an act on live that was cut off left half done.

use super::{
    HostError,
    environment::{Shared, on_files},
    names::Names,
    state::{AppState, Saga},
};
use protocol::{Code, Digest, Problem};
use std::collections::BTreeSet;

impl Shared {
    /// Brings an act that was begun, and that nobody goes on with, to an end: a release that was never recorded is taken back,
    /// a way back is taken to its end. Afterwards nothing is begun, and users see the release that is recorded as live.
    pub(super) async fn recover(&self, state: &mut AppState) -> Result<(), HostError> {
        match state.saga.clone() {
            None => Ok(()),
            Some(Saga::Activate { release, migrations, .. }) => self.take_back(state, release, &migrations).await,
            Some(Saga::Rollback(back)) => match self.return_to(state, back).await {
                Ok(_) => Ok(()),
                Err(error) => self.give_up_return(state, error),
            },
        }
    }

    /// Lets the recorded release answer again, with the rows that its code knows, and forgets the one that was on its way.
    async fn take_back(&self, state: &mut AppState, release: Digest, migrations: &[String]) -> Result<(), HostError> {
        tracing::info!(app.name = %state.app, release = %release.short(), "Taking back a release that was not recorded");
        let home = self.app_home(state);
        home.point(state.live_digest())?;
        self.restore(state, migrations).await?;
        state.saga = None;
        self.save(state)?;
        if state.wanted_releases().contains(&release) {
            return Ok(());
        }
        on_files(move || home.forget(release)).await
    }

    /// Puts back the rows that these migrations took away. What they added stays.
    async fn restore(&self, state: &AppState, migrations: &[String]) -> Result<(), HostError> {
        let (false, Some(epoch)) = (migrations.is_empty(), state.epoch) else { return Ok(()) };
        let schema = Names::of_app(&state.app).schema;
        let problem = match self.database.restore(schema.as_str(), migrations, epoch).await.map_err(Problem::from) {
            Err(problem) if problem.code == Code::RollbackRefused => problem,
            other => return Ok(other?),
        };
        // The code that is live now fails where it needs what is gone. Only a person can weigh that against the rows written
        // since, and nothing is gained by refusing every later change to the app.
        tracing::error!(
            app.name = %state.app, error = %problem,
            "The rows that a migration of a release which was taken back had changed cannot be put back"
        );
        Ok(())
    }

    /// A way back that is refused where it is taken up again has changed nothing, and is over.
    pub(super) fn give_up_return(&self, state: &mut AppState, error: HostError) -> Result<(), HostError> {
        let problem = Problem::from(error);
        let refused = [Code::RollbackRefused, Code::NoSuchRelease, Code::NothingToDo, Code::BaseMoved];
        if !refused.contains(&problem.code) {
            return Err(problem.into());
        }
        tracing::warn!(app.name = %state.app, error = %problem, "A way back that was begun is not taken");
        state.saga = None;
        self.save(state)
    }

    /// Ids of the migrations that an app's schema has seen.
    pub(super) async fn seen_by(&self, state: &AppState) -> Result<BTreeSet<String>, HostError> {
        let schema = Names::of_app(&state.app).schema;
        Ok(self.database.done(schema.as_str()).await?)
    }
}
