//! Opening brackets: which ones begin a resource, and which ones are prose.

use super::{
    field::TYPES,
    scanner::{Ahead, Scanner},
    shown,
};

/// What an opening bracket begins.
pub(super) enum Opening {
    Resource,
    /// Prose that a person could take for a resource.
    Aside(String),
    Prose,
}

/// The word before a bracket.
struct Name {
    text: String,
    /// A space stands between the name and the bracket.
    apart: bool,
    /// It is the end of an address or a path.
    inside: bool,
}

impl Scanner {
    /// Goes behind the next bracket that has a name before it.
    pub(super) fn next_opening(&mut self) -> Option<(String, Opening)> {
        loop {
            let open = (self.at..self.signs.len()).find(|place| self.signs[*place] == '(')?;
            self.at = open + 1;
            if let Some(name) = self.name_before(open) {
                let opening = self.kind_of_opening(&name, open);
                return Some((name.text, opening));
            }
        }
    }

    /// The last run of ASCII letters and digits, as Japanese prose leaves no space; otherwise the whole word.
    fn name_before(&self, open: usize) -> Option<Name> {
        let end = (0..open).rev().find(|place| !self.signs[*place].is_whitespace())? + 1;
        let start_of = |belongs: fn(char) -> bool| {
            (0..end).rev().take_while(|place| belongs(self.signs[*place])).last().unwrap_or(end)
        };
        let mut start = start_of(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if start == end {
            start = start_of(|c| c.is_alphanumeric() || c == '_');
        }
        let text = self.signs[start..end].iter().collect::<String>().trim_start_matches('-').to_owned();
        let before = start.checked_sub(1).map(|place| self.signs[place]);
        let inside = before.is_some_and(|c| matches!(c, '/' | '.' | '@' | '#' | '?' | '&' | '=' | '%' | '~'));
        (!text.is_empty()).then_some(Name { text, apart: end < open, inside })
    }

    /// `name(field:type` is a resource whatever else is wrong with it; less than that is one only with a known type.
    fn kind_of_opening(&self, name: &Name, open: usize) -> Opening {
        let mut ahead = Ahead { signs: &self.signs, at: open + 1 };
        let field = ahead.word();
        let colon = ahead.sign(':');
        let kind = ahead.word();
        let close = name.text.is_ascii() && !name.apart && !name.inside;
        let named = field.is_ascii() && !field.starts_with(|first: char| first.is_ascii_digit());
        if !field.is_empty() && colon && (TYPES.contains(&kind.as_str()) || close && named) {
            return Opening::Resource;
        }
        let pair = field.is_ascii() && colon && !kind.is_empty();
        if name.text.is_ascii() && !field.is_empty() && !name.inside && (!name.apart || pair) {
            return Opening::Aside(self.aside(name, open));
        }
        Opening::Prose
    }

    fn aside(&self, name: &Name, open: usize) -> String {
        let ends = |c: &&char| !matches!(c, ')' | '）' | '\n');
        let inside: String = self.written[open + 1..].iter().take_while(ends).take(60).collect();
        let space = if name.apart { " " } else { "" };
        format!("{}{space}({})", shown(&name.text), shown(&inside))
    }
}
