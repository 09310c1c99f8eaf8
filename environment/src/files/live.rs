use super::Files;
use protocol::{
    AppName, Code, Digest, Problem,
    artifact::Path,
    tools::coder::{AppSnapshot, INSPECT_APP, InspectAppInput, InspectAppOutput},
};
use runtime::Peer;
use std::collections::BTreeMap;

/// The Coder gives this much text at once.
const HEAP: u64 = 1 << 20;

/// The files of one app's live release, read through the Coder, for those who may not ask the host.
pub struct Live<'a> {
    coder: &'a Peer,
    name: AppName,
    /// The live release that all is read of.
    base: Option<Digest>,
    /// Its files, with their sizes.
    tree: BTreeMap<Path, u64>,
    /// Texts that were read; nothing for a file that is no text.
    texts: BTreeMap<Path, Option<String>>,
}

/// The app as it is, with the texts of these files; nothing when there is none of this name yet.
///
/// # Errors
/// What the Coder says.
pub async fn inspect(coder: &Peer, app: &AppName, files: Vec<Path>) -> Result<Option<AppSnapshot>, Problem> {
    let input = InspectAppInput { app: Some(app.clone()), files };
    let output: InspectAppOutput = coder.call(INSPECT_APP, &input).await?;
    Ok(output.apps.into_iter().find(|snapshot| snapshot.app == *app))
}

/// The live release of an app, if it has one.
#[must_use]
pub fn base(snapshot: Option<&AppSnapshot>) -> Option<Digest> {
    snapshot?.live.as_ref().map(|live| live.digest)
}

/// Another release is live than the one that was begun with.
#[must_use]
pub fn moved() -> Problem {
    Code::BaseMoved.problem("another release went live meanwhile")
}

impl<'a> Live<'a> {
    /// The release of a snapshot. What the snapshot has the text of is known.
    #[must_use]
    pub fn new(coder: &'a Peer, name: AppName, snapshot: Option<&AppSnapshot>) -> Self {
        let tree = snapshot.map_or(&[][..], |one| &one.tree).iter().map(|file| (file.path.clone(), file.size));
        let files = snapshot.map_or(&[][..], |one| &one.files).iter();
        let texts = files.map(|file| (file.path.clone(), Some(file.text.clone()))).collect();
        Self { coder, name, base: base(snapshot), tree: tree.collect(), texts }
    }

    async fn load(&mut self, paths: Vec<Path>) -> Result<(), Problem> {
        let snapshot = inspect(self.coder, &self.name, paths.clone()).await?;
        if base(snapshot.as_ref()) != self.base {
            return Err(moved());
        }
        self.texts.extend(paths.into_iter().map(|path| (path, None)));
        let files = snapshot.map_or_else(Vec::new, |snapshot| snapshot.files);
        self.texts.extend(files.into_iter().map(|file| (file.path, Some(file.text))));
        Ok(())
    }
}

impl Files for Live<'_> {
    fn names(&self) -> Vec<(&Path, String)> {
        self.tree.iter().map(|(path, size)| (path, format!("{size} bytes"))).collect()
    }

    fn size(&self, path: &Path) -> Option<u64> {
        self.tree.get(path).copied()
    }

    /// # Errors
    /// [`Code::BaseMoved`] when another release went live meanwhile, or what the Coder says.
    async fn learn(&mut self, paths: Vec<Path>) -> Result<(), Problem> {
        let (mut heap, mut size) = (Vec::new(), 0);
        for path in paths {
            let Some(bytes) = self.tree.get(&path).copied().filter(|_| !self.texts.contains_key(&path)) else {
                continue;
            };
            if bytes > HEAP {
                self.texts.insert(path, None);
                continue;
            }
            if size + bytes > HEAP {
                self.load(std::mem::take(&mut heap)).await?;
                size = 0;
            }
            size += bytes;
            heap.push(path);
        }
        if heap.is_empty() { Ok(()) } else { self.load(heap).await }
    }

    fn text(&self, path: &Path) -> Result<&str, String> {
        if let Some(Some(text)) = self.texts.get(path) {
            return Ok(text);
        }
        Err(if self.tree.contains_key(path) {
            format!("{path} is no text, or larger than 1 MiB.")
        } else {
            format!("There is no file {path}. list_files names those that are there.")
        })
    }
}
