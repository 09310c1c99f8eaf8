//! Specifications, and goals as people could write them.

use proptest::{prelude::*, sample};
use protocol::artifact::{Field, FieldType, Resource};
use serde_json::json;

/// One to five resources with fields of every type.
pub(super) fn any_spec() -> impl Strategy<Value = Vec<Resource>> {
    let name = || "[a-z][a-z0-9_]{0,28}";
    let fields = prop::collection::vec((name(), any_field()), 1..6);
    prop::collection::vec((name(), fields), 1..=5).prop_map(|resources| {
        let numbered = |place: usize, name: String| format!("{name}_{place}");
        let resource = |(place, (name, fields)): (usize, (String, Vec<(String, Field)>))| Resource {
            name: numbered(place, name),
            fields: fields
                .into_iter()
                .enumerate()
                .map(|(n, (name, field))| Field { name: numbered(n, name), ..field })
                .collect(),
        };
        resources.into_iter().enumerate().map(resource).collect()
    })
}

fn any_field() -> impl Strategy<Value = Field> {
    let text = "[a-zA-Z0-9 ,!()=;'\"\\\\|：（）、，「」＂日本é🎉\n-]{1,20}";
    let kind = prop_oneof![
        (Just(FieldType::String), text.prop_map(|text| json!(text))),
        (Just(FieldType::Text), text.prop_map(|text| json!(text))),
        (Just(FieldType::Int), any::<i64>().prop_map(|number| json!(number))),
        (Just(FieldType::Decimal), "(-?[1-9][0-9]{0,11}(\\.[0-9]{0,3}[1-9])?|0)".prop_map(|text| json!(text))),
        (Just(FieldType::Bool), any::<bool>().prop_map(|truth| json!(truth))),
        (Just(FieldType::Date), (1..10_000, 1..13, 1..29).prop_map(|(y, m, d)| json!(format!("{y:04}-{m:02}-{d:02}")))),
        (Just(FieldType::Datetime), (1..10_000, 0..24).prop_map(|(y, h)| json!(format!("{y:04}-12-31T{h:02}:59:59Z")))),
        (Just(FieldType::Email), "[a-z]{1,9}\\+[a-z]{1,9}@[a-z]{1,9}\\.jp".prop_map(|text| json!(text))),
        (Just(FieldType::Url), "https?://[a-z]{1,9}\\.jp/[a-z日:=&]{0,9}".prop_map(|text| json!(text))),
        prop::collection::hash_set("[a-zA-Z0-9é日Ａ_-]{1,9}( [a-z]{1,3})?", 1..5).prop_flat_map(|words| {
            let words: Vec<String> = words.into_iter().collect();
            (Just(FieldType::Enum(words.clone())), sample::select(words).prop_map(|word| json!(word)))
        }),
        ("[a-z][a-z0-9_]{0,28}_[0-9]".prop_map(FieldType::Ref), (1..=i64::MAX).prop_map(|id| json!(id))),
    ];
    (kind, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|((kind, default), required, unique, defaulted)| {
        Field { name: String::new(), kind, required, unique, default: defaulted.then_some(default) }
    })
}

/// The specification as it is, and a goal that says it.
pub(super) fn printed(spec: Vec<Resource>) -> impl Strategy<Value = (Vec<Resource>, String)> {
    let before = sample::select(vec![
        "",
        "Build me ",
        "Please (quickly!) build: ",
        "🎉",
        "「",
        "掲示板を作って。",
        "`",
        "See http://a.b/c?d=(e) at (10:30): ",
        "e.g. (see: http://a.b/c_(d:e)), ",
    ]);
    let after = sample::select(vec!["", ".", " Thank you (all)!", "をお願いします。", "」", "`", " by 10:30 (UTC)"]);
    let between = sample::select(vec!["; ", ";", "；", "、", "，", ", ", "\n", " and ", "と", "。それから"]);
    let parts: Vec<_> = spec.iter().map(resource).collect();
    (before, parts, between, after).prop_map(move |(before, parts, between, after)| {
        (spec.clone(), format!("{before}{}{after}", parts.join(between)))
    })
}

fn resource(resource: &Resource) -> impl Strategy<Value = String> + use<> {
    let fields: Vec<_> = resource.fields.iter().map(field).collect();
    let name = resource.name.clone();
    (fields, sign('('), sign(','), sign(')'), space()).prop_map(move |(fields, open, comma, close, space)| {
        format!("{name}{open}{space}{}{space}{close}", fields.join(&format!("{space}{comma}{space}")))
    })
}

fn field(field: &Field) -> impl Strategy<Value = String> + use<> {
    let mut modifiers = Vec::new();
    if field.required {
        modifiers.push(sign('!').boxed());
    }
    if field.unique {
        // A word needs something before it and behind it.
        modifiers.push(sample::select(vec![" unique ", "\tunique\n", "　unique　"]).prop_map(str::to_owned).boxed());
    }
    if let Some(default) = &field.default {
        let text = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        modifiers.push(
            (sign('='), space(), literal(text)).prop_map(|(sign, space, text)| format!("{sign}{space}{text} ")).boxed(),
        );
    }
    let places: Vec<usize> = (0..modifiers.len()).collect();
    let order = Just(places).prop_shuffle();
    let name = field.name.clone();
    (kind(&field.kind), sign(':'), modifiers, order, space()).prop_map(move |(kind, colon, modifiers, order, space)| {
        let modifiers: String = order.into_iter().map(|place| modifiers[place].as_str()).collect();
        format!("{name}{space}{colon}{space}{kind}{space}{modifiers}")
    })
}

fn kind(kind: &FieldType) -> impl Strategy<Value = String> + use<> {
    let (name, argument) = match kind {
        FieldType::Enum(words) => ("enum", words.clone()),
        FieldType::Ref(target) => ("ref", vec![target.clone()]),
        FieldType::String => ("string", vec![]),
        FieldType::Text => ("text", vec![]),
        FieldType::Int => ("int", vec![]),
        FieldType::Decimal => ("decimal", vec![]),
        FieldType::Bool => ("bool", vec![]),
        FieldType::Date => ("date", vec![]),
        FieldType::Datetime => ("datetime", vec![]),
        FieldType::Email => ("email", vec![]),
        FieldType::Url => ("url", vec![]),
    };
    (sign('('), sign('|'), sign(')')).prop_map(move |(open, bar, close)| match argument.as_slice() {
        [] => name.to_owned(),
        words => format!("{name}{open}{}{close}", words.join(&bar)),
    })
}

/// In quotes; without, where nothing in it asks for them.
fn literal(text: String) -> impl Strategy<Value = String> {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "-.:/@+_".contains(c));
    let quotes = vec![('"', '"'), ('\'', '\''), ('「', '」'), ('“', '”')];
    (sample::select(quotes), any::<bool>()).prop_map(move |((open, close), bare)| {
        if bare && plain {
            return text.clone();
        }
        let escape = |c: char| if c == close || c == '\\' { format!("\\{c}") } else { c.to_string() };
        format!("{open}{}{close}", text.chars().map(escape).collect::<String>())
    })
}

/// In ASCII or full width.
fn sign(sign: char) -> impl Strategy<Value = String> {
    let wide = char::from_u32(u32::from(sign) + 0xfee0).unwrap_or(sign);
    sample::select(vec![sign.to_string(), wide.to_string()])
}

fn space() -> impl Strategy<Value = String> {
    sample::select(vec!["", " ", "  ", "　", "\n\t"]).prop_map(str::to_owned)
}
