//! Finds the specification in a goal's prose.
//!
//! ```text
//! resource = name "(" field { "," field } ")"
//! field    = name ":" type { "!" | "unique" | "=" literal }
//! ```
//! Full-width signs count as ASCII, except in what is text: words of an enum and defaults stay as they are written. A
//! default with spaces, commas, brackets or `!` in it stands in quotes.

mod field;
mod names;
mod opening;
mod scanner;

use names::valid_name;
use opening::Opening;
use protocol::artifact::Resource;
use scanner::Scanner;

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

/// More would not fit into a row of MySQL's.
pub(crate) const MAX_FIELDS: usize = 60;
/// More cannot be tested in the time that a person waits.
const MAX_RESOURCES: usize = 50;

/// Reads a goal. References are not resolved: what they point to may be a part of the app already.
pub(crate) fn read(goal: &str) -> Reading {
    let mut scanner = Scanner::new(goal);
    let mut reading = Reading::default();
    while let Some((name, opening)) = scanner.next_opening() {
        match opening {
            Opening::Prose => {}
            Opening::Aside(text) => reading.asides.push(text),
            Opening::Resource => match resource(&mut scanner, &name) {
                Ok(resource) => reading.resources.push(resource),
                Err(mistakes) => {
                    reading.mistakes.extend(mistakes.into_iter().map(|one| format!("{}: {one}", shown(&name))));
                }
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

/// From behind the opening bracket to behind the closing one. Goes on after a mistake, to find the others as well.
fn resource(scanner: &mut Scanner, name: &str) -> Result<Resource, Vec<String>> {
    let mut resource = Resource { name: name.to_owned(), fields: Vec::new() };
    let mut mistakes: Vec<String> = valid_name(name).err().into_iter().collect();
    loop {
        match field::read(scanner) {
            Ok(field) if resource.fields.iter().any(|other| other.name == field.name) => {
                mistakes.push(format!("the field {} is written twice", field.name));
            }
            Ok(field) => resource.fields.push(field),
            Err(mistake) => {
                mistakes.push(mistake);
                scanner.skip_field();
            }
        }
        scanner.space();
        match scanner.next() {
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
    if mistakes.is_empty() { Ok(resource) } else { Err(mistakes) }
}

/// What was written, as far as a sentence about it needs it.
fn shown(text: &str) -> String {
    const MOST: usize = 40;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
