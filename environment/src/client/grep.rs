use protocol::artifact::Path;
use regex::RegexBuilder;
use std::fmt::Write as _;

/// So many lines are shown.
const MOST_LINES: usize = 120;
/// Of a line so many characters.
const LONGEST_LINE: usize = 240;

/// The lines of these files in which a regular expression (of the `regex` crate) finds something, as `path:line: text`.
///
/// # Errors
/// Why it is no regular expression, in words for who wrote it.
pub fn grep<'a>(files: impl IntoIterator<Item = (&'a Path, &'a str)>, pattern: &str) -> Result<String, String> {
    let regex = RegexBuilder::new(pattern).size_limit(1 << 20).build();
    let regex = regex.map_err(|error| {
        format!("The pattern is no regular expression: {error}. Look-around and back-references do not exist; escape ( ) [ ] $ to find them.")
    })?;
    let (mut shown, mut found) = (String::new(), 0_usize);
    for (path, text) in files {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| regex.is_match(line)) {
            found += 1;
            if found <= MOST_LINES {
                let cut: String = line.chars().take(LONGEST_LINE).collect();
                let _ = writeln!(shown, "{path}:{}: {cut}", number + 1);
            }
        }
    }
    if found > MOST_LINES {
        let _ = writeln!(shown, "({} more lines; use a narrower pattern)", found - MOST_LINES);
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_with_their_places() {
        let path: Path = "a.php".parse().expect("a path");
        assert_eq!(grep([(&path, "one\ntwo(")], r"two\("), Ok("a.php:2: two(\n".to_owned()));
        assert_eq!(grep([(&path, "one")], "two"), Ok(String::new()));
        assert!(grep([(&path, "one")], "(").is_err_and(|why| why.contains("no regular expression")));
        let many = "x\n".repeat(500);
        let shown = grep([(&path, many.as_str())], "x").expect("a pattern");
        assert!(shown.ends_with("(380 more lines; use a narrower pattern)\n"), "{shown}");
    }
}
