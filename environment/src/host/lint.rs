//! Does every PHP file parse? PHP says so itself, file by file; what it found good is not asked again.

use super::{Host, HostError, environment::Shared, home::Home, releases::Entry};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use protocol::{
    Digest, Problem,
    artifact::Path,
    tools::host::{LintPhpInput, LintPhpOutput},
};
use std::{
    collections::HashSet,
    process::Stdio,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Addresses of files that parse.
#[derive(Debug, Default)]
pub(super) struct Linted(Mutex<HashSet<Digest>>);

/// So many addresses are remembered before all are forgotten.
const REMEMBERED: usize = 50_000;
/// So many files are parsed at once.
const AT_ONCE: usize = 4;
/// Parsing one file takes at most so long.
const PATIENCE: Duration = Duration::from_secs(20);

impl Linted {
    fn knows(&self, file: Digest) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&file)
    }

    fn remember(&self, file: Digest) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(file);
    }
}

impl Host {
    /// Parses PHP files of what answers in a place; all of them unless some are named.
    ///
    /// # Errors
    /// [`protocol::Code::NotFound`], [`protocol::Code::PreviewGone`], or what the world says.
    pub async fn lint_php(&self, input: LintPhpInput) -> Result<LintPhpOutput, Problem> {
        let home = self.0.home_of(&input.place)?;
        let Some(release) = home.pointed() else { return Ok(LintPhpOutput { files: 0, errors: vec![] }) };
        let wanted = |path: &Path| input.paths.is_empty() || input.paths.contains(path);
        let files: Vec<(Path, Entry)> =
            home.manifest(release)?.files.into_iter().filter(|(path, _)| is_php(path) && wanted(path)).collect();
        let shared = &self.0;
        let home = &home;
        let parse = |(path, entry): &(Path, Entry)| {
            let (path, entry) = (path.clone(), *entry);
            async move { shared.parse(home, release, &path, entry).await }
        };
        let errors: Vec<Option<String>> = stream::iter(files.iter().map(parse)).buffered(AT_ONCE).try_collect().await?;
        let count = u32::try_from(files.len()).unwrap_or(u32::MAX);
        Ok(LintPhpOutput { files: count, errors: errors.into_iter().flatten().collect() })
    }
}

impl Shared {
    /// What PHP says of a file that does not parse.
    async fn parse(
        &self,
        home: &Home,
        release: Digest,
        path: &Path,
        entry: Entry,
    ) -> Result<Option<String>, HostError> {
        if self.linted.knows(entry.digest) {
            return Ok(None);
        }
        let file = home.place(release).join(path.as_str());
        let mut command = tokio::process::Command::new(&self.php.cli);
        command.args(["-n", "-d", "display_errors=stderr", "-d", "html_errors=0", "-l"]).arg(&file);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output()).await;
        let output = match output {
            Ok(output) => output.map_err(HostError::file("cannot parse", &file))?,
            Err(_) => return Ok(Some(format!("{path}: takes more than {} s to parse", PATIENCE.as_secs()))),
        };
        if output.status.success() {
            self.linted.remember(entry.digest);
            return Ok(None);
        }
        let said = String::from_utf8_lossy(&[output.stderr, output.stdout].concat()).into_owned();
        let place = file.to_string_lossy().into_owned();
        let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("does not parse");
        Ok(Some(format!("{path}: {}", line.replace(&place, path.as_str()))))
    }
}

fn is_php(path: &Path) -> bool {
    let name = path.as_str().to_ascii_lowercase();
    [".php", ".phtml", ".inc"].iter().any(|end| name.ends_with(end))
}
