//! Releases on the disk: made beside, then renamed, never changed again.

use super::{
    HostError, atomic,
    home::{Give, Home},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use protocol::{
    Code, Digest, Problem,
    artifact::{Content, FileChange, Path},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path as FsPath, PathBuf},
    thread,
};

/// So many files are brought to the disk side by side.
const SYNCS: usize = 16;

/// The files of a release with their addresses, sorted by path: what a release's own address is made over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) files: BTreeMap<Path, Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) digest: Digest,
    pub(super) size: u64,
}

/// Where a release's unchanged files come from.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) home: Home,
    pub(super) release: Digest,
}

/// How much must survive a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Everything: it is about to go live.
    Durable,
    /// Nothing: a preview is made again.
    Passing,
}

impl Home {
    /// Makes a release of what `base` holds and what changes, and answers its address. One that is there already is left as it
    /// is. On any error nothing of it stays.
    pub(super) fn build(
        &self,
        base: Option<&Source>,
        changes: &[FileChange],
        keeping: Keeping,
    ) -> Result<Digest, HostError> {
        let partial = self.releases().join(format!(".partial.{}", atomic::fresh()));
        let built = self.build_at(&partial, base, changes, keeping);
        if built.is_err() {
            // What cannot be removed now is removed with the other leftovers when the host starts.
            let _ = atomic::remove_tree(&partial);
        }
        built
    }

    fn build_at(
        &self,
        partial: &FsPath,
        base: Option<&Source>,
        changes: &[FileChange],
        keeping: Keeping,
    ) -> Result<Digest, HostError> {
        let mut tree = Tree { home: self, root: partial, made: BTreeSet::new(), written: vec![], keeping };
        tree.directory(partial)?;
        let mut manifest = base.map(|base| base.home.manifest(base.release)).transpose()?.unwrap_or_default();
        for change in changes {
            match &change.content {
                Some(content) => {
                    let bytes = bytes(&change.path, content)?;
                    let entry = Entry { digest: Digest::of_bytes(&bytes), size: bytes.len() as u64 };
                    manifest.files.insert(change.path.clone(), entry);
                }
                None => drop(manifest.files.remove(&change.path)),
            }
        }
        manifest.check()?;
        let release = Digest::of(&manifest);
        if self.has(release) {
            atomic::remove_tree(partial).map_err(HostError::file("cannot remove", partial))?;
            return Ok(release);
        }
        let changed: BTreeMap<_, _> = changes.iter().map(|change| (&change.path, &change.content)).collect();
        for (path, entry) in &manifest.files {
            match (changed.get(path), base) {
                (Some(Some(content)), _) => tree.write(path, &bytes(path, content)?)?,
                (_, Some(base)) => tree.write(path, &base.home.read(base.release, path, *entry)?)?,
                (_, None) => {}
            }
        }
        self.finish(partial, &tree, release, &manifest)?;
        Ok(release)
    }

    /// Copies a release of another place, file by file, each checked against its address.
    pub(super) fn adopt(&self, source: &Source) -> Result<(), HostError> {
        let adopted = self.build(Some(source), &[], Keeping::Durable)?;
        if adopted == source.release {
            return Ok(());
        }
        Err(Code::Internal.problem(format!("release {} is not what it was", source.release.short())).into())
    }

    fn finish(&self, partial: &FsPath, tree: &Tree<'_>, release: Digest, manifest: &Manifest) -> Result<(), HostError> {
        let text = serde_json::to_vec(manifest).expect("a manifest is JSON");
        let file = self.manifest_file(release);
        atomic::write(&file, &text, 0o600).map_err(HostError::file("cannot write", &file))?;
        tree.sync()?;
        tree.seal()?;
        let place = self.place(release);
        let rename = match fs::rename(partial, &place) {
            // Another build of the same release came first, perhaps that of a writer which was ended and whose work on files
            // went on. It has the same files, and may be live: it stays.
            Err(_) if place.is_dir() => atomic::remove_tree(partial),
            renamed => renamed,
        };
        let rename = rename.and_then(|()| atomic::sync_directory(&self.releases()));
        rename.map_err(HostError::file("cannot rename", &place))
    }

    /// It has this release, all of it.
    pub(super) fn has(&self, release: Digest) -> bool {
        self.manifest_file(release).exists() && self.place(release).is_dir()
    }

    pub(super) fn manifest(&self, release: Digest) -> Result<Manifest, HostError> {
        let file = self.manifest_file(release);
        let bytes = match fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Code::NoSuchRelease.problem(format!("{release} is not kept here")).into());
            }
            read => read.map_err(HostError::file("cannot read", &file))?,
        };
        serde_json::from_slice(&bytes)
            .map_err(|error| HostError::file("cannot understand", file)(io::Error::other(error)))
    }

    /// What a file holds. Follows no symlink, and answers nothing but what the release was made of.
    pub(super) fn read(&self, release: Digest, path: &Path, entry: Entry) -> Result<Vec<u8>, HostError> {
        let place = self.place(release).join(path.as_str());
        let read = || {
            let mut file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NOFOLLOW).open(&place)?;
            let mut bytes = Vec::with_capacity(usize::try_from(entry.size).unwrap_or_default());
            file.read_to_end(&mut bytes)?;
            if Digest::of_bytes(&bytes) == entry.digest {
                return Ok(bytes);
            }
            Err(io::Error::new(io::ErrorKind::InvalidData, "the file is not what the release was made of"))
        };
        read().map_err(HostError::file("cannot read", &place))
    }

    /// Forgets a release. None there is no error.
    pub(super) fn forget(&self, release: Digest) -> Result<(), HostError> {
        let (file, place) = (self.manifest_file(release), self.place(release));
        for removed in [fs::remove_file(&file), atomic::remove_tree(&place)] {
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(HostError::file("cannot remove", place)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes what writes and builds that were cut off left, and every release but the wanted ones and the one that answers.
    pub(super) fn sweep(&self, wanted: &BTreeSet<Digest>) -> Result<(), HostError> {
        let releases = self.releases();
        if !releases.is_dir() {
            return Ok(());
        }
        for dir in [&self.dir, &releases] {
            atomic::sweep(dir).map_err(HostError::file("cannot clear", dir))?;
        }
        let pointed = self.pointed();
        for entry in fs::read_dir(&releases).map_err(HostError::file("cannot list", &releases))?.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(".partial.") {
                atomic::remove_tree(&entry.path()).map_err(HostError::file("cannot remove", entry.path()))?;
            }
            let release = format!("sha256:{}", name.trim_end_matches(".manifest")).parse().ok();
            if let Some(unknown) = release.filter(|release| !wanted.contains(release) && pointed != Some(*release)) {
                self.forget(unknown)?;
            }
        }
        Ok(())
    }

    pub(super) fn place(&self, release: Digest) -> PathBuf {
        self.releases().join(release.hex())
    }

    fn manifest_file(&self, release: Digest) -> PathBuf {
        self.releases().join(format!("{}.manifest", release.hex()))
    }
}

impl Manifest {
    /// Refuses names that a file system, or a reader, could take for one another, and what is too much.
    fn check(&self) -> Result<(), Problem> {
        use protocol::artifact::ChangeSet;
        let total: u64 = self.files.values().map(|entry| entry.size).sum();
        if self.files.len() > 2 * ChangeSet::MAX_FILES || total > 4 * ChangeSet::MAX_BYTES as u64 {
            let detail = format!("the release would have {} files and {total} bytes", self.files.len());
            return Err(Code::ChangeSetTooLarge.problem(detail));
        }
        let mut seen = BTreeSet::new();
        for path in self.files.keys() {
            if !seen.insert(path.folded()) {
                let detail = format!("{path} is there twice, as some file systems see it");
                return Err(Code::BadPath.problem(detail));
            }
        }
        for path in &seen {
            let mut parents = path.match_indices('/').map(|(end, _)| &path[..end]);
            if let Some(parent) = parents.find(|parent| seen.contains(*parent)) {
                return Err(Code::BadPath.problem(format!("{path} lies below {parent}, which is a file")));
            }
        }
        Ok(())
    }
}

/// A release that is being made.
struct Tree<'a> {
    home: &'a Home,
    root: &'a FsPath,
    made: BTreeSet<PathBuf>,
    written: Vec<PathBuf>,
    keeping: Keeping,
}

impl Tree<'_> {
    fn write(&mut self, path: &Path, bytes: &[u8]) -> Result<(), HostError> {
        let place = self.root.join(path.as_str());
        let parent = place.parent().unwrap_or(self.root).to_owned();
        self.directory(&parent)?;
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o440).open(&place)?;
            file.write_all(bytes)?;
            self.home.give(&place, Give::Group, 0o440)
        };
        write().map_err(HostError::file("cannot write", &place))?;
        self.written.push(place);
        Ok(())
    }

    /// Brings all files to the disk. Side by side, since the disk makes many of them last in one go.
    fn sync(&self) -> Result<(), HostError> {
        if self.keeping == Keeping::Passing {
            return Ok(());
        }
        let sync = |places: &[PathBuf]| {
            let mut places = places.iter();
            places.try_for_each(|place| {
                File::open(place).and_then(|file| file.sync_all()).map_err(HostError::file("cannot keep", place))
            })
        };
        let share = self.written.len().div_ceil(SYNCS).max(1);
        thread::scope(|scope| {
            let at_work: Vec<_> = self.written.chunks(share).map(|part| scope.spawn(move || sync(part))).collect();
            at_work.into_iter().try_for_each(|one| one.join().unwrap_or(Err(HostError::BrokenOff)))
        })
    }

    fn directory(&mut self, dir: &FsPath) -> Result<(), HostError> {
        if self.made.contains(dir) {
            return Ok(());
        }
        if let Some(parent) = dir.parent().filter(|parent| parent.starts_with(self.root)) {
            self.directory(parent)?;
        }
        let make = || {
            fs::create_dir(dir)?;
            self.home.give(dir, Give::Group, 0o751)
        };
        make().map_err(HostError::file("cannot make", dir))?;
        self.made.insert(dir.to_owned());
        Ok(())
    }

    /// Nobody adds to it any more, also where PHP works as the host's own user.
    fn seal(&self) -> Result<(), HostError> {
        for dir in &self.made {
            let seal = || {
                fs::set_permissions(dir, fs::Permissions::from_mode(0o551))?;
                if self.keeping == Keeping::Durable { File::open(dir)?.sync_all() } else { Ok(()) }
            };
            seal().map_err(HostError::file("cannot keep", dir))?;
        }
        Ok(())
    }
}

fn bytes(path: &Path, content: &Content) -> Result<Vec<u8>, Problem> {
    match content {
        Content::Text(text) => Ok(text.clone().into_bytes()),
        Content::Base64(text) => {
            BASE64_STANDARD.decode(text).map_err(|_| Code::BadRequest.problem(format!("{path} is not base64")))
        }
    }
}

/// Text where it is text, else base64.
pub(super) fn content(bytes: Vec<u8>) -> Content {
    match String::from_utf8(bytes) {
        Ok(text) => Content::Text(text),
        Err(error) => Content::Base64(BASE64_STANDARD.encode(error.into_bytes())),
    }
}
