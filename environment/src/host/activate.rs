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
    artifact::{ChangeSet, Invalidation, Release, ReleaseState},
    tools::{
        coder::ReleaseOutput,
        host::{ActivateReleaseInput, Place},
    },
};
use runtime::fail;
use std::{collections::BTreeSet, sync::Arc};

/// So many releases of an app are kept.
const KEPT: usize = 10;

impl Host {
    /// Makes a staged change-set live.
    ///
    /// # Errors
    /// [`Code::VerdictInvalid`], [`Code::BaseMoved`], [`Code::ApprovalRequired`], [`Code::PreviewGone`],
    /// [`Code::StaleEpoch`], what MySQL says to the migrations, or what the world says. Until the swap, users see the
    /// release before it; where it is refused for good, also the rows that its migrations changed are as they were.
    pub async fn activate_release(&self, input: ActivateReleaseInput) -> Result<ReleaseOutput, Problem> {
        let (app, epoch) = (input.app.clone(), input.epoch);
        let request = Digest::of(&("activate", &input.app, input.task, input.change_set, input.base));
        let act = self.act(&app, epoch, Some(request), move |shared, mut state| async move {
            if let Some(answer) = state.outcome(request).cloned() {
                shared.tidy(&mut state, &input).await;
                return Ok(answer);
            }
            shared.activate(state, &input, request).await
        });
        Ok(act.await?)
    }
}

/// A change-set that may go live.
struct Tested {
    change_set: ChangeSet,
    staged: StagedRelease,
    source: Source,
}

impl Shared {
    async fn activate(
        self: &Arc<Self>,
        mut state: AppState,
        input: &ActivateReleaseInput,
        request: Digest,
    ) -> Result<ReleaseOutput, HostError> {
        let brought = match self.tested(&state, input).await {
            Ok(tested) => self.go_live(&mut state, input, request, tested).await,
            Err(refused) => Err(refused),
        };
        let answer = match brought {
            Ok(answer) => answer,
            Err(error) => return Err(self.step_back(&mut state, error).await),
        };
        state.remember(request, answer.clone());
        // Its previews are over, even if the host is from here on.
        state.end_previews(input.task, Utc::now());
        self.save(&state)?;
        metrics::counter!("yonin_releases_total", "outcome" => "activated").increment(1);
        fail::point("record.after", "activate");
        self.tidy(&mut state, input).await;
        Ok(answer)
    }

    /// What was tested, if it may go live now. Once begun, it may also when its verdict or its preview has expired since.
    async fn tested(&self, state: &AppState, input: &ActivateReleaseInput) -> Result<Tested, HostError> {
        let now = match &state.saga {
            Some(Saga::Activate { begun_at, .. }) => *begun_at,
            Some(Saga::Rollback(_)) | None => Utc::now(),
        };
        verdict::verify(input, &self.config.tester, now)?;
        state.expect_live(input.base)?;
        let preview = self.known_preview(state, &input.preview, now)?;
        let staged = preview.staged.clone().filter(|staged| staged.change_set == input.change_set);
        let staged = staged.ok_or_else(|| Code::PreviewGone.problem("the change-set is not what is staged there"))?;
        let change_set = self.change_set(&preview, staged.change_set)?;
        self.approved(state, &change_set, &input.approved).await?;
        let source = Source { home: self.preview_home(&preview), release: staged.release };
        Ok(Tested { change_set, staged, source })
    }

    async fn go_live(
        &self,
        state: &mut AppState,
        input: &ActivateReleaseInput,
        request: Digest,
        tested: Tested,
    ) -> Result<ReleaseOutput, HostError> {
        let Tested { change_set, staged, source } = tested;
        if state.saga.is_none() {
            let seen = self.seen_by(state).await?;
            let ids = change_set.migrations.iter().map(|migration| migration.id.clone());
            let migrations = ids.filter(|id| !seen.contains(id)).collect();
            let release = staged.release;
            state.saga = Some(Saga::Activate { request, release, migrations, begun_at: Utc::now() });
            self.save(state)?;
            fail::point("saga.after", "activate");
        }
        self.bring_live(state, &change_set, source, input).await?;
        let schema = self.seen_by(state).await?;
        Ok(self.record(state, input, &staged, (schema, change_set.invalidations)))
    }

    /// Whatever comes next, users see the release that is recorded as live. What may go better soon goes on when it is asked
    /// for again; anything else is over, and taken back.
    async fn step_back(&self, state: &mut AppState, error: HostError) -> HostError {
        let problem = Problem::from(error);
        let back = if problem.code.is_retryable() || problem.code == Code::StaleEpoch {
            self.app_home(state).point(state.live_digest())
        } else {
            self.recover(state).await
        };
        // The first trouble is the one to tell of. The second is met again by whoever comes next.
        if let Err(error) = back {
            tracing::error!(error = %error, app.name = %state.app, "A release could not be taken back yet");
        }
        problem.into()
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
        fail::point("files.after", "activate");
        let options = MigrateOptions { owner: input.epoch, pre_images: true };
        self.database.migrate(names.schema.as_str(), &change_set.migrations, options).await?;
        fail::point("migrate.after", "activate");
        self.open_pool(app_pool(state), &home).await?;
        fail::point("pool.after", "activate");
        // What comes after the swap must not be the first to find Redis gone.
        self.cache.ping().await?;
        home.point(Some(release))?;
        fail::point("swap.after", "activate");
        self.cache.invalidate(&names.prefix, &change_set.invalidations).await?;
        fail::point("invalidate.after", "activate");
        Ok(())
    }

    fn record(
        &self,
        state: &mut AppState,
        input: &ActivateReleaseInput,
        staged: &StagedRelease,
        (schema, invalidations): (BTreeSet<String>, Vec<Invalidation>),
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
        state.releases.insert(0, Kept { release: release.clone(), schema, invalidations });
        state.saga = None;
        ReleaseOutput { live: Some(release), url: self.url(&Place::Live(state.app.clone())) }
    }

    /// What is over goes. The release is live whatever becomes of this: what stays behind is found again later.
    async fn tidy(&self, state: &mut AppState, input: &ActivateReleaseInput) {
        let previews = state.end_previews(input.task, Utc::now());
        if state.releases.len() <= KEPT && previews.is_empty() {
            return;
        }
        let home = self.app_home(state);
        while state.releases.len() > KEPT {
            let Some(last) = state.spared_first() else { break };
            if let Err(error) = home.forget(state.releases[last].release.digest) {
                tracing::warn!(error = %error, app.name = %state.app, "An old release stays behind");
                break;
            }
            state.releases.remove(last);
        }
        let done = async {
            self.save(state)?;
            for preview in &previews {
                self.close_preview(state, preview).await?;
            }
            Ok::<_, HostError>(())
        };
        if let Err(error) = done.await {
            tracing::warn!(error = %error, app.name = %state.app, "A preview stays behind for now");
        }
    }
}

/// The name of an app's pool.
pub(super) fn app_pool(state: &AppState) -> String {
    format!("app-{}", state.app)
}
