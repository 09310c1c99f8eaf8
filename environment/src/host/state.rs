//! What the host remembers of an app: one small file, written before and after every act.

use super::{HostError, atomic};
use protocol::{
    AppName, Code, Digest, PreviewName, TaskId, Timestamp,
    artifact::{Release, ReleaseState},
    tools::{
        Epoch,
        coder::{ReleaseOutput, RollbackTo},
    },
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, io, path::Path};

/// An app as the host remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AppState {
    pub(super) app: AppName,
    /// The user its PHP works as.
    pub(super) uid: u32,
    /// The highest place in the order of writers that was seen.
    pub(super) epoch: Option<Epoch>,
    /// The releases that are kept, the one made last first.
    pub(super) releases: Vec<Kept>,
    pub(super) previews: Vec<Preview>,
    /// What was begun and not recorded as done.
    pub(super) saga: Option<Saga>,
    /// Answers of acts that were done, the newest last, for who asks again.
    pub(super) outcomes: Vec<Outcome>,
}

/// A release, and what must be known to return from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) release: Release,
    /// Ids of all migrations that the schema had seen when it went live: what its code expects of the schema.
    pub(super) schema: BTreeSet<String>,
    /// What its change-set made leave the cache; the same must leave it on the way back.
    pub(super) invalidations: Vec<protocol::artifact::Invalidation>,
}

/// A private branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Preview {
    pub(super) name: PreviewName,
    pub(super) task: TaskId,
    pub(super) kind: PreviewKind,
    pub(super) base: Option<Digest>,
    pub(super) uid: u32,
    pub(super) expires_at: Timestamp,
    /// Its accounts, directory and pool are there.
    pub(super) ready: bool,
    /// Schema and keys are as they were made: nothing was staged yet, so no code has run on them.
    #[serde(default)]
    pub(super) fresh: bool,
    /// What its data left out when it was opened.
    #[serde(default)]
    pub(super) caveats: Vec<String>,
    pub(super) staged: Option<StagedRelease>,
}

/// What a preview is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum PreviewKind {
    /// Takes a change-set.
    Change,
    /// Shows the live release as it is.
    Base,
}

/// What was put into a preview last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StagedRelease {
    pub(super) change_set: Digest,
    pub(super) release: Digest,
    pub(super) caveats: Vec<String>,
}

/// An act on live that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Saga {
    /// A release is on its way. Who comes with something else in mind takes it back.
    Activate {
        /// What asked for it.
        request: Digest,
        release: Digest,
        /// Ids of the migrations that it is the first to bring.
        migrations: Vec<String>,
        /// When the verdict was looked at: it need not hold any longer than until then.
        begun_at: Timestamp,
    },
    /// The way back is being taken. Rows that were restored cannot be unrestored: whoever comes next takes it to its end.
    Rollback(Return),
}

/// A way back, as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Return {
    /// What asked for it.
    pub(super) request: Digest,
    pub(super) task: TaskId,
    pub(super) from: Digest,
    pub(super) to: RollbackTo,
}

impl Saga {
    /// What asked for it.
    pub(super) fn request(&self) -> Digest {
        match self {
            Self::Activate { request, .. } | Self::Rollback(Return { request, .. }) => *request,
        }
    }
}

/// The answer of an act that was done, under what asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) request: Digest,
    pub(super) answer: ReleaseOutput,
}

/// So many answers are remembered.
const OUTCOMES: usize = 64;
const FILE: &str = "state.json";

impl AppState {
    pub(super) fn new(app: AppName, uid: u32) -> Self {
        Self { app, uid, epoch: None, releases: vec![], previews: vec![], saga: None, outcomes: vec![] }
    }

    /// The state kept in an app's directory; `None` where there is no such app.
    pub(super) fn load(home: &Path) -> Result<Option<Self>, HostError> {
        let file = home.join(FILE);
        match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| HostError::file("cannot understand", file)(io::Error::other(error))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(HostError::file("cannot read", file)(error)),
        }
    }

    pub(super) fn save(&self, home: &Path) -> Result<(), HostError> {
        let file = home.join(FILE);
        let text = serde_json::to_vec(self).expect("a state is JSON");
        atomic::write(&file, &text, 0o600).map_err(HostError::file("cannot write", file))
    }

    pub(super) fn live(&self) -> Option<&Kept> {
        self.releases.iter().find(|kept| kept.release.state == ReleaseState::Live)
    }

    pub(super) fn live_digest(&self) -> Option<Digest> {
        self.live().map(|kept| kept.release.digest)
    }

    pub(super) fn release(&self, digest: Digest) -> Option<&Kept> {
        self.releases.iter().find(|kept| kept.release.digest == digest)
    }

    /// The releases that must stay on the disk.
    pub(super) fn wanted_releases(&self) -> BTreeSet<Digest> {
        let begun = match &self.saga {
            Some(Saga::Activate { release, .. }) => Some(*release),
            Some(Saga::Rollback(_)) | None => None,
        };
        self.releases.iter().map(|kept| kept.release.digest).chain(begun).collect()
    }

    /// Where in the list the release is that can be spared first: made before the others, neither live nor what the live one
    /// would be taken back to.
    pub(super) fn spared_first(&self) -> Option<usize> {
        let needed = self.live().map(|live| [Some(live.release.digest), live.release.base]).unwrap_or_default();
        self.releases.iter().rposition(|kept| !needed.contains(&Some(kept.release.digest)))
    }

    pub(super) fn preview(&self, name: &PreviewName) -> Option<&Preview> {
        self.previews.iter().find(|preview| preview.name == *name)
    }

    pub(super) fn preview_mut(&mut self, name: &PreviewName) -> Option<&mut Preview> {
        self.previews.iter_mut().find(|preview| preview.name == *name)
    }

    /// Notes that a task's previews are over, and answers which those are: what cannot be removed now is removed later, like one
    /// that has expired.
    pub(super) fn end_previews(&mut self, task: TaskId, now: Timestamp) -> Vec<PreviewName> {
        let of_task = self.previews.iter_mut().filter(|preview| preview.task == task);
        of_task
            .map(|preview| {
                preview.expires_at = preview.expires_at.min(now);
                preview.name.clone()
            })
            .collect()
    }

    /// Refuses who does not start from what is live.
    pub(super) fn expect_live(&self, base: Option<Digest>) -> Result<(), HostError> {
        let live = self.live_digest();
        if live == base {
            return Ok(());
        }
        let name = |digest: Option<Digest>| digest.map_or("no release".to_owned(), |digest| digest.short());
        let detail = format!("{} is live, the call starts from {}", name(live), name(base));
        Err(Code::BaseMoved.problem(detail).into())
    }

    pub(super) fn outcome(&self, request: Digest) -> Option<&ReleaseOutput> {
        self.outcomes.iter().find(|outcome| outcome.request == request).map(|outcome| &outcome.answer)
    }

    pub(super) fn remember(&mut self, request: Digest, answer: ReleaseOutput) {
        self.outcomes.push(Outcome { request, answer });
        let surplus = self.outcomes.len().saturating_sub(OUTCOMES);
        self.outcomes.drain(..surplus);
    }

    /// All users of this app's PHP.
    pub(super) fn uids(&self) -> impl Iterator<Item = u32> {
        self.previews.iter().map(|preview| preview.uid).chain([self.uid])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(name: &str, base: Option<&str>, state: ReleaseState) -> Kept {
        let digest = |name: &str| Digest::of_bytes(name.as_bytes());
        let release = Release {
            app: "shop".parse().expect("a name"),
            digest: digest(name),
            change_set: digest(name),
            base: base.map(digest),
            task: TaskId::fresh(),
            state,
            activated_at: chrono::Utc::now(),
        };
        Kept { release, schema: BTreeSet::new(), invalidations: vec![] }
    }

    #[test]
    fn what_the_live_release_would_be_taken_back_to_is_not_spared() {
        let mut state = AppState::new("shop".parse().expect("a name"), 1);
        // The first was returned to again and again: it is the oldest, and the base of the live one.
        state.releases = vec![
            kept("third", Some("first"), ReleaseState::Live),
            kept("second", Some("first"), ReleaseState::RolledBack),
            kept("first", None, ReleaseState::Previous),
        ];
        assert_eq!(state.spared_first(), Some(1));
        state.releases.remove(1);
        assert_eq!(state.spared_first(), None);
    }
}
