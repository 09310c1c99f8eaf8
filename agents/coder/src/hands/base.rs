use crate::host::Host;
use protocol::{
    AppName, Problem,
    artifact::{Content, Path},
    tools::host::{Place, READ_FILES, ReadFilesInput, ReadFilesOutput},
};
use std::collections::BTreeMap;

/// Files are asked for in heaps of at most so many bytes.
const HEAP: u64 = 8 << 20;

/// What the files hold of the release that a draft starts from. They never change, so each is asked for once.
pub(super) struct Base<'a> {
    host: &'a Host,
    app: AppName,
    known: BTreeMap<Path, Content>,
}

impl<'a> Base<'a> {
    pub(super) fn new(host: &'a Host, app: AppName) -> Self {
        Self { host, app, known: BTreeMap::new() }
    }

    /// What a file of that release holds.
    pub(super) async fn content(&mut self, path: &Path) -> Result<Option<&Content>, Problem> {
        if !self.known.contains_key(path) {
            self.load(vec![path.clone()]).await?;
        }
        Ok(self.known.get(path))
    }

    /// What is known already of a file.
    pub(super) fn known(&self, path: &Path) -> Option<&Content> {
        self.known.get(path)
    }

    /// Asks for what is not known yet of these files, each with its size.
    pub(super) async fn learn(&mut self, files: Vec<(Path, u64)>) -> Result<(), Problem> {
        let (mut heap, mut size) = (Vec::new(), 0);
        for (path, bytes) in files {
            if self.known.contains_key(&path) {
                continue;
            }
            if size + bytes > HEAP && !heap.is_empty() {
                self.load(std::mem::take(&mut heap)).await?;
                size = 0;
            }
            size += bytes;
            heap.push(path);
        }
        if heap.is_empty() { Ok(()) } else { self.load(heap).await }
    }

    async fn load(&mut self, paths: Vec<Path>) -> Result<(), Problem> {
        let input = ReadFilesInput { place: Place::Live(self.app.clone()), paths };
        let ReadFilesOutput { files } = self.host.call(READ_FILES, &input).await?;
        self.known.extend(files.into_iter().filter_map(|file| Some((file.path, file.content?))));
        Ok(())
    }
}
