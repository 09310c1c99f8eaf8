use crate::{AppName, Digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::HashSet, fmt, str::FromStr};
use unicode_normalization::UnicodeNormalization as _;
use utoipa::ToSchema;

/// Everything one task changes, as data, under one digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeSet {
    /// The app it changes.
    pub app: AppName,
    /// The release it starts from; `None` for the first one.
    pub base: Option<Digest>,
    /// Files that differ from the base, sorted by path.
    pub files: Vec<FileChange>,
    /// Statements to run, in order.
    pub migrations: Vec<Migration>,
    /// What must leave the cache when the release goes live.
    pub invalidations: Vec<Invalidation>,
}

impl ChangeSet {
    /// A change-set holds at most this many files.
    pub const MAX_FILES: usize = 5_000;
    /// One file holds at most this many bytes (4 MiB).
    pub const MAX_FILE_BYTES: usize = 4 << 20;
    /// All files and statements together hold at most this many bytes (16 MiB).
    pub const MAX_BYTES: usize = 16 << 20;
    /// A change-set holds at most this many statements: each is a step of its own, written down before and after.
    pub const MAX_MIGRATIONS: usize = 2_000;

    /// Its address.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self)
    }

    /// Checks what every holder of a change-set may rely on: the limits above, and no two paths that some file system would
    /// take for one ([`Path::folded`]).
    ///
    /// # Errors
    /// [`crate::Code::ChangeSetTooLarge`] or [`crate::Code::BadPath`].
    pub fn validate(&self) -> Result<(), crate::Problem> {
        use crate::Code;
        if self.files.len() > Self::MAX_FILES {
            let detail = format!("{} files; at most {} are allowed", self.files.len(), Self::MAX_FILES);
            return Err(Code::ChangeSetTooLarge.problem(detail));
        }
        if self.migrations.len() > Self::MAX_MIGRATIONS {
            let detail = format!("{} statements; at most {} are allowed", self.migrations.len(), Self::MAX_MIGRATIONS);
            return Err(Code::ChangeSetTooLarge.problem(detail));
        }
        let mut total: usize = self.migrations.iter().map(|migration| migration.sql.len()).sum();
        if total > Self::MAX_BYTES {
            let detail = format!("its statements have {total} bytes; all together may have {}", Self::MAX_BYTES);
            return Err(Code::ChangeSetTooLarge.problem(detail));
        }
        let mut seen = HashSet::new();
        for file in &self.files {
            let size = file.content.as_ref().map_or(0, Content::len);
            total += size;
            if size > Self::MAX_FILE_BYTES || total > Self::MAX_BYTES {
                let detail = format!(
                    "{}: one file may have {} bytes, all together with the statements {}",
                    file.path,
                    Self::MAX_FILE_BYTES,
                    Self::MAX_BYTES
                );
                return Err(Code::ChangeSetTooLarge.problem(detail));
            }
            if !seen.insert(file.path.folded()) {
                return Err(Code::BadPath.problem(format!("{} is named twice, as some file systems see it", file.path)));
            }
        }
        Ok(())
    }
}

/// One file that differs from the base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileChange {
    /// Relative to the release.
    pub path: Path,
    /// What it holds from now on; absent when the file goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// UTF-8 text.
    Text(String),
    /// Anything else, in standard base64 with padding.
    Base64(String),
}

impl Content {
    /// The size in bytes; for base64 that of the text that carries it.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) | Self::Base64(text) => text.len(),
        }
    }

    /// Nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One statement on the app's schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Migration {
    /// Unique in the app's life, and the order to run in: `0001_create_posts`. `[a-z0-9_]{1,100}`.
    pub id: String,
    /// Exactly one SQL statement, without a closing semicolon.
    pub sql: String,
}

impl Migration {
    /// A statement has at most this many bytes (256 KiB): a row with a picture in it is one statement.
    pub const MAX_BYTES: usize = 256 << 10;

    /// The address of the statement: what an approval is bound to and what the ledger records.
    #[must_use]
    pub fn checksum(&self) -> Digest {
        Digest::of(self)
    }
}

/// What must leave the cache when a release goes live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Invalidation {
    /// Raise the version number kept under this key (below the app's prefix) by one.
    Bump(String),
    /// Delete every key (below the app's prefix) that starts so.
    Delete(String),
}

/// A file's place below its release: relative, `/` between parts, no part empty, `.` or `..`, nothing hidden from a reader.
///
/// ```
/// use protocol::artifact::Path;
/// assert!("public/index.php".parse::<Path>().is_ok());
/// assert!("../secret".parse::<Path>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Path(String);

impl Path {
    /// A path has at most this many bytes.
    pub const MAX_BYTES: usize = 255;

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as a file system sees it that tells neither upper from lower case nor a letter with an accent from a letter
    /// and an accent. Two paths of a release never have the same.
    ///
    /// ```
    /// let folded = |path: &str| path.parse::<protocol::artifact::Path>().map(|path| path.folded());
    /// assert_eq!(folded("Caf\u{e9}.php"), folded("cafe\u{301}.PHP"));
    /// ```
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.nfd().flat_map(char::to_lowercase).nfd().collect()
    }
}

/// Why a text is not a [`Path`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Empty, or more than [`Path::MAX_BYTES`] bytes.
    #[error("a path has 1 to 255 bytes")]
    Length,
    /// `/` at the start, or a part that is empty, `.` or `..`.
    #[error("a path is relative and stays below its release")]
    Escapes,
    /// Control characters, NUL, what is invisible or turns the writing around, backslash or colon.
    #[error("a path has no control or invisible characters, backslash or colon")]
    Character,
}

impl PathError {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Length, Self::Escapes, Self::Character];
}

/// A reader cannot see it, or sees what stands around it in another order.
fn is_invisible(character: char) -> bool {
    let format = ['\u{ad}', '\u{feff}'].contains(&character)
        || ('\u{200b}'..='\u{200f}').contains(&character)
        || ('\u{2028}'..='\u{202e}').contains(&character)
        || ('\u{2060}'..='\u{206f}').contains(&character);
    format || character.is_control()
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if text.is_empty() || text.len() > Self::MAX_BYTES {
            return Err(PathError::Length);
        }
        if text.chars().any(|c| is_invisible(c) || matches!(c, '\\' | ':')) {
            return Err(PathError::Character);
        }
        if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(PathError::Escapes);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Path {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        text.parse()
    }
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.0
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_cannot_leave_their_release() {
        let long = "a".repeat(4096);
        for bad in [
            "",
            "/etc/passwd",
            "..",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            "a\0b",
            "a\\b",
            "c:/x",
            "a\nb",
            "a\u{202e}b",
            &long,
        ] {
            assert!(bad.parse::<Path>().is_err(), "{bad:?}");
        }
        for good in ["index.php", "src/日本.php", "a..b/c", ".htaccess"] {
            assert!(good.parse::<Path>().is_ok(), "{good:?}");
        }
    }

    #[test]
    fn case_twins_are_refused() {
        let file = |path: &str| FileChange {
            path: path.parse().expect("a path"),
            content: Some(Content::Text(String::new())),
        };
        let twins = ChangeSet {
            app: "shop".parse().expect("a name"),
            base: None,
            files: vec![file("a.php"), file("A.php")],
            migrations: vec![],
            invalidations: vec![],
        };
        assert_eq!(twins.validate().expect_err("twins").code, crate::Code::BadPath);
    }
}
