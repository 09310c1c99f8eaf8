//! SQL cut into the pieces that tell where a statement ends: what is quoted, what is a comment, what is a word.

use super::dump::BadDump;
use std::ops::Range;

/// A piece of SQL. White space stands between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// Letters, digits, `_`, `$`, `@` and whatever is not ASCII: keywords, names, numbers.
    Word,
    /// A name in back-quotes.
    Name,
    /// A text in quotes of either kind.
    Text,
    /// One other character.
    Mark(u8),
    /// A comment that nobody reads.
    Comment,
    /// `/*! ... */` or `/*M! ... */`: a comment that the server runs, if it is new enough.
    Hint,
}

/// A piece and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) piece: Piece,
    pub(super) at: Range<usize>,
}

impl Token {
    /// Its text, as it stands there.
    pub(super) fn text<'a>(&self, sql: &'a str) -> &'a str {
        &sql[self.at.clone()]
    }

    /// Whether it is this word, not in quotes, in letters of either case.
    pub(super) fn is(&self, sql: &str, word: &str) -> bool {
        self.piece == Piece::Word && self.text(sql).eq_ignore_ascii_case(word)
    }

    /// Whether it is this character.
    pub(super) fn is_mark(&self, mark: u8) -> bool {
        self.piece == Piece::Mark(mark)
    }
}

/// The next piece at or after this place; none at the end.
///
/// # Errors
/// What was opened there and is never closed.
pub(super) fn next(sql: &str, from: usize) -> Result<Option<Token>, BadDump> {
    let bytes = sql.as_bytes();
    let Some(begin) = (from..bytes.len()).find(|at| !bytes[*at].is_ascii_whitespace()) else { return Ok(None) };
    let rest = &bytes[begin..];
    let unclosed = |what| BadDump::at(begin, format!("{what} is opened here and never closed"));
    let (piece, length) = match rest[0] {
        b'#' => (Piece::Comment, line(rest)),
        b'-' if is_dashed(rest) => (Piece::Comment, line(rest)),
        b'/' if rest.starts_with(b"/*") => {
            let piece =
                if rest[2..].starts_with(b"!") || rest[2..].starts_with(b"M!") { Piece::Hint } else { Piece::Comment };
            let end = rest[2..].windows(2).position(|pair| pair == b"*/").ok_or_else(|| unclosed("a comment"))?;
            (piece, end + 4)
        }
        b'`' => (Piece::Name, quoted(rest, false).ok_or_else(|| unclosed("a name"))?),
        b'\'' | b'"' => (Piece::Text, quoted(rest, true).ok_or_else(|| unclosed("a text"))?),
        byte if is_word(byte) => (Piece::Word, rest.iter().take_while(|byte| is_word(**byte)).count()),
        byte => (Piece::Mark(byte), 1),
    };
    Ok(Some(Token { piece, at: begin..begin + length }))
}

/// To the end of the line.
fn line(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
}

/// Two dashes begin a comment only where white space, or nothing, follows them.
fn is_dashed(rest: &[u8]) -> bool {
    rest.starts_with(b"--") && rest.get(2).is_none_or(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control())
}

/// How long the quoted thing at the beginning is. Its quote stands doubled in it, and in a text also behind a backslash.
fn quoted(rest: &[u8], escapes: bool) -> Option<usize> {
    let mut at = 1;
    loop {
        match *rest.get(at)? {
            b'\\' if escapes => at += 2,
            byte if byte == rest[0] && rest.get(at + 1) == Some(&byte) => at += 2,
            byte if byte == rest[0] => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'@') || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_and_what_is_a_comment_is_told_apart() {
        let sql = "a'it''s \\' ;' `b``;` \"x\\\"\" --5 -- ;'\n/* ; */ /*!40101 SET x */ 山#;";
        let (mut found, mut at) = (Vec::new(), 0);
        while let Some(token) = next(sql, at).expect("all is closed") {
            at = token.at.end;
            found.push((token.piece, token.text(sql)));
        }
        use Piece::{Comment, Hint, Mark, Name, Text, Word};
        assert_eq!(
            found,
            [
                (Word, "a"),
                (Text, "'it''s \\' ;'"),
                (Name, "`b``;`"),
                (Text, "\"x\\\"\""),
                (Mark(b'-'), "-"),
                (Mark(b'-'), "-"),
                (Word, "5"),
                (Comment, "-- ;'"),
                (Comment, "/* ; */"),
                (Hint, "/*!40101 SET x */"),
                (Word, "山"),
                (Comment, "#;"),
            ]
        );
    }

    #[test]
    fn what_is_never_closed_is_named() {
        for sql in ["'abc", "'abc\\'", "`abc", "/* abc", "\"abc''"] {
            assert!(next(sql, 0).is_err(), "{sql}");
        }
    }
}
