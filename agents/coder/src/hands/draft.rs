use environment::host::database::{Class, classify};
use protocol::{
    AppName, Digest,
    artifact::{ChangeSet, Content, FileChange, Invalidation, Migration, Path},
    tools::coder::{AppSnapshot, BuildInput},
};
use std::collections::BTreeMap;

/// A change as it is being written. Nothing outside of it knows of it until it is staged.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    app: AppName,
    base: Option<Digest>,
    /// The files of the release that it starts from, with their sizes.
    tree: BTreeMap<Path, u64>,
    /// Migrations that the live schema has seen.
    applied: Vec<String>,
    files: BTreeMap<Path, Option<Content>>,
    migrations: Vec<Migration>,
    invalidations: Vec<Invalidation>,
}

/// A file of the app as the draft has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum File<'a> {
    /// There is none.
    Absent,
    /// As in the release that the draft starts from; so many bytes.
    Same(u64),
    /// The draft deletes it.
    Deleted,
    /// The draft holds it.
    Written(&'a Content),
}

impl Draft {
    /// The change-set of the round before, or the design's migrations.
    pub(crate) fn begin(input: &BuildInput, snapshot: Option<&AppSnapshot>) -> Self {
        let tree = snapshot.map_or(&[][..], |app| &app.tree);
        let applied = snapshot.map_or_else(Vec::new, |app| app.migrations.clone());
        let mut draft = Self {
            app: input.app.clone(),
            base: input.design.base,
            tree: tree.iter().map(|file| (file.path.clone(), file.size)).collect(),
            applied,
            files: BTreeMap::new(),
            migrations: input.design.migrations.clone(),
            invalidations: Vec::new(),
        };
        if let Some(before) = input.before.clone().filter(|before| before.base == draft.base) {
            draft.files = before.files.into_iter().map(|file| (file.path, file.content)).collect();
            draft.migrations = before.migrations;
            draft.invalidations = before.invalidations;
        }
        draft
    }

    pub(crate) fn change_set(&self) -> ChangeSet {
        let files = self.files.iter();
        ChangeSet {
            app: self.app.clone(),
            base: self.base,
            files: files.map(|(path, content)| FileChange { path: path.clone(), content: content.clone() }).collect(),
            migrations: self.migrations.clone(),
            invalidations: self.invalidations.clone(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.migrations.is_empty() && self.invalidations.is_empty()
    }

    pub(super) fn file(&self, path: &Path) -> File<'_> {
        match (self.files.get(path), self.tree.get(path)) {
            (Some(Some(content)), _) => File::Written(content),
            (Some(None), _) => File::Deleted,
            (None, Some(size)) => File::Same(*size),
            (None, None) => File::Absent,
        }
    }

    /// Every file that is there, or was, by name.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let mut all: Vec<_> = self.tree.keys().chain(self.files.keys()).collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter()
    }

    /// The file is new, as far as the release knows that the draft starts from.
    pub(super) fn is_new(&self, path: &Path) -> bool {
        !self.tree.contains_key(path)
    }

    /// Writes a file, or lets it go.
    ///
    /// # Errors
    /// Why not; the draft is as it was.
    pub(super) fn put(&mut self, path: Path, content: Option<Content>) -> Result<(), String> {
        if content.is_some() {
            self.check_place(&path)?;
        }
        let before = match (content, self.tree.contains_key(&path)) {
            (None, false) => self.files.remove(&path),
            (content, _) => self.files.insert(path.clone(), content),
        };
        self.change_set().validate().map_err(|problem| {
            match before {
                Some(content) => self.files.insert(path.clone(), content),
                None => self.files.remove(&path),
            };
            format!("Not written: {}.", problem.detail)
        })
    }

    /// The file stays as it is in the release that the draft starts from.
    pub(super) fn keep(&mut self, path: &Path) {
        self.files.remove(path);
    }

    /// Two names that some file system takes for one, and files below files, make no release.
    fn check_place(&self, path: &Path) -> Result<(), String> {
        if path.as_str().split('/').any(|part| part.starts_with('.')) {
            return Err(format!("Not written: {path} is hidden, as its name starts with a dot. Choose another name."));
        }
        let folded = path.folded();
        let there = self.paths().filter(|one| *one != path && !matches!(self.file(one), File::Deleted));
        for other in there {
            let name = other.folded();
            if name == folded {
                return Err(format!("Not written: there is {other} already, which some file systems take for {path}."));
            }
            let below = |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.starts_with('/'));
            if below(&folded, &name) || below(&name, &folded) {
                return Err(format!("Not written: {other} is a file, and so {path} cannot be one."));
            }
        }
        Ok(())
    }

    pub(super) fn migrations(&self) -> &[Migration] {
        &self.migrations
    }

    /// Adds a migration in its place, by its id.
    ///
    /// # Errors
    /// Why it is not allowed; the draft is as it was.
    pub(super) fn add_migration(&mut self, migration: Migration) -> Result<Class, String> {
        if self.migrations.iter().any(|one| one.id == migration.id) {
            return Err(format!("{} is there already; remove_migration it first to replace it.", migration.id));
        }
        if let Some(last) = self.applied.iter().filter(|applied| **applied >= migration.id).max() {
            return Err(format!(
                "{} does not come after {last}, which the live schema has seen. Take a higher number.",
                migration.id
            ));
        }
        let place = self.migrations.partition_point(|one| one.id < migration.id);
        let mut migrations = self.migrations.clone();
        migrations.insert(place, migration);
        let mut classes = classify(&migrations).map_err(|problem| format!("Not added: {}.", problem.detail))?;
        self.migrations = migrations;
        Ok(classes.swap_remove(place))
    }

    /// # Errors
    /// There is none of this id.
    pub(super) fn remove_migration(&mut self, id: &str) -> Result<(), String> {
        let Some(place) = self.migrations.iter().position(|one| one.id == id) else {
            let ids: Vec<_> = self.migrations.iter().map(|one| one.id.as_str()).collect();
            let there = if ids.is_empty() { "none".to_owned() } else { ids.join(", ") };
            return Err(format!("This change has no migration {id}; it has: {there}. Others cannot be taken back."));
        };
        self.migrations.remove(place);
        Ok(())
    }

    pub(super) fn set_invalidations(&mut self, invalidations: Vec<Invalidation>) {
        self.invalidations = invalidations;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        let tree = [("public/index.php", 10), ("src/Login.php", 20)];
        Draft {
            app: "shop".parse().expect("a name"),
            base: None,
            tree: tree.map(|(path, size)| (path.parse().expect("a path"), size)).into(),
            applied: vec!["0007_create_posts".into()],
            files: BTreeMap::new(),
            migrations: vec![],
            invalidations: vec![],
        }
    }

    fn put(draft: &mut Draft, path: &str, text: &str) -> Result<(), String> {
        draft.put(path.parse().expect("a path"), Some(Content::Text(text.into())))
    }

    fn migration(id: &str, sql: &str) -> Migration {
        Migration { id: id.into(), sql: sql.into() }
    }

    #[test]
    fn what_makes_no_release_is_refused_and_changes_nothing() {
        let mut draft = draft();
        let huge = "x".repeat(ChangeSet::MAX_FILE_BYTES + 1);
        for (path, text) in [
            (".env", "x"),
            ("src/.git/config", "x"),
            ("src/login.php", "x"),
            ("src/Login.php/more", "x"),
            ("src", "x"),
            ("big.txt", &huge),
        ] {
            let why = put(&mut draft, path, text).expect_err(path);
            assert!(why.starts_with("Not written: "), "{why}");
            assert!(draft.is_empty(), "{path}");
        }
        put(&mut draft, "src/Login.php", "new").expect("written");
        assert!(put(&mut draft, "src/Login.php", &huge).is_err());
        let path = "src/Login.php".parse().expect("a path");
        assert_eq!(draft.file(&path), File::Written(&Content::Text("new".into())));
    }

    #[test]
    fn what_was_deleted_makes_room() {
        let mut draft = draft();
        draft.put("src/Login.php".parse().expect("a path"), None).expect("deleted");
        put(&mut draft, "src/Login.php/Form.php", "x").expect("its place is free");
        draft.put("src/Login.php/Form.php".parse().expect("a path"), None).expect("deleted");
        assert_eq!(draft.change_set().files.len(), 1, "what never was is not deleted");
        assert!(put(&mut draft, "src/login.php", "x").is_err(), "one change-set never holds both");
    }

    #[test]
    fn migrations_come_after_those_that_were_applied_and_in_order() {
        let mut draft = draft();
        let class = draft.add_migration(migration("0009_b", "alter table posts add column b int null"));
        assert_eq!(class, Ok(Class::Additive));
        let class = draft.add_migration(migration("0008_a", "drop table posts")).expect("allowed");
        assert!(class.is_destructive());
        let ids: Vec<_> = draft.migrations().iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["0008_a", "0009_b"]);
        for (id, sql) in [
            ("0009_b", "select 1"),
            ("0007_create_posts", "create table x (id int)"),
            ("0006_x", "create table x (id int)"),
            ("0010_x", "select 1"),
            ("0010_x", "create table x (id int); drop table posts"),
            ("0010_x", "insert into app_other.posts (title) values ('x')"),
            ("0010_x", "drop database app_other"),
            ("0010 x", "create table x (id int)"),
            ("0010_x", "insert into posts (body) values (load_file('/etc/passwd'))"),
            ("0010_x", "grant all on *.* to root"),
        ] {
            assert!(draft.add_migration(migration(id, sql)).is_err(), "{id}: {sql}");
        }
        assert_eq!(draft.migrations().len(), 2);
        assert!(draft.remove_migration("0007_create_posts").is_err());
        draft.remove_migration("0009_b").expect("there");
    }
}
