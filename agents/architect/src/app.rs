use protocol::{
    AppName, Code, Digest, Problem,
    artifact::Path,
    tools::coder::{AppSnapshot, INSPECT_APP, InspectAppInput, InspectAppOutput},
};
use runtime::Peer;
use std::collections::BTreeMap;

/// The Coder gives this much text at once; a little less is asked for.
const HEAP: u64 = 1 << 20;

/// One app, looked at through the Coder.
pub(crate) struct App<'a> {
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
pub(crate) async fn look(coder: &Peer, app: &AppName, files: Vec<Path>) -> Result<Option<AppSnapshot>, Problem> {
    let input = InspectAppInput { app: Some(app.clone()), files };
    let output: InspectAppOutput = coder.call(INSPECT_APP, &input).await?;
    Ok(output.apps.into_iter().find(|snapshot| snapshot.app == *app))
}

/// The live release of an app, if it has one.
pub(crate) fn base(snapshot: Option<&AppSnapshot>) -> Option<Digest> {
    snapshot?.live.as_ref().map(|live| live.digest)
}

impl<'a> App<'a> {
    pub(crate) fn new(coder: &'a Peer, name: AppName, snapshot: Option<&AppSnapshot>) -> Self {
        let tree = snapshot.map_or(&[][..], |one| &one.tree).iter().map(|file| (file.path.clone(), file.size));
        Self { coder, name, base: base(snapshot), tree: tree.collect(), texts: BTreeMap::new() }
    }

    pub(crate) fn tree(&self) -> &BTreeMap<Path, u64> {
        &self.tree
    }

    /// What a file holds, if it was [learnt](Self::learn) and is text.
    pub(crate) fn text(&self, path: &Path) -> Option<&str> {
        self.texts.get(path)?.as_deref()
    }

    /// Reads these files, as far as they are there and are not known yet.
    ///
    /// # Errors
    /// [`Code::BaseMoved`] when another release went live meanwhile, or what the Coder says.
    pub(crate) async fn learn(&mut self, paths: impl IntoIterator<Item = Path>) -> Result<(), Problem> {
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

    async fn load(&mut self, paths: Vec<Path>) -> Result<(), Problem> {
        let snapshot = look(self.coder, &self.name, paths.clone()).await?;
        if base(snapshot.as_ref()) != self.base {
            return Err(moved());
        }
        self.texts.extend(paths.into_iter().map(|path| (path, None)));
        let files = snapshot.map_or_else(Vec::new, |snapshot| snapshot.files);
        self.texts.extend(files.into_iter().map(|file| (file.path, Some(file.text))));
        Ok(())
    }
}

pub(crate) fn moved() -> Problem {
    Code::BaseMoved.problem("another release went live while the design was made")
}
