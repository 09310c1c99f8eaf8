//! What PHP itself says: its log, and its parser.

use super::{Shown, World};
use crate::{
    matcher::{self, Shortfall},
    variables::Variables,
};
use protocol::{
    Problem,
    artifact::{LogCheck, Path},
};
use regex::Regex;

/// What PHP writes when something is wrong with the code, as it stands in its log.
const PHP_WARNING: &str = r"PHP (?:Core |Compile |Startup )?(?:Warning|Notice|Deprecated|Strict Standards|(?:Recoverable |Catchable )?[Ff]atal error|[Pp]arse error|Unknown error|Startup)\b";

/// A log is read to its end in at most this many pieces: a script that writes faster than that has failed anyway.
const PIECES: usize = 64;

/// PHP's log since the run began.
pub(super) struct Log {
    end: u64,
    lines: Vec<String>,
    cut: bool,
}

impl Log {
    /// Remembers where the log ends now.
    pub(super) async fn begin(world: &World) -> Result<Self, Problem> {
        Ok(Self { end: world.log(None).await?.end, lines: Vec::new(), cut: false })
    }

    /// No line of this run may match the check's expression.
    pub(super) async fn check(
        &mut self,
        world: &World,
        check: &LogCheck,
        variables: &Variables,
    ) -> Result<Shown, Problem> {
        match matcher::regex(&check.lacks, variables) {
            Ok(regex) => self.lacks(world, &regex).await,
            Err(shortfall) => Ok(Shown::errored(&check.lacks, shortfall.to_string())),
        }
    }

    /// No line of this run may be a warning or an error of PHP.
    pub(super) async fn lacks_php_warnings(&mut self, world: &World) -> Result<Shown, Problem> {
        let regex = Regex::new(PHP_WARNING).expect("the expression is a constant that a test compiles");
        self.lacks(world, &regex).await
    }

    async fn lacks(&mut self, world: &World, regex: &Regex) -> Result<Shown, Problem> {
        self.read(world).await?;
        let hits: Vec<_> = self.lines.iter().filter(|line| regex.is_match(line)).map(String::as_str).collect();
        let mut shortfalls = Vec::new();
        if let Some(first) = hits.first() {
            shortfalls.push(Shortfall::Failed(format!("{} lines; the first: {first}", hits.len())));
        }
        if self.cut {
            shortfalls.push(Shortfall::Errored("the log grows faster than it can be read".to_owned()));
        }
        let sent = format!("{} new lines in PHP's log, none may match /{regex}/", self.lines.len());
        Ok(Shown { sent, received: hits.join("\n"), shortfalls })
    }

    async fn read(&mut self, world: &World) -> Result<(), Problem> {
        for _ in 0..PIECES {
            let piece = world.log(Some(self.end)).await?;
            let moved = piece.end != self.end;
            self.end = piece.end;
            self.lines.extend(piece.lines);
            if !moved {
                return Ok(());
            }
        }
        self.cut = true;
        Ok(())
    }
}

/// Every one of these PHP files (all when none is named) parses.
pub(super) async fn lint(world: &World, paths: &[Path], needs_files: bool) -> Result<Shown, Problem> {
    let answer = world.lint(paths).await?;
    let mut shortfalls: Vec<_> = answer
        .errors
        .first()
        .map(|first| {
            Shortfall::Failed(format!(
                "{} of {} files do not parse; the first: {first}",
                answer.errors.len(),
                answer.files
            ))
        })
        .into_iter()
        .collect();
    if needs_files && answer.files == 0 {
        shortfalls.push(Shortfall::Errored("there was no PHP file to parse".to_owned()));
    }
    let names: Vec<_> = paths.iter().map(Path::as_str).collect();
    let sent =
        if names.is_empty() { "php -l on every PHP file".to_owned() } else { format!("php -l {}", names.join(" ")) };
    let received = format!("{} files parsed\n{}", answer.files, answer.errors.join("\n"));
    Ok(Shown { sent, received, shortfalls })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phps_own_complaints_are_known_from_other_lines() {
        let regex = Regex::new(PHP_WARNING).expect("it compiles");
        for complaint in [
            "[24-Nov-2026 04:00:00 UTC] PHP Warning:  Undefined variable $a in /srv/a.php on line 3",
            "PHP Notice:  x",
            "PHP Deprecated:  x",
            "PHP Fatal error:  Uncaught TypeError: x",
            "PHP Parse error:  syntax error",
            "PHP Recoverable fatal error:  x",
        ] {
            assert!(regex.is_match(complaint), "{complaint}");
        }
        for other in ["NOTICE: fpm is running", "posts: created 3", "PHP Stack trace", "a Warning: x"] {
            assert!(!regex.is_match(other), "{other}");
        }
    }
}
