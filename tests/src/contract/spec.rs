//! Goals as people write them, drawn at random over the whole grammar.

use proptest::{prelude::*, sample};
use serde_json::{Value, json};
use std::fmt::Write;

/// What an app keeps, as a goal says it.
#[derive(Debug, Clone)]
pub struct Spec {
    /// In an order in which rows can be made: a required reference points to an earlier one.
    pub resources: Vec<Resource>,
    /// How the goal is written.
    pub prose: Prose,
}

/// How a goal is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prose {
    /// The bare specification.
    Bare,
    /// English around it.
    English,
    /// Japanese around it, full-width punctuation in it.
    Japanese,
}

/// One resource.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// One field.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Refuses null and "".
    pub required: bool,
    /// Refuses a second row with the same value.
    pub unique: bool,
    /// What an absent value becomes.
    pub default: Option<Preset>,
}

/// A default.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// As the goal writes it.
    pub written: &'static str,
    /// As it comes back.
    pub value: Value,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the types of the grammar by their own names")]
pub enum Kind {
    String,
    Text,
    Int,
    Decimal,
    Bool,
    Date,
    Datetime,
    Email,
    Url,
    Enum,
    Ref(String),
}

/// The words of every enum here.
pub const WORDS: [&str; 3] = ["draft", "open", "closed ${run} 2"];

/// Names that are words of SQL, PHP or HTTP, and names that are nothing.
pub(super) const NAMES: [&str; 26] = [
    "order",
    "group",
    "class",
    "select",
    "user",
    "key",
    "index",
    "table",
    "list",
    "function",
    "posts",
    "a",
    "x9",
    "match",
    "values",
    "rank",
    "abstract",
    "null_",
    "interface",
    "primary",
    "api",
    "lang",
    "public",
    "name_of_thirty_one_characters_a",
    "echo",
    "from",
];

impl Resource {
    /// The field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Spec {
    /// Goals with one to five resources.
    pub fn any() -> impl Strategy<Value = Self> {
        let names = sample::subsequence(NAMES.to_vec(), 1..=5).prop_shuffle();
        let prose = sample::select(vec![Prose::Bare, Prose::English, Prose::Japanese]);
        (names, prose).prop_flat_map(|(names, prose)| {
            let resources: Vec<_> = (0..names.len()).map(|place| resource(names.clone(), place)).collect();
            resources.prop_map(move |resources| Self { resources, prose })
        })
    }

    /// The goal as a person writes it. References point forward as often as back: the last resource is written first.
    #[must_use]
    pub fn goal(&self) -> String {
        say(&self.resources, self.prose)
    }
}

/// The goal that asks for these.
pub(super) fn say(resources: &[Resource], prose: Prose) -> String {
    let written: Vec<String> = resources.iter().rev().map(Resource::written).collect();
    match prose {
        Prose::Bare => written.join("; "),
        Prose::English => {
            format!("Please build a small app (we are in a hurry!) with {}. Thank you.", written.join("; "))
        }
        Prose::Japanese => format!("アプリを作って。{}をお願いします。", full_width(&written.join("、"))),
    }
}

impl Resource {
    fn written(&self) -> String {
        let fields: Vec<String> = self.fields.iter().map(Field::written).collect();
        format!("{}({})", self.name, fields.join(", "))
    }
}

impl Field {
    fn written(&self) -> String {
        let mut text = format!("{}:", self.name);
        match &self.kind {
            Kind::Enum => write!(text, "enum({})", WORDS.join("|")),
            Kind::Ref(target) => write!(text, "ref({target})"),
            other => write!(text, "{}", format!("{other:?}").to_lowercase()),
        }
        .expect("a String takes everything");
        if self.required {
            text.push('!');
        }
        if self.unique {
            text.push_str(" unique");
        }
        if let Some(default) = &self.default {
            text.push('=');
            text.push_str(default.written);
        }
        text
    }
}

fn full_width(text: &str) -> String {
    let mut quoted = false;
    let wide = |c| match c {
        '"' => {
            quoted = !quoted;
            c
        }
        other if quoted => other,
        '(' => '（',
        ')' => '）',
        ':' => '：',
        ',' => '，',
        '!' => '！',
        '=' => '＝',
        '|' => '｜',
        other => other,
    };
    text.chars().map(wide).collect()
}

pub(super) fn resource(names: Vec<&'static str>, place: usize) -> impl Strategy<Value = Resource> {
    let fields = sample::subsequence(
        vec!["title", "body", "when_", "default", "n", "status", "owner", "parent", "where"],
        1..=7,
    );
    let name = names[place].to_owned();
    fields.prop_flat_map(move |fields| {
        let names = names.clone();
        let fields: Vec<_> = fields.into_iter().map(|name| field(name, names.clone(), place)).collect();
        let name = name.clone();
        fields.prop_map(move |fields| Resource { name: name.clone(), fields })
    })
}

pub(super) fn field(name: &'static str, names: Vec<&'static str>, place: usize) -> impl Strategy<Value = Field> {
    let kind = prop_oneof![
        Just(Kind::String),
        Just(Kind::Text),
        Just(Kind::Int),
        Just(Kind::Decimal),
        Just(Kind::Bool),
        Just(Kind::Date),
        Just(Kind::Datetime),
        Just(Kind::Email),
        Just(Kind::Url),
        Just(Kind::Enum),
        sample::select(names.clone()).prop_map(|target| Kind::Ref(target.to_owned())),
    ];
    (kind, any::<bool>(), proptest::bool::weighted(0.3), any::<bool>()).prop_map(
        move |(kind, required, unique, defaulted)| {
            // All of few values would be taken before long.
            let scarce = unique && matches!(kind, Kind::Bool | Kind::Enum | Kind::Ref(_));
            let required = required && !scarce && possible(&kind, &names, place);
            let default = defaulted.then(|| default(&kind));
            Field { name: name.to_owned(), kind, required, unique, default }
        },
    )
}

/// A required reference must point to a row that can be made before.
fn possible(kind: &Kind, names: &[&str], place: usize) -> bool {
    match kind {
        Kind::Ref(target) => names[..place].contains(&target.as_str()),
        _ => true,
    }
}

pub(super) fn default(kind: &Kind) -> Preset {
    let (written, value) = match kind {
        Kind::String => ("\"a, (b)! = 'c' \\\\ ${x} 日本\"", json!("a, (b)! = 'c' \\ ${x} 日本")),
        Kind::Text => ("hello", json!("hello")),
        Kind::Int => ("-9223372036854775808", json!(i64::MIN)),
        Kind::Decimal => ("-01.50", json!("-1.5")),
        Kind::Bool => ("true", json!(true)),
        Kind::Date => ("2024-02-29", json!("2024-02-29")),
        Kind::Datetime => ("2026-01-01T00:00:00+09:00", json!("2025-12-31T15:00:00Z")),
        Kind::Email => ("a.b+c@example.com", json!("a.b+c@example.com")),
        Kind::Url => ("https://example.com/a?b=c&d", json!("https://example.com/a?b=c&d")),
        Kind::Enum => ("open", json!("open")),
        Kind::Ref(_) => ("1", json!(1)),
    };
    Preset { written, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest! {
        #[test]
        fn rows_can_be_made_in_order(spec in Spec::any()) {
            for (place, resource) in spec.resources.iter().enumerate() {
                for field in resource.fields.iter().filter(|field| field.required) {
                    if let Kind::Ref(target) = &field.kind {
                        prop_assert!(spec.resources[..place].iter().any(|earlier| &earlier.name == target));
                    }
                }
                let opening = format!("{}{}", resource.name, if spec.prose == Prose::Japanese { '（' } else { '(' });
                prop_assert!(spec.goal().contains(&opening));
            }
        }
    }
}
