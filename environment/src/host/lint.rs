//! Does every PHP file parse? PHP says so itself, all files in one process, none of them run.

use super::{Host, HostError, environment::Shared, home::Home};
use crate::local::may_switch;
use protocol::{
    Code, Digest, Problem,
    artifact::Path,
    tools::host::{LintPhpInput, LintPhpOutput},
};
use std::{collections::VecDeque, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
};

/// Compiles each file that is named on its input, as `php -l` does, without paying for a process each. Before what it says of
/// a file it names it between control characters, which no path has. A fault in how functions and classes are declared ends the
/// process; then another one goes on behind that file.
const SCRIPT: &str = r#"
if (!function_exists('opcache_compile_file')) exit(1);
while (($file = fgets(STDIN)) !== false) {
    $file = rtrim($file, "\n");
    echo "\x01", $file, "\x02";
    try { opcache_compile_file($file); }
    catch (Throwable $error) { echo $error->getMessage(), ' on line ', $error->getLine(); }
}
"#;
/// Only faults, no advice: constants of PHP for errors, parse errors, and those of its core and its compiler.
const FAULTS: &str = "error_reporting=85";
/// Parsing all files takes at most so long.
const PATIENCE: Duration = Duration::from_secs(60);

impl Host {
    /// Parses PHP files of what answers in a place; all of them unless some are named.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::PreviewGone`], or PHP cannot be run.
    pub async fn lint_php(&self, input: LintPhpInput) -> Result<LintPhpOutput, Problem> {
        let home = self.0.home_of(&input.place)?;
        let Some(release) = home.pointed() else { return Ok(LintPhpOutput { files: 0, errors: vec![] }) };
        let wanted = |path: &Path| input.paths.is_empty() || input.paths.contains(path);
        let files: VecDeque<Path> =
            home.manifest(release)?.files.into_keys().filter(|path| is_php(path) && wanted(path)).collect();
        let count = u32::try_from(files.len()).unwrap_or(u32::MAX);
        let errors = tokio::time::timeout(PATIENCE, self.0.parse(&home, release, files)).await;
        let errors = errors.map_err(|_| Code::Internal.problem("PHP took more than a minute to parse the files"))??;
        Ok(LintPhpOutput { files: count, errors })
    }
}

impl Shared {
    /// One line for each file that does not parse.
    async fn parse(&self, home: &Home, release: Digest, mut files: VecDeque<Path>) -> Result<Vec<String>, HostError> {
        let mut errors = Vec::new();
        while !files.is_empty() {
            let said = self.compile(home, release, &files).await?;
            let before = files.len();
            for said in said.split('\x01').skip(1).filter_map(|part| Some(part.split_once('\x02')?.1.trim())) {
                let path = files.pop_front();
                if let Some(path) = path.filter(|_| !said.is_empty()) {
                    errors.push(line(&path, said, home, release));
                }
            }
            if files.len() == before {
                return Err(Code::Internal.problem("PHP cannot be run, or has no opcache, to parse the files").into());
            }
        }
        Ok(errors)
    }

    async fn compile(&self, home: &Home, release: Digest, files: &VecDeque<Path>) -> Result<String, HostError> {
        let mut command = Command::new(&self.php.cli);
        let options =
            ["zend_extension=opcache", "opcache.enable_cli=1", "opcache.jit=off", "opcache.jit_buffer_size=0"];
        let more =
            ["opcache.file_update_protection=0", "opcache.max_accelerated_files=20000", "memory_limit=512M", FAULTS];
        let shown = ["display_errors=1", "html_errors=0", "log_errors=0"];
        command.arg("-n");
        for option in options.into_iter().chain(more).chain(shown) {
            command.args(["-d", option]);
        }
        command.args(["-r", SCRIPT]).env_clear().kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        if may_switch() {
            // Untrusted text is not parsed with the host's rights.
            command.uid(home.uid).gid(home.uid);
        }
        let root = home.place(release);
        let failed = |source| HostError::file("cannot parse", &root)(source);
        let mut child = command.spawn().map_err(failed)?;
        let names: String = files.iter().map(|path| format!("{}/{path}\n", root.display())).collect();
        let (mut stdin, mut stdout) = (child.stdin.take(), child.stdout.take());
        let write = async {
            if let Some(mut stdin) = stdin.take() {
                // A process that ends early leaves the rest of the names to the next one.
                let _ = stdin.write_all(names.as_bytes()).await;
            }
        };
        let mut said = Vec::new();
        let read = async {
            match stdout.as_mut() {
                Some(stdout) => stdout.read_to_end(&mut said).await,
                None => Ok(0),
            }
        };
        let (read, ()) = tokio::join!(read, write);
        read.map_err(failed)?;
        child.wait().await.map_err(failed)?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }
}

/// What PHP says, with the file's own name for its place on the disk.
fn line(path: &Path, said: &str, home: &Home, release: Digest) -> String {
    let place = home.place(release).join(path.as_str());
    let said = said.replace(&*place.to_string_lossy(), path.as_str());
    let said: Vec<_> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    format!("{path}: {}", said.join(" "))
}

fn is_php(path: &Path) -> bool {
    let name = path.as_str().to_ascii_lowercase();
    [".php", ".phtml", ".inc"].iter().any(|end| name.ends_with(end))
}
