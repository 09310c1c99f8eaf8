//! One field of a resource.

use super::{
    names::valid_name,
    scanner::{Scanner, narrow},
    shown,
};
use crate::literal;
use protocol::artifact::{Field, FieldType};

pub(super) const TYPES: [&str; 11] =
    ["string", "text", "int", "decimal", "bool", "date", "datetime", "email", "url", "enum", "ref"];
const MAX_WORD_CHARACTERS: usize = 64;

/// Name, type and modifiers, up to the comma or bracket that ends them.
pub(super) fn read(scanner: &mut Scanner) -> Result<Field, String> {
    let name = scanner.word();
    if name.is_empty() {
        return Err(match scanner.peek() {
            Some(sign) => format!("a field starts with its name, not with \"{sign}\""),
            None => "a field is missing".to_owned(),
        });
    }
    valid_name(&name)?;
    if !scanner.sign(':') {
        return Err(format!("{name} has no type; write {name}:string, for example"));
    }
    let in_field = |why: String| format!("{name}: {why}");
    let kind = kind(scanner).map_err(in_field)?;
    let field = Field { name: name.clone(), kind, required: false, unique: false, default: None };
    modifiers(scanner, field).map_err(in_field)
}

fn kind(scanner: &mut Scanner) -> Result<FieldType, String> {
    let word = scanner.word();
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
        "enum" => FieldType::Enum(words(&argument(scanner, "enum(a|b)")?)?),
        "ref" => {
            let target: String = argument(scanner, "ref(resource)")?.chars().map(narrow).collect();
            let target = target.trim().to_owned();
            valid_name(&target)?;
            FieldType::Ref(target)
        }
        other => return Err(format!("\"{}\" is no type; there are {}", shown(other), TYPES.join(", "))),
    })
}

/// What stands in the brackets behind a type, as it is written.
fn argument(scanner: &mut Scanner, form: &str) -> Result<String, String> {
    if !scanner.sign('(') {
        return Err(format!("write {form}"));
    }
    let rest = &scanner.signs[scanner.at..];
    let length = rest.iter().position(|c| matches!(c, ')' | '(' | '\n'));
    let length = length.filter(|end| rest[*end] == ')').ok_or_else(|| format!("write {form}"))?;
    let text = scanner.written[scanner.at..scanner.at + length].iter().collect();
    scanner.at += length + 1;
    Ok(text)
}

fn words(text: &str) -> Result<Vec<String>, String> {
    let words: Vec<String> = text.split(['|', '｜']).map(|word| word.trim().to_owned()).collect();
    for (place, word) in words.iter().enumerate() {
        if word.is_empty() || word.chars().count() > MAX_WORD_CHARACTERS {
            return Err(format!("a word of an enum has 1 to {MAX_WORD_CHARACTERS} characters"));
        }
        if word.chars().any(|c| c.is_control() || matches!(narrow(c), ',' | '、' | '"' | '\'' | ';')) {
            return Err(format!("\"{word}\" can't be a word of an enum; separate words by |"));
        }
        if words[..place].contains(word) {
            return Err(format!("the word \"{word}\" is written twice"));
        }
    }
    Ok(words)
}

fn modifiers(scanner: &mut Scanner, mut field: Field) -> Result<Field, String> {
    loop {
        scanner.space();
        let said_before = match scanner.peek() {
            Some('!') => {
                scanner.at += 1;
                std::mem::replace(&mut field.required, true)
            }
            Some('=') => {
                scanner.at += 1;
                let value = default(scanner, &field.kind)?;
                field.default.replace(value).is_some()
            }
            Some(',' | '、' | ')') | None => break,
            Some(sign) => {
                let word = scanner.word();
                if word != "unique" {
                    let what = if word.is_empty() { sign.to_string() } else { shown(&word) };
                    return Err(format!("\"{what}\" is not !, unique or =value"));
                }
                std::mem::replace(&mut field.unique, true)
            }
        };
        if said_before {
            return Err("the same is said twice".into());
        }
    }
    if field.required && field.default.as_ref().is_some_and(|value| value == "") {
        return Err("the default is empty, and ! refuses that".into());
    }
    Ok(field)
}

fn default(scanner: &mut Scanner, kind: &FieldType) -> Result<serde_json::Value, String> {
    let mut text = literal(scanner)?;
    if !matches!(kind, FieldType::String | FieldType::Text | FieldType::Enum(_)) {
        text = text.chars().map(narrow).collect();
    }
    literal::parse(kind, &text).map_err(|expected| format!("the default \"{}\" is not {expected}", shown(&text)))
}

fn literal(scanner: &mut Scanner) -> Result<String, String> {
    scanner.space();
    if let Some(close) = scanner.written.get(scanner.at).copied().and_then(closing_quote) {
        scanner.at += 1;
        return quoted(scanner, close);
    }
    let ends = |c: &char| matches!(c, ',' | '、' | ')' | '!' | ';') || c.is_whitespace();
    let length = scanner.signs[scanner.at..].iter().take_while(|c| !ends(c)).count();
    let text: String = scanner.written[scanner.at..scanner.at + length].iter().collect();
    if length == 0 {
        return Err("no value stands behind =; an empty text is =\"\"".into());
    }
    if text.contains(['(', '（']) {
        return Err(format!("put the default in quotes: \"{}\"", shown(&text)));
    }
    scanner.at += length;
    Ok(text)
}

/// Between quotes everything stands as it is written; `\` takes the meaning from a quote or another `\`.
fn quoted(scanner: &mut Scanner, close: char) -> Result<String, String> {
    let mut text = String::new();
    while let Some(written) = scanner.written.get(scanner.at).copied() {
        scanner.at += 1;
        if written == close {
            return Ok(text);
        }
        match (written, scanner.written.get(scanner.at).copied()) {
            ('\\', Some(escaped)) if escaped == close || escaped == '\\' => {
                text.push(escaped);
                scanner.at += 1;
            }
            _ => text.push(written),
        }
    }
    Err("the quote is never closed".into())
}

fn closing_quote(open: char) -> Option<char> {
    match open {
        '"' | '\'' | '＂' | '＇' => Some(open),
        '「' => Some('」'),
        '『' => Some('』'),
        '“' => Some('”'),
        '‘' => Some('’'),
        _ => None,
    }
}
