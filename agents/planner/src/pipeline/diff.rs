//! A change-set as people read it: a unified diff against the release it starts from.

use super::drive::Drive;
use protocol::{
    artifact::{ChangeSet, Content, FileChange, Migration, Path},
    tools::coder::FileEntry,
};
use runtime::JobError;
use similar::TextDiff;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// What one look at an app may return, in bytes of files.
const ONE_LOOK: u64 = 1 << 20;

impl Drive<'_> {
    /// Made as soon as the change-set is built, for the release it starts from may be gone when somebody asks.
    pub(super) async fn diff(&self, changes: &ChangeSet) -> Result<String, JobError> {
        let mut old = BTreeMap::new();
        if changes.base.is_some() {
            let tree = self.inspect(Vec::new()).await?.map(|snapshot| snapshot.tree).unwrap_or_default();
            for look in looks(changes, &tree) {
                let snapshot = self.inspect(look).await?;
                old.extend(snapshot.into_iter().flat_map(|it| it.files).map(|file| (file.path, file.text)));
            }
            let existing = tree.into_iter().map(|entry| entry.path).collect();
            return Ok(unified(changes, &existing, &old));
        }
        Ok(unified(changes, &BTreeSet::new(), &old))
    }
}

/// The changed files that exist, in portions that one look may return. Larger ones are not looked at.
fn looks(changes: &ChangeSet, tree: &[FileEntry]) -> Vec<Vec<Path>> {
    let sizes: BTreeMap<_, _> = tree.iter().map(|entry| (&entry.path, entry.size)).collect();
    let mut looks = vec![Vec::new()];
    let mut filled = 0;
    for file in &changes.files {
        let Some(size) = sizes.get(&file.path).copied().filter(|size| *size <= ONE_LOOK) else { continue };
        if filled + size > ONE_LOOK {
            looks.push(Vec::new());
            filled = 0;
        }
        filled += size;
        if let Some(look) = looks.last_mut() {
            look.push(file.path.clone());
        }
    }
    looks.retain(|look| !look.is_empty());
    looks
}

fn unified(changes: &ChangeSet, existing: &BTreeSet<Path>, old: &BTreeMap<Path, String>) -> String {
    let mut diff = String::new();
    for file in &changes.files {
        diff.push_str(&file_diff(file, existing.contains(&file.path), old.get(&file.path)));
    }
    for Migration { id, sql } in &changes.migrations {
        diff.push_str(&text_diff("/dev/null", &format!("b/migrations/{id}.sql"), "", &format!("{sql};\n")));
    }
    diff
}

fn file_diff(file: &FileChange, existed: bool, old: Option<&String>) -> String {
    let from = if existed { format!("a/{}", file.path) } else { "/dev/null".to_owned() };
    let to = if file.content.is_some() { format!("b/{}", file.path) } else { "/dev/null".to_owned() };
    let new = match &file.content {
        None => Some(""),
        Some(Content::Text(text)) => Some(text.as_str()),
        Some(Content::Base64(_)) => None,
    };
    let old = if existed { old.map(String::as_str) } else { Some("") };
    match (old, new) {
        (Some(old), Some(new)) => text_diff(&from, &to, old, new),
        _ => format!("Binary files {from} and {to} differ\n"),
    }
}

fn text_diff(from: &str, to: &str, old: &str, new: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    let hunks = diff.unified_diff().context_radius(3).header(from, to).to_string();
    if !hunks.is_empty() {
        return hunks;
    }
    // A new or removed empty file has no hunk, and should be seen nevertheless.
    let mut heading = String::new();
    if from != to && (from == "/dev/null" || to == "/dev/null") {
        let _ = writeln!(heading, "--- {from}\n+++ {to}");
    }
    heading
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        text.parse().expect("a path")
    }

    fn change(name: &str, content: Option<Content>) -> FileChange {
        FileChange { path: path(name), content }
    }

    #[test]
    fn added_changed_and_removed_files_and_migrations_are_seen() {
        let changes = ChangeSet {
            app: "shop".parse().expect("a name"),
            base: Some(protocol::Digest::of_bytes(b"base")),
            files: vec![
                change("added.php", Some(Content::Text("<?php\n".into()))),
                change("changed.php", Some(Content::Text("one\nzwei\n".into()))),
                change("logo.png", Some(Content::Base64("AAAA".into()))),
                change("removed.php", None),
            ],
            migrations: vec![Migration { id: "0002_add".into(), sql: "alter table posts add mood text".into() }],
            invalidations: vec![],
        };
        let existing = ["changed.php", "logo.png", "removed.php"].map(path).into();
        let old = BTreeMap::from([
            (path("changed.php"), "one\ntwo\n".to_owned()),
            (path("removed.php"), "gone\n".to_owned()),
        ]);
        insta::assert_snapshot!(unified(&changes, &existing, &old));
    }

    #[test]
    fn looks_stay_below_what_one_look_may_return() {
        let names = ["a.php", "b.php", "c.php", "huge.php", "new.php"];
        let changes = ChangeSet {
            app: "shop".parse().expect("a name"),
            base: None,
            files: names.iter().map(|name| change(name, None)).collect(),
            migrations: vec![],
            invalidations: vec![],
        };
        let entry = |name: &str, size| FileEntry { path: path(name), size };
        let tree =
            [entry("a.php", 600_000), entry("b.php", 400_000), entry("c.php", 100_000), entry("huge.php", 2_000_000)];
        assert_eq!(looks(&changes, &tree), [vec![path("a.php"), path("b.php")], vec![path("c.php")]]);
    }
}
