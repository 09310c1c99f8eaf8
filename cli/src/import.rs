//! `yonin import`: an app's directory, and a dump of its database, as they are.

use crate::{Failure, arguments::Import};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use protocol::{
    Code,
    artifact::{ChangeSet, Content, PathError},
    rest::{ImportApp, SuppliedFile},
};
use std::{fs, io, path::Path};

/// So many things that were skipped are named one by one.
const NAMED: usize = 20;

/// What is sent.
///
/// # Errors
/// What can't be read, or is too large; a dump that is no UTF-8.
pub(crate) fn body(import: &Import) -> Result<ImportApp, Failure> {
    let found = Found::below(&import.dir)?;
    found.tell();
    import.check_document_root(&found.files)?;
    let file = |(path, content): (String, Content)| {
        let path = import.placed(path);
        let place = path.parse().map_err(|error: PathError| Code::BadPath.problem(format!("{path}: {error}")));
        Ok::<_, Failure>(SuppliedFile { path: place?, content })
    };
    let sql = import.sql.as_deref().map(dump).transpose()?;
    Ok(ImportApp {
        files: found.files.into_iter().map(file).collect::<Result<_, _>>()?,
        sql,
        pages: import.pages.clone(),
        approval: import.approval.into(),
    })
}

impl Import {
    /// The document root by the name that it has in the directory; none where nothing is moved.
    fn document_root(&self) -> Option<&str> {
        let root = self.document_root.as_deref()?.trim_start_matches("./").trim_end_matches('/');
        (root != "public").then_some(root)
    }

    /// What is moved to `public/` is there, and nothing else is.
    fn check_document_root(&self, files: &[(String, Content)]) -> Result<(), Failure> {
        let Some(root) = self.document_root().filter(|root| !matches!(*root, "" | ".")) else { return Ok(()) };
        let below =
            |dir: &str| files.iter().any(|(path, _)| path.strip_prefix(dir).is_some_and(|it| it.starts_with('/')));
        let why = match (below(root), below("public")) {
            (true, false) => return Ok(()),
            (false, _) => format!("there is no file below {root}, which is to be the document root"),
            (true, true) => format!("{root} is to become public/, which is there already"),
        };
        Err(Code::BadPath.problem(why).into())
    }

    /// Where a file of the directory stands in the release.
    fn placed(&self, path: String) -> String {
        match self.document_root() {
            None => path,
            Some("" | ".") => format!("public/{path}"),
            Some(root) => match path.strip_prefix(root).and_then(|rest| rest.strip_prefix('/')) {
                Some(rest) => format!("public/{rest}"),
                None => path,
            },
        }
    }
}

/// What is in a directory.
struct Found {
    /// By path, `/` between its parts.
    files: Vec<(String, Content)>,
    /// What is not taken over, and why.
    skipped: Vec<(String, &'static str)>,
    bytes: usize,
}

impl Found {
    fn below(dir: &Path) -> Result<Self, Failure> {
        let mut found = Self { files: Vec::new(), skipped: Vec::new(), bytes: 0 };
        found.walk(dir, "")?;
        Ok(found)
    }

    /// Nothing is followed out of the directory, and nothing hidden is taken: it may hold secrets, and what an app needs is seldom there.
    fn walk(&mut self, dir: &Path, prefix: &str) -> Result<(), Failure> {
        let unreadable = || Failure::io(format!("cannot read {}", dir.display()));
        let entries = fs::read_dir(dir).map_err(unreadable())?.collect::<io::Result<Vec<_>>>();
        let mut entries = entries.map_err(unreadable())?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().into_string();
            let name = name.map_err(|name| Failure::Usage(format!("{name:?} in {} is no UTF-8", dir.display())))?;
            let path = format!("{prefix}{name}");
            let kind = entry.file_type().map_err(Failure::io(format!("cannot read {}", entry.path().display())))?;
            if name.starts_with('.') {
                self.skipped.push((path, "hidden"));
            } else if kind.is_dir() {
                self.walk(&entry.path(), &format!("{path}/"))?;
            } else if kind.is_file() {
                self.take(&entry.path(), path)?;
            } else {
                self.skipped.push((path, if kind.is_symlink() { "a symbolic link" } else { "no file" }));
            }
        }
        Ok(())
    }

    fn take(&mut self, file: &Path, path: String) -> Result<(), Failure> {
        let unreadable = || Failure::io(format!("cannot read {}", file.display()));
        let size = usize::try_from(fs::metadata(file).map_err(unreadable())?.len()).unwrap_or(usize::MAX);
        self.bytes = self.bytes.saturating_add(size);
        if size > ChangeSet::MAX_FILE_BYTES || self.bytes > ChangeSet::MAX_BYTES {
            let (one, all) = (ChangeSet::MAX_FILE_BYTES >> 20, ChangeSet::MAX_BYTES >> 20);
            let detail = format!("{path} has {size} bytes; one file may have {one} MiB, all together {all} MiB");
            return Err(Code::ChangeSetTooLarge.problem(detail).into());
        }
        let content = match String::from_utf8(fs::read(file).map_err(unreadable())?) {
            Ok(text) => Content::Text(text),
            Err(binary) => Content::Base64(BASE64_STANDARD.encode(binary.into_bytes())),
        };
        self.files.push((path, content));
        Ok(())
    }

    /// On standard error: what is left out is no secret.
    fn tell(&self) {
        for (path, why) in self.skipped.iter().take(NAMED) {
            eprintln!("skipped {path} ({why})");
        }
        if let Some(more) = self.skipped.len().checked_sub(NAMED + 1) {
            eprintln!("skipped {} more", more + 1);
        }
        eprintln!("{} files, {} bytes", self.files.len(), self.bytes);
    }
}

fn dump(file: &Path) -> Result<String, Failure> {
    let bytes = fs::read(file).map_err(Failure::io(format!("cannot read {}", file.display())))?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        let detail = format!("line {line} of {}: it is no UTF-8; dump as utf8mb4, and with --hex-blob", file.display());
        Code::BadDump.problem(detail).into()
    })
}
