//! What there is: apps, releases, files, tables. Reads only.

use super::{
    Host, HostError,
    environment::{Shared, no_such_app, on_files},
    home::Home,
    names::Names,
    releases,
    state::AppState,
};
use protocol::{
    Code, Digest, Problem,
    artifact::{Content, FileChange, Path},
    rest::ReleaseList,
    tools::{
        coder::{AppSnapshot, FileEntry, FileText, InspectAppInput, InspectAppOutput},
        host::{Access, AccessInput, ListReleasesInput, Place, ReadFilesInput, ReadFilesOutput},
    },
};

/// Files are read up to so many bytes together, 16 MiB.
const MOST_BYTES: usize = 16 << 20;
/// The texts that come with a look at an app, together: 1 MiB.
const MOST_TEXT: usize = 1 << 20;

impl Host {
    /// One app as it is, or all of them by name.
    ///
    /// # Errors
    /// What the world says. An app that does not exist is an empty answer.
    pub async fn inspect(&self, input: InspectAppInput) -> Result<InspectAppOutput, Problem> {
        let apps = match &input.app {
            None => self.0.states()?.iter().map(|state| self.0.outline(state)).collect(),
            Some(app) => match self.0.state(app)? {
                None => vec![],
                Some(state) => vec![self.0.look(&state, &input.files).await?],
            },
        };
        Ok(InspectAppOutput { apps })
    }

    /// An app's releases, newest first.
    ///
    /// # Errors
    /// [`Code::NotFound`] for an unknown app.
    pub async fn list_releases(&self, input: ListReleasesInput) -> Result<ReleaseList, Problem> {
        let state = self.0.state(&input.app)?.ok_or_else(|| no_such_app(&input.app))?;
        Ok(ReleaseList { releases: state.releases.into_iter().map(|kept| kept.release).collect() })
    }

    /// Files of what answers in a place.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::PreviewGone`]; [`Code::BodyTooLarge`] beyond 16 MiB.
    pub async fn read_files(&self, input: ReadFilesInput) -> Result<ReadFilesOutput, Problem> {
        let home = self.0.home_of(&input.place)?;
        let files = on_files(move || match home.pointed() {
            Some(release) => read(&home, release, &input.paths, MOST_BYTES),
            None => Ok(vec![]),
        });
        let change = |(path, bytes)| FileChange { path, content: Some(releases::content(bytes)) };
        Ok(ReadFilesOutput { files: files.await?.into_iter().map(change).collect() })
    }

    /// How to reach a place's services with accounts of its own, which only read.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::PreviewGone`].
    pub async fn access(&self, input: AccessInput) -> Result<Access, Problem> {
        let home = self.0.home_of(&input.place)?;
        Ok(self.0.access(&home, &input.place)?)
    }
}

impl Shared {
    fn outline(&self, state: &AppState) -> AppSnapshot {
        AppSnapshot {
            app: state.app.clone(),
            url: self.url(&Place::Live(state.app.clone())),
            live: state.live().map(|kept| kept.release.clone()),
            releases: state.releases.iter().map(|kept| kept.release.clone()).collect(),
            tree: vec![],
            files: vec![],
            schema: vec![],
            migrations: vec![],
        }
    }

    async fn look(&self, state: &AppState, wanted: &[Path]) -> Result<AppSnapshot, HostError> {
        let mut snapshot = self.outline(state);
        let home = self.app_home(state);
        if !home.config().exists() {
            return Ok(snapshot);
        }
        if let Some(live) = state.live_digest() {
            let manifest = home.manifest(live)?;
            let entry = |(path, entry): (Path, releases::Entry)| FileEntry { path, size: entry.size };
            snapshot.tree = manifest.files.into_iter().map(entry).collect();
            if !wanted.is_empty() {
                let wanted = wanted.to_vec();
                let files = on_files(move || read(&home, live, &wanted, MOST_TEXT)).await?;
                let text = |(path, bytes)| match releases::content(bytes) {
                    Content::Text(text) => Some(FileText { path, text }),
                    Content::Base64(_) => None,
                };
                snapshot.files = files.into_iter().filter_map(text).collect();
            }
        }
        let schema = Names::of_app(&state.app).schema;
        snapshot.schema = self.database.describe(schema.as_str()).await?;
        snapshot.migrations = self.database.applied(schema.as_str()).await?.into_iter().map(|row| row.id).collect();
        Ok(snapshot)
    }
}

/// These files of a release, or all of them; paths that it does not have are left out.
fn read(home: &Home, release: Digest, paths: &[Path], most: usize) -> Result<Vec<(Path, Vec<u8>)>, HostError> {
    let manifest = home.manifest(release)?;
    let mut files = Vec::new();
    let mut total = 0;
    for (path, entry) in manifest.files {
        if !paths.is_empty() && !paths.contains(&path) {
            continue;
        }
        total += usize::try_from(entry.size).unwrap_or(usize::MAX);
        if total > most {
            return Err(Code::BodyTooLarge
                .problem(format!("at most {most} bytes are read at once; name fewer files"))
                .into());
        }
        let bytes = home.read(release, &path, entry)?;
        files.push((path, bytes));
    }
    Ok(files)
}
