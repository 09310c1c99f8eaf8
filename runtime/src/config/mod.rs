//! Configuration: environment variables `YONIN_*`, read once, every mistake reported at once.

mod listen;
mod reread;
mod service;
mod store;

pub use service::ServiceConfig;
pub use store::StoreConfig;

use std::{collections::BTreeMap, ffi::OsString, fmt::Display, path::PathBuf, process::ExitCode, str::FromStr};

/// Reads variables from a source and collects every mistake.
///
/// ```
/// use runtime::config::Reader;
/// let mut reader = Reader::of([("YONIN_SLOTS".to_owned(), "four".to_owned())]);
/// let slots = reader.or("YONIN_SLOTS", 4_usize);
/// assert_eq!(slots, 4);
/// assert_eq!(reader.finish().unwrap_err().len(), 1);
/// ```
#[derive(Debug)]
pub struct Reader {
    variables: BTreeMap<String, String>,
    mistakes: Vec<String>,
}

impl Reader {
    /// Reads this process's environment. Values that are not UTF-8 are mistakes; other programs' variables may be anything.
    #[must_use]
    pub fn of_process() -> Self {
        Self::of_raw(std::env::vars_os())
    }

    fn of_raw(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut reader = Self::of([]);
        for (name, value) in variables {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => drop(reader.variables.insert(name, value)),
                (Ok(name), Err(_)) if name.starts_with("YONIN_") => reader.mistakes.push(format!("{name}: not UTF-8")),
                _ => {}
            }
        }
        reader
    }

    /// Reads these variables.
    #[must_use]
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { variables: variables.into_iter().collect(), mistakes: Vec::new() }
    }

    /// A variable, or the default when it is not set. `NAME_FILE` names a file that holds the value (a mounted secret).
    pub fn or<T: FromStr<Err: Display>>(&mut self, name: &str, default: T) -> T {
        self.optional(name).unwrap_or(default)
    }

    /// A variable that must be set; the placeholder is returned, and a mistake noted, when it is not.
    pub fn required<T: FromStr<Err: Display> + Default>(&mut self, name: &str) -> T {
        let value = self.optional(name);
        if value.is_none() && !self.mistakes.iter().any(|mistake| mistake.starts_with(name)) {
            self.mistakes.push(format!("{name} is not set"));
        }
        value.unwrap_or_default()
    }

    /// A variable that may be missing.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.mistakes.push(format!("{name}: {error}"));
                None
            }
        }
    }

    /// Notes a mistake that no single variable shows. It starts with the name of a variable.
    pub(crate) fn mistake(&mut self, mistake: impl Into<String>) {
        self.mistakes.push(mistake.into());
    }

    /// Nothing, or every mistake that was made.
    ///
    /// # Errors
    /// One sentence for each mistake, naming the variable and never its value.
    pub fn finish(self) -> Result<(), Vec<String>> {
        if self.mistakes.is_empty() { Ok(()) } else { Err(self.mistakes) }
    }

    /// The file that holds a variable's value, when it is given in one.
    pub(crate) fn file(&self, name: &str) -> Option<PathBuf> {
        let given = self.variables.contains_key(name);
        self.variables.get(&format!("{name}_FILE")).filter(|_| !given).map(PathBuf::from)
    }

    fn text(&mut self, name: &str) -> Option<String> {
        if let Some(text) = self.variables.get(name) {
            return Some(text.clone());
        }
        let path = self.file(name)?;
        match std::fs::read_to_string(path) {
            Ok(text) => Some(text.trim_end().to_owned()),
            Err(error) => {
                self.mistakes.push(format!("{name}_FILE: {error}"));
                None
            }
        }
    }
}

/// Prints each mistake on a line of its own to standard error: what a program does before it exits with the code returned, 2.
#[must_use]
pub fn report(mistakes: &[String]) -> ExitCode {
    for mistake in mistakes {
        eprintln!("{mistake}");
    }
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt as _;

    #[test]
    fn bytes_that_are_no_text_are_a_mistake_in_our_variables_alone() {
        let raw = || OsString::from_vec(vec![0xFF]);
        let mut reader = Reader::of_raw([("LS_COLORS".into(), raw()), ("YONIN_KEY".into(), raw()), (raw(), raw())]);
        let _: String = reader.required("YONIN_KEY");
        assert_eq!(reader.finish().expect_err("a mistake"), ["YONIN_KEY: not UTF-8"]);
    }
}
