//! The way back to an earlier release: the code flips, what was added to the schema stays.

use super::{
    Host, HostError,
    activate::app_pool,
    environment::Shared,
    names::Names,
    state::{AppState, Saga},
};
use protocol::{
    Code, Digest, Problem,
    artifact::{Invalidation, ReleaseState},
    tools::{
        coder::{ReleaseOutput, RollbackTo},
        host::{Place, RollbackReleaseInput},
    },
};

impl Host {
    /// Returns to an earlier release.
    ///
    /// # Errors
    /// [`Code::BaseMoved`], [`Code::NoSuchRelease`], [`Code::RollbackRefused`] past a migration that lost data (unless the
    /// task that ran it takes it back at once, from the pre-image), [`Code::StaleEpoch`], or what the world says.
    pub async fn rollback_release(&self, input: RollbackReleaseInput) -> Result<ReleaseOutput, Problem> {
        let (app, epoch) = (input.app.clone(), input.epoch);
        let act = self.act(&app, epoch, move |shared, state| async move {
            let request = Digest::of(&("rollback", &input.app, input.task, input.from, input.to));
            match state.outcome(request) {
                Some(answer) => Ok(answer.clone()),
                None => shared.roll_back(state, &input, request).await,
            }
        });
        Ok(act.await?)
    }
}

/// What lies between the live release and the one to return to.
struct Way {
    target: Option<Digest>,
    /// Releases that are undone, the live one first.
    undone: Vec<Digest>,
    migrations: Vec<String>,
    invalidations: Vec<Invalidation>,
}

impl Shared {
    async fn roll_back(
        &self,
        mut state: AppState,
        input: &RollbackReleaseInput,
        request: Digest,
    ) -> Result<ReleaseOutput, HostError> {
        state.expect_live(Some(input.from))?;
        let way = way(&state, input)?;
        let (home, names) = (self.app_home(&state), Names::of_app(&state.app));
        let lost = self.database.destructive_since(names.schema.as_str(), &way.migrations).await?;
        let own = state.release(input.from).is_some_and(|kept| kept.release.task == input.task);
        if let Some(row) = lost.first().filter(|_| !own || way.undone.len() > 1) {
            let detail = format!("migration {} cannot be taken back without losing what was written since", row.id);
            return Err(Code::RollbackRefused.problem(detail).into());
        }
        self.intend(&mut state, Saga::Rollback)?;
        self.cache.ping().await?;
        if !lost.is_empty() {
            self.database.restore(names.schema.as_str(), &way.migrations, input.epoch).await?;
        }
        if way.target.is_some() {
            self.open_pool(app_pool(&state), &home).await?;
        }
        home.point(way.target)?;
        self.cache.invalidate(&names.prefix, &way.invalidations).await?;
        let answer = self.record_return(&mut state, &way);
        state.remember(request, answer.clone());
        self.save(&state)?;
        Ok(answer)
    }

    fn record_return(&self, state: &mut AppState, way: &Way) -> ReleaseOutput {
        for kept in &mut state.releases {
            let digest = kept.release.digest;
            if way.undone.contains(&digest) {
                kept.release.state = ReleaseState::RolledBack;
            } else if kept.release.state == ReleaseState::Live {
                kept.release.state = ReleaseState::Previous;
            }
            if way.target == Some(digest) {
                kept.release.state = ReleaseState::Live;
            }
        }
        state.saga = None;
        let live = state.live().map(|kept| kept.release.clone());
        ReleaseOutput { live, url: self.url(&Place::Live(state.app.clone())) }
    }
}

fn way(state: &AppState, input: &RollbackReleaseInput) -> Result<Way, HostError> {
    let missing = |digest: Digest| HostError::from(Code::NoSuchRelease.problem(format!("{digest} is not kept")));
    let from = state.release(input.from).ok_or_else(|| missing(input.from))?;
    let target = match input.to {
        RollbackTo::Base => from.release.base,
        RollbackTo::Release(digest) => Some(digest),
    };
    if let Some(digest) = target.filter(|digest| state.release(*digest).is_none()) {
        return Err(missing(digest));
    }
    if target == Some(input.from) {
        return Err(Code::NothingToDo.problem("that release is live").into());
    }
    let mut way = Way { target, undone: vec![], migrations: vec![], invalidations: vec![] };
    let mut next = Some(from);
    while let Some(kept) = next.filter(|kept| Some(kept.release.digest) != target) {
        if way.undone.contains(&kept.release.digest) {
            break;
        }
        way.undone.push(kept.release.digest);
        way.migrations.extend(kept.migrations.iter().cloned());
        way.invalidations.extend(kept.invalidations.iter().cloned());
        next = kept.release.base.and_then(|base| state.release(base));
    }
    let ancestor = next.map(|kept| kept.release.digest) == target;
    if !ancestor && let Some(forward) = target.and_then(|digest| state.release(digest)) {
        // Not behind, but ahead or aside: only the live release steps down, and what that one changed is invalidated.
        way.undone.truncate(1);
        way.migrations.clone_from(&from.migrations);
        way.invalidations = from.invalidations.iter().chain(&forward.invalidations).cloned().collect();
    }
    Ok(way)
}
