//! Finds the specification in a goal's prose.
//!
//! ```text
//! resource = name "(" field { "," field } ")"
//! field    = name ":" type { "!" | "unique" | "=" literal }
//! ```
//! Full-width signs count as ASCII. A literal with spaces, commas, brackets or `!` in it stands in quotes.

use crate::literal;
use protocol::artifact::{Field, FieldType, Resource};

/// What a goal says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// What was understood.
    pub(crate) resources: Vec<Resource>,
    /// What looks like a part of a specification and is none, and why.
    pub(crate) mistakes: Vec<String>,
    /// Brackets that were taken for prose although they could have been meant otherwise.
    pub(crate) asides: Vec<String>,
}

const TYPES: [&str; 11] =
    ["string", "text", "int", "decimal", "bool", "date", "datetime", "email", "url", "enum", "ref"];
const RESERVED: [&str; 7] = ["id", "created_at", "updated_at", "q", "sort", "page", "per_page"];
/// More would not fit into a row of MySQL's.
pub(crate) const MAX_FIELDS: usize = 60;
/// More cannot be tested in the time that a person waits.
const MAX_RESOURCES: usize = 50;
const MAX_WORD_CHARACTERS: usize = 64;

/// Reads a goal. References are not resolved: what they point to may be a part of the app already.
pub(crate) fn read(goal: &str) -> Reading {
    let mut scanner = Scanner::new(goal);
    let mut reading = Reading::default();
    while let Some(open) = scanner.next_opening() {
        let Some(name) = scanner.name_before(open) else {
            scanner.at = open + 1;
            continue;
        };
        scanner.at = open + 1;
        match scanner.kind_of_opening(&name, open) {
            Opening::Prose => {}
            Opening::Aside(text) => reading.asides.push(text),
            Opening::Resource => match scanner.resource(&name.text) {
                Ok(resource) => reading.resources.push(resource),
                Err(mistake) => reading.mistakes.push(format!("{}: {mistake}", name.text)),
            },
        }
    }
    reading.mistakes.extend(twins(&reading.resources));
    if reading.resources.len() > MAX_RESOURCES {
        reading.mistakes.push(format!("{} resources; at most {MAX_RESOURCES} are possible", reading.resources.len()));
    }
    reading
}

fn twins(resources: &[Resource]) -> Vec<String> {
    let repeated = |(place, one): &(usize, &Resource)| resources[..*place].iter().any(|other| other.name == one.name);
    let found = resources.iter().enumerate().filter(repeated);
    found.map(|(_, one)| format!("{}: the resource is written twice", one.name)).collect()
}

/// A name before an opening bracket.
struct Name {
    text: String,
    /// A space stands between the name and the bracket.
    apart: bool,
}

enum Opening {
    Resource,
    Aside(String),
    Prose,
}

struct Scanner {
    /// With full-width signs as ASCII.
    signs: Vec<char>,
    /// As written.
    written: Vec<char>,
    at: usize,
}

impl Scanner {
    fn new(goal: &str) -> Self {
        Self { signs: goal.chars().map(narrow).collect(), written: goal.chars().collect(), at: 0 }
    }

    fn next_opening(&self) -> Option<usize> {
        (self.at..self.signs.len()).find(|place| self.signs[*place] == '(')
    }

    /// The word before a bracket: its last run of ASCII, as Japanese prose leaves no space; otherwise all of it.
    fn name_before(&self, open: usize) -> Option<Name> {
        let end = (0..open).rev().find(|place| !matches!(self.signs[*place], ' ' | '\t'))? + 1;
        let run = |belongs: fn(char) -> bool| {
            let start = (0..end).rev().take_while(|place| belongs(self.signs[*place])).last().unwrap_or(end);
            self.signs[start..end].iter().collect::<String>().trim_start_matches('-').to_owned()
        };
        let ascii = run(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        let text = if ascii.is_empty() { run(|c| c.is_alphanumeric() || c == '_') } else { ascii };
        (!text.is_empty()).then_some(Name { text, apart: end < open })
    }

    fn kind_of_opening(&self, name: &Name, open: usize) -> Opening {
        let mut ahead = Ahead { signs: &self.signs, at: open + 1 };
        let field = ahead.word();
        let colon = ahead.sign(':');
        let kind = ahead.word();
        let known = TYPES.contains(&kind.as_str());
        let plain = name.text.is_ascii() && !name.apart && field.is_ascii();
        if !field.is_empty() && colon && (plain || known) {
            return Opening::Resource;
        }
        if name.text.is_ascii() && !name.apart && !field.is_empty() {
            let rest: String =
                self.written[open..].iter().take_while(|c| !matches!(c, ')' | '）' | '\n')).take(40).collect();
            return Opening::Aside(format!("{}{rest})", name.text));
        }
        Opening::Prose
    }

    fn resource(&mut self, name: &str) -> Result<Resource, String> {
        let mut resource = Resource { name: name.to_owned(), fields: Vec::new() };
        let mut mistakes: Vec<String> = valid_name(name).err().into_iter().collect();
        loop {
            match self.field() {
                Ok(field) if resource.fields.iter().any(|other| other.name == field.name) => {
                    mistakes.push(format!("the field {} is written twice", field.name));
                }
                Ok(field) => resource.fields.push(field),
                Err(mistake) => {
                    mistakes.push(mistake);
                    self.skip_field();
                }
            }
            self.space();
            match self.next() {
                Some(',' | '、') => {}
                Some(')') => break,
                _ => {
                    mistakes.push("the bracket is never closed".into());
                    break;
                }
            }
        }
        if resource.fields.len() > MAX_FIELDS {
            mistakes.push(format!("{} fields; at most {MAX_FIELDS} are possible", resource.fields.len()));
        }
        if mistakes.is_empty() { Ok(resource) } else { Err(mistakes.join("; ")) }
    }

    fn field(&mut self) -> Result<Field, String> {
        let name = self.word();
        valid_name(&name)?;
        if !self.sign(':') {
            return Err(format!("{name} has no type; write {name}:string, for example"));
        }
        let kind = self.kind().map_err(|why| format!("{name}: {why}"))?;
        self.modifiers(name, kind)
    }

    fn kind(&mut self) -> Result<FieldType, String> {
        let word = self.word();
        Ok(match word.as_str() {
            "string" => FieldType::String,
            "text" => FieldType::Text,
            "int" => FieldType::Int,
            "decimal" => FieldType::Decimal,
            "bool" => FieldType::Bool,
            "date" => FieldType::Date,
            "datetime" => FieldType::Datetime,
            "email" => FieldType::Email,
            "url" => FieldType::Url,
            "enum" => FieldType::Enum(words(&self.argument("enum(a|b)")?)?),
            "ref" => {
                let target = self.argument("ref(resource)")?.trim().to_owned();
                valid_name(&target)?;
                FieldType::Ref(target)
            }
            other => return Err(format!("\"{other}\" is no type; there are {}", TYPES.join(", "))),
        })
    }

    fn argument(&mut self, form: &str) -> Result<String, String> {
        if !self.sign('(') {
            return Err(format!("write {form}"));
        }
        let rest = &self.signs[self.at..];
        let length = rest.iter().position(|c| matches!(c, ')' | '(' | '\n'));
        let length = length.filter(|end| rest[*end] == ')').ok_or_else(|| format!("write {form}"))?;
        let text = rest[..length].iter().collect();
        self.at += length + 1;
        Ok(text)
    }

    fn modifiers(&mut self, name: String, kind: FieldType) -> Result<Field, String> {
        let mut field = Field { name, kind, required: false, unique: false, default: None };
        loop {
            self.space();
            let said_before = match self.peek() {
                Some('!') => {
                    self.at += 1;
                    std::mem::replace(&mut field.required, true)
                }
                Some('=') => {
                    self.at += 1;
                    let value = self.default(&field)?;
                    field.default.replace(value).is_some()
                }
                Some(',' | '、' | ')') | None => break,
                Some(_) => {
                    let word = self.word();
                    if word != "unique" {
                        let what =
                            if word.is_empty() { self.peek().map(String::from).unwrap_or_default() } else { word };
                        return Err(format!("{}: \"{what}\" is not !, unique or =value", field.name));
                    }
                    std::mem::replace(&mut field.unique, true)
                }
            };
            if said_before {
                return Err(format!("{}: the same is said twice", field.name));
            }
        }
        if field.required && field.default.as_ref().is_some_and(|value| value == "") {
            return Err(format!("{}: the default is empty, and ! refuses that", field.name));
        }
        Ok(field)
    }

    fn default(&mut self, field: &Field) -> Result<serde_json::Value, String> {
        let text = self.literal().map_err(|why| format!("{}: {why}", field.name))?;
        literal::parse(&field.kind, &text)
            .map_err(|expected| format!("{}: the default \"{text}\" is not {expected}", field.name))
    }

    fn literal(&mut self) -> Result<String, String> {
        self.space();
        if let Some(close) = self.peek().and_then(closing_quote) {
            self.at += 1;
            return self.quoted(close);
        }
        let ends = |c: &char| matches!(c, ',' | '、' | ')' | '!' | ';') || c.is_whitespace();
        let text: String = self.signs[self.at..].iter().take_while(|c| !ends(c)).collect();
        if text.contains('(') {
            return Err(format!("put the default in quotes: \"{text}\""));
        }
        self.at += text.chars().count();
        Ok(text)
    }

    /// Between quotes everything stands as it is written; `\` takes the meaning from a quote or another `\`.
    fn quoted(&mut self, close: char) -> Result<String, String> {
        let mut text = String::new();
        while let Some(sign) = self.next() {
            let written = self.written[self.at - 1];
            if sign == close {
                return Ok(text);
            }
            match (sign, self.peek()) {
                ('\\', Some(escaped)) if escaped == close || escaped == '\\' => {
                    text.push(escaped);
                    self.at += 1;
                }
                _ => text.push(written),
            }
        }
        Err("the quote is never closed".into())
    }

    /// To the comma or bracket that ends a field which was not understood.
    fn skip_field(&mut self) {
        let mut depth = 0_usize;
        while let Some(sign) = self.peek() {
            match sign {
                '(' => depth += 1,
                ')' if depth > 0 => depth -= 1,
                ')' => return,
                ',' | '、' if depth == 0 => return,
                _ => {}
            }
            self.at += 1;
        }
    }

    fn word(&mut self) -> String {
        let mut ahead = Ahead { signs: &self.signs, at: self.at };
        let word = ahead.word();
        self.at = ahead.at;
        word
    }

    fn sign(&mut self, sign: char) -> bool {
        let mut ahead = Ahead { signs: &self.signs, at: self.at };
        let found = ahead.sign(sign);
        self.at = ahead.at;
        found
    }

    fn space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<char> {
        self.signs.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let sign = self.peek()?;
        self.at += 1;
        Some(sign)
    }
}

/// Looks ahead without moving the scanner.
struct Ahead<'a> {
    signs: &'a [char],
    at: usize,
}

impl Ahead<'_> {
    fn space(&mut self) {
        while self.signs.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn word(&mut self) -> String {
        self.space();
        let rest = &self.signs[self.at..];
        let word: String = rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
        self.at += word.chars().count();
        word
    }

    fn sign(&mut self, sign: char) -> bool {
        self.space();
        let found = self.signs.get(self.at) == Some(&sign);
        self.at += usize::from(found);
        found
    }
}

fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        other => other,
    }
}

fn closing_quote(open: char) -> Option<char> {
    match open {
        '"' | '\'' => Some(open),
        '「' => Some('」'),
        '“' => Some('”'),
        _ => None,
    }
}

fn valid_name(name: &str) -> Result<(), String> {
    let valid = (1..=31).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if RESERVED.contains(&name) {
        return Err(format!("the name {name} is reserved, as are {}", RESERVED.join(", ")));
    }
    if valid {
        return Ok(());
    }
    Err(format!("\"{name}\" is no name; names have 1 to 31 of a-z, 0-9 and _, and start with a letter"))
}

fn words(text: &str) -> Result<Vec<String>, String> {
    let words: Vec<String> = text.split('|').map(|word| word.trim().to_owned()).collect();
    for (place, word) in words.iter().enumerate() {
        if word.is_empty() || word.chars().count() > MAX_WORD_CHARACTERS {
            return Err(format!("a word of an enum has 1 to {MAX_WORD_CHARACTERS} characters"));
        }
        if word.chars().any(|c| c.is_control() || matches!(c, ',' | '、' | '"' | '\'' | ';')) {
            return Err(format!("\"{word}\" can't be a word of an enum; separate words by |"));
        }
        if words[..place].contains(word) {
            return Err(format!("the word \"{word}\" is written twice"));
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests;
