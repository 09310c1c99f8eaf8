//! Values that a field takes, and values that it refuses.

use super::subject::{NO_ROW, id_of};
use protocol::artifact::{Field, FieldType, Matcher};
use serde_json::{Value, json};

/// A value that the field takes, another for each `n` from 1 to 9.
pub(super) fn good(field: &Field, n: u32) -> Value {
    match &field.kind {
        FieldType::String => json!(format!("Aé{n} <b>&\"' 50%_x ${{run}}")),
        FieldType::Text => json!(format!("line {n}\r\n<script>alert(1)</script> 日本 🎉 ${{run}}")),
        FieldType::Int => json!(-900_719_925_474_000_i64 - i64::from(n)),
        FieldType::Decimal => json!(format!("98765432.10{n}")),
        FieldType::Bool => json!(n % 2 == 1),
        FieldType::Date => json!(format!("2988-02-2{n}")),
        FieldType::Datetime => json!(format!("2988-02-2{n}T04:05:06Z")),
        FieldType::Email => json!(format!("check.{n}+${{run}}@example.com")),
        FieldType::Url => json!(format!("https://example.com/${{run}}/{n}?a=b%20c#d")),
        FieldType::Enum(words) => json!(verbatim(&words[n as usize % words.len()])),
        FieldType::Ref(target) => json!(id_of(target)),
    }
}

/// The default, or null.
pub(super) fn default(field: &Field) -> Value {
    match &field.default {
        Some(Value::String(text)) => json!(verbatim(text)),
        other => other.clone().unwrap_or(Value::Null),
    }
}

/// A text of the goal's, in which nothing is a variable of the checks.
fn verbatim(text: &str) -> String {
    text.replace("${", "${dollar}{")
}

/// What must come back for a value.
pub(super) fn same(field: &Field, value: &Value) -> Matcher {
    match (&field.kind, value) {
        (FieldType::Decimal, Value::String(text)) => Matcher::Decimal(text.clone()),
        _ => Matcher::Equals(value.clone()),
    }
}

/// How a value stands in its column.
pub(super) fn stored(field: &Field, value: &Value) -> Matcher {
    match (&field.kind, value) {
        (FieldType::Bool, Value::Bool(truth)) => Matcher::Equals(json!(u8::from(*truth))),
        (FieldType::Datetime, Value::String(text)) => Matcher::Contains(text[..10].to_owned()),
        _ => same(field, value),
    }
}

/// Values that the field refuses whatever its modifiers are.
pub(super) fn bad(field: &Field) -> Vec<Value> {
    match &field.kind {
        FieldType::String => vec![json!(5), json!(9_223_372_036_854_775_808_u64), json!("x".repeat(256))],
        FieldType::Text => vec![json!(true), json!("x".repeat(65_536))],
        FieldType::Int => vec![json!("5"), json!(1.5), json!(9_223_372_036_854_775_808_u64)],
        FieldType::Decimal => vec![json!("abc"), json!("1.23456"), json!("1234567890123")],
        FieldType::Bool => vec![json!("true"), json!(1)],
        FieldType::Date => vec![json!("2023-02-29"), json!("1.2.2023")],
        FieldType::Datetime => vec![json!("2023-02-29T00:00:00Z"), json!("2023-02-28")],
        FieldType::Email => vec![json!("nobody"), json!("a b@example.com")],
        FieldType::Url => vec![json!("javascript:alert(1)"), json!("example.com")],
        FieldType::Enum(_) => vec![json!("no such word"), json!(0)],
        FieldType::Ref(_) => vec![json!(NO_ROW), json!("1")],
    }
}
