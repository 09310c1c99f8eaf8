//! Values in files that change while the process runs, such as mounted secrets.

use std::{fmt, path::PathBuf, time::Duration};

/// How often a file is looked at. It counts once it was the same twice in a row: who writes it may be in the middle of it.
const EVERY: Duration = Duration::from_secs(1);

/// What is done with a file's text; why it can't be.
type Take = dyn Fn(&str) -> Result<(), String> + Send + Sync;

/// A file, and what is done with it when it has changed.
pub(crate) struct Reread {
    variable: &'static str,
    path: PathBuf,
    taken: String,
    take: Box<Take>,
}

impl Reread {
    /// The file that gives the value of this variable, and that has been read as this text.
    pub(crate) fn new(
        variable: &'static str,
        path: PathBuf,
        taken: String,
        take: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self { variable, path, taken, take: Box::new(take) }
    }

    /// Looks at it for ever.
    pub(crate) async fn run(mut self) {
        let mut seen = self.taken.clone();
        let mut unreadable = false;
        loop {
            tokio::time::sleep(EVERY).await;
            match tokio::fs::read_to_string(&self.path).await {
                Ok(text) => {
                    unreadable = false;
                    let text = text.trim_end().to_owned();
                    if text == seen && text != self.taken {
                        self.take(&text);
                    }
                    seen = text;
                }
                // A file that is replaced may be away for a moment.
                Err(error) if !unreadable => {
                    unreadable = true;
                    tracing::warn!(variable = self.variable, %error, "A file can't be read again; what it said still holds");
                }
                Err(_) => {}
            }
        }
    }

    fn take(&mut self, text: &str) {
        // Told once, good or bad: the next change is looked at again.
        text.clone_into(&mut self.taken);
        let taken = if text.is_empty() { Err("it is empty".to_owned()) } else { (self.take)(text) };
        match taken {
            Ok(()) => tracing::info!(variable = self.variable, "A file has changed and was read again"),
            Err(error) => {
                tracing::error!(
                    variable = self.variable,
                    error,
                    "A file has changed to what can't be; what it said before still holds"
                );
            }
        }
    }
}

impl fmt::Debug for Reread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reread").field("variable", &self.variable).field("path", &self.path).finish_non_exhaustive()
    }
}
