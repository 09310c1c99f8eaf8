//! A tested change-set goes live: a saga of steps, each of which may be repeated, around one atomic swap.

use super::{
    Host, HostError,
    database::MigrateOptions,
    environment::{Shared, on_files},
    names::Names,
    releases::Source,
    state::{AppState, Kept, Saga, StagedRelease},
    verdict,
};
use chrono::Utc;
use protocol::{
    Code, Digest, Problem,
    artifact::{ChangeSet, Release, ReleaseState},
    tools::{
        coder::ReleaseOutput,
        host::{ActivateReleaseInput, Place},
    },
};
use std::sync::Arc;

/// So many releases of an app are kept.
const KEPT: usize = 10;

impl Host {
    /// Makes a staged change-set live.
    ///
    /// # Errors
    /// [`Code::VerdictInvalid`], [`Code::BaseMoved`], [`Code::ApprovalRequired`], [`Code::PreviewGone`],
    /// [`Code::StaleEpoch`], what MySQL says to the migrations, or what the world says. Until the swap, users see the
    /// release before it.
    pub async fn activate_release(&self, input: ActivateReleaseInput) -> Result<ReleaseOutput, Problem> {
        let (app, epoch) = (input.app.clone(), input.epoch);
        let act = self.act(&app, epoch, move |shared, state| async move {
            let request = Digest::of(&("activate", &input.app, input.task, input.change_set, input.base));
            match state.outcome(request) {
                Some(answer) => Ok(answer.clone()),
                None => shared.activate(state, &input, request).await,
            }
        });
        Ok(act.await?)
    }
}

impl Shared {
    async fn activate(
        self: &Arc<Self>,
        mut state: AppState,
        input: &ActivateReleaseInput,
        request: Digest,
    ) -> Result<ReleaseOutput, HostError> {
        verdict::verify(input, &self.config.tester, Utc::now())?;
        state.expect_live(input.base)?;
        let preview = self.known_preview(&state, &input.preview)?;
        let staged = preview.staged.clone().filter(|staged| staged.change_set == input.change_set);
        let staged = staged.ok_or_else(|| Code::PreviewGone.problem("the change-set is not what is staged there"))?;
        let change_set = self.change_set(&preview, staged.change_set)?;
        self.approved(&state, &change_set, &input.approved).await?;
        self.intend(&mut state, Saga::Activate(staged.change_set))?;
        let source = Source { home: self.preview_home(&preview), release: staged.release };
        if let Err(error) = self.bring_live(&state, &change_set, source, input).await {
            // Whatever comes next, users see the release that is recorded as live.
            self.app_home(&state).point(state.live_digest())?;
            let problem = Problem::from(error);
            if !problem.code.is_retryable() && problem.code != Code::StaleEpoch {
                state.saga = None;
                self.save(&state)?;
            }
            return Err(problem.into());
        }
        let answer = self.record(&mut state, input, &staged, &change_set);
        state.remember(request, answer.clone());
        self.save(&state)?;
        self.tidy(&mut state, input).await;
        Ok(answer)
    }

    /// Writes down what is about to happen. Another act that was cut off between its swap and its record is taken back first.
    pub(super) fn intend(&self, state: &mut AppState, saga: Saga) -> Result<(), HostError> {
        if state.saga.is_some_and(|begun| begun != saga) {
            self.put_back(state)?;
        }
        state.saga = Some(saga);
        self.save(state)
    }

    /// Takes back the swap of an act that was cut off before it was recorded and that nobody goes on with.
    pub(super) fn put_back(&self, state: &mut AppState) -> Result<(), HostError> {
        if state.saga.is_none() {
            return Ok(());
        }
        let home = self.app_home(state);
        if home.pointed() != state.live_digest() {
            home.point(state.live_digest())?;
        }
        state.saga = None;
        self.save(state)
    }

    /// Refuses statements that can lose data and that nobody has approved, word for word.
    async fn approved(&self, state: &AppState, change_set: &ChangeSet, approved: &[Digest]) -> Result<(), HostError> {
        let destructive = self.destructive(state, &change_set.migrations).await?;
        match destructive.iter().find(|statement| !approved.contains(&statement.checksum)) {
            None => Ok(()),
            Some(open) => {
                let detail = format!("nobody has approved exactly {}: {}", open.id, open.danger);
                Err(Code::ApprovalRequired.problem(detail).into())
            }
        }
    }

    async fn bring_live(
        &self,
        state: &AppState,
        change_set: &ChangeSet,
        source: Source,
        input: &ActivateReleaseInput,
    ) -> Result<(), HostError> {
        let (home, names) = (self.app_home(state), Names::of_app(&state.app));
        let (place, release) = (home.clone(), source.release);
        on_files(move || place.adopt(&source)).await?;
        let options = MigrateOptions { owner: input.epoch, pre_images: true };
        self.database.migrate(names.schema.as_str(), &change_set.migrations, options).await?;
        self.open_pool(app_pool(state), &home).await?;
        // What comes after the swap must not be the first to find Redis gone.
        self.cache.ping().await?;
        home.point(Some(release))?;
        self.cache.invalidate(&names.prefix, &change_set.invalidations).await?;
        Ok(())
    }

    fn record(
        &self,
        state: &mut AppState,
        input: &ActivateReleaseInput,
        staged: &StagedRelease,
        change_set: &ChangeSet,
    ) -> ReleaseOutput {
        let release = Release {
            app: state.app.clone(),
            digest: staged.release,
            change_set: staged.change_set,
            base: input.base,
            task: input.task,
            state: ReleaseState::Live,
            activated_at: Utc::now(),
        };
        state.releases.retain(|kept| kept.release.digest != staged.release);
        for kept in state.releases.iter_mut().filter(|kept| kept.release.state == ReleaseState::Live) {
            kept.release.state = ReleaseState::Previous;
        }
        let kept = Kept {
            release: release.clone(),
            migrations: change_set.migrations.iter().map(|migration| migration.id.clone()).collect(),
            invalidations: change_set.invalidations.clone(),
        };
        state.releases.insert(0, kept);
        state.saga = None;
        ReleaseOutput { live: Some(release), url: self.url(&Place::Live(state.app.clone())) }
    }

    /// What is over goes. The release is live whatever becomes of this: what stays behind is found again later.
    async fn tidy(&self, state: &mut AppState, input: &ActivateReleaseInput) {
        let home = self.app_home(state);
        while state.releases.len() > KEPT {
            let Some(last) = state.spared_first() else { break };
            if let Err(error) = home.forget(state.releases[last].release.digest) {
                tracing::warn!(error = %error, app.name = %state.app, "An old release stays behind");
                break;
            }
            state.releases.remove(last);
        }
        let done = match self.save(state) {
            Ok(()) => self.close_preview(state, &input.preview).await,
            failed => failed,
        };
        if let Err(error) = done {
            tracing::warn!(error = %error, app.name = %state.app, "A preview stays behind until it expires");
        }
    }
}

/// The name of an app's pool.
pub(super) fn app_pool(state: &AppState) -> String {
    format!("app-{}", state.app)
}
