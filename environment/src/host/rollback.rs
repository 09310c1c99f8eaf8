//! The way back to an earlier release: the code flips, what was added to the schema stays.

use super::{
    Host, HostError,
    activate::app_pool,
    environment::Shared,
    names::Names,
    state::{AppState, Return, Saga},
};
use protocol::{
    Code, Digest, Problem,
    artifact::{Invalidation, ReleaseState},
    tools::{
        coder::{ReleaseOutput, RollbackTo},
        host::{Place, RollbackReleaseInput},
    },
};
use runtime::fail;
use std::collections::BTreeSet;

impl Host {
    /// Returns to an earlier release.
    ///
    /// # Errors
    /// [`Code::BaseMoved`], [`Code::NoSuchRelease`], [`Code::RollbackRefused`] past a migration that lost data (unless the
    /// task that ran it takes it back at once, from the pre-image), [`Code::StaleEpoch`], or what the world says.
    pub async fn rollback_release(&self, input: RollbackReleaseInput) -> Result<ReleaseOutput, Problem> {
        let RollbackReleaseInput { app, task, from, to, epoch } = input;
        let request = Digest::of(&("rollback", &app, task, from, to));
        let back = Return { request, task, from, to };
        let act = self.act(&app, epoch, Some(request), move |shared, mut state| async move {
            match state.outcome(request) {
                Some(answer) => Ok(answer.clone()),
                None => shared.return_to(&mut state, back).await,
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
    invalidations: Vec<Invalidation>,
    /// Ids of migrations that the schema has seen and the target's code has not.
    unknown: Vec<String>,
    /// Rows must come back from their pre-images.
    restore: bool,
}

impl Shared {
    /// Takes a way back, or goes on with it.
    pub(super) async fn return_to(&self, state: &mut AppState, back: Return) -> Result<ReleaseOutput, HostError> {
        state.expect_live(Some(back.from))?;
        let way = self.passable(state, &back).await?;
        if state.saga.is_none() {
            state.saga = Some(Saga::Rollback(back));
            self.save(state)?;
            fail::point("saga.after", "rollback");
        }
        if let Err(error) = self.walk(state, &way).await {
            let problem = Problem::from(error);
            if problem.code == Code::RollbackRefused {
                self.give_up_return(state, problem.clone().into())?;
            }
            return Err(problem.into());
        }
        let answer = self.record_return(state, &way);
        state.remember(back.request, answer.clone());
        self.save(state)?;
        metrics::counter!("yonin_releases_total", "outcome" => "rolled_back").increment(1);
        fail::point("record.after", "rollback");
        Ok(answer)
    }

    /// Each step may be repeated.
    async fn walk(&self, state: &AppState, way: &Way) -> Result<(), HostError> {
        let (home, names) = (self.app_home(state), Names::of_app(&state.app));
        self.cache.ping().await?;
        if let (true, Some(epoch)) = (way.restore, state.epoch) {
            self.database.restore(names.schema.as_str(), &way.unknown, epoch).await?;
        }
        fail::point("restore.after", "rollback");
        if way.target.is_some() {
            self.open_pool(app_pool(state), &home).await?;
        }
        fail::point("pool.after", "rollback");
        home.point(way.target)?;
        fail::point("swap.after", "rollback");
        self.cache.invalidate(&names.prefix, &way.invalidations).await?;
        fail::point("invalidate.after", "rollback");
        Ok(())
    }

    /// The way, if the target's code finds the schema that it knows at its end.
    async fn passable(&self, state: &AppState, back: &Return) -> Result<Way, HostError> {
        let mut way = way(state, back)?;
        let known = match way.target.and_then(|digest| state.release(digest)) {
            Some(kept) => kept.schema.clone(),
            None => BTreeSet::new(),
        };
        let seen = self.seen_by(state).await?;
        if let Some(id) = known.iter().find(|id| !seen.contains(*id)) {
            let detail = format!("that release needs what migration {id} did, which was taken back");
            return Err(Code::RollbackRefused.problem(detail).into());
        }
        way.unknown = seen.difference(&known).cloned().collect();
        let schema = Names::of_app(&state.app).schema;
        let lost = self.database.destructive_since(schema.as_str(), &way.unknown).await?;
        let own = state.release(back.from).is_some_and(|kept| kept.release.task == back.task);
        if let Some(row) = lost.first().filter(|_| !own || way.undone.len() > 1) {
            let detail = format!("migration {} cannot be taken back without losing what was written since", row.id);
            return Err(Code::RollbackRefused.problem(detail).into());
        }
        way.restore = !lost.is_empty();
        Ok(way)
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

fn way(state: &AppState, back: &Return) -> Result<Way, HostError> {
    let missing = |digest: Digest| {
        let detail = format!("{digest} is not kept; `releases` lists those that can be returned to");
        HostError::from(Code::NoSuchRelease.problem(detail))
    };
    let from = state.release(back.from).ok_or_else(|| missing(back.from))?;
    let target = match back.to {
        RollbackTo::Base => from.release.base,
        RollbackTo::Release(digest) => Some(digest),
    };
    if let Some(digest) = target.filter(|digest| state.release(*digest).is_none()) {
        return Err(missing(digest));
    }
    if target == Some(back.from) {
        return Err(Code::NothingToDo.problem("that release is live").into());
    }
    let (mut undone, mut invalidations) = (vec![], vec![]);
    let mut next = Some(from);
    while let Some(kept) = next.filter(|kept| Some(kept.release.digest) != target) {
        if undone.contains(&kept.release.digest) {
            break;
        }
        undone.push(kept.release.digest);
        invalidations.extend(kept.invalidations.iter().cloned());
        next = kept.release.base.and_then(|base| state.release(base));
    }
    let ancestor = next.map(|kept| kept.release.digest) == target;
    if !ancestor && let Some(aside) = target.and_then(|digest| state.release(digest)) {
        // Not behind, but ahead or aside: only the live release steps down.
        undone.truncate(1);
        invalidations.extend(aside.invalidations.iter().cloned());
    }
    Ok(Way { target, undone, invalidations, unknown: vec![], restore: false })
}
