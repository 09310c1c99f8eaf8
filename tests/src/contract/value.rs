//! What each type takes, what it gives back, and what it refuses.

use super::spec::{Field, Kind, WORDS};
use serde_json::{Value, json};

/// A value that the field takes, different for each `n`. References take `target`, an id that exists.
pub(super) fn good(field: &Field, n: u32, target: Option<u64>) -> Value {
    match &field.kind {
        Kind::String => json!(format!(" AÜnïü あ <b>&\"'{n} 日本🎉%_\\ ")),
        Kind::Text => json!(format!("line 1\r\nline {n}\n\t<script>alert({n})</script>\n")),
        Kind::Int if n == 0 => json!(i64::MIN),
        Kind::Int => json!(i64::from(n) * 1_000_000_007),
        Kind::Decimal => json!(format!("-{n}99999999.0{}", n % 10)),
        Kind::Bool => json!(n.is_multiple_of(2)),
        Kind::Date => json!(format!("2024-02-{:02}", n % 29 + 1)),
        Kind::Datetime => json!(format!("2024-02-29T23:{:02}:07+09:00", n % 60)),
        Kind::Email => json!(format!("some.one+{n}@example.co.jp")),
        Kind::Url => json!(format!("https://example.com/{n}?q=a%20b&c=%E6%97%A5#x")),
        Kind::Enum => json!(WORDS[n as usize % WORDS.len()]),
        Kind::Ref(_) => target.map_or(Value::Null, |id| json!(id)),
    }
}

/// What comes back for a value that was taken.
pub(super) fn same(field: &Field, sent: &Value, received: &Value) -> bool {
    match (&field.kind, sent, received) {
        (Kind::Decimal, Value::String(sent), Value::String(received)) => {
            scaled(sent).is_some() && scaled(sent) == scaled(received)
        }
        (Kind::Datetime, Value::String(sent), Value::String(received)) => {
            let moment = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
            let canonical = received.len() == 20 && received.ends_with('Z');
            canonical && moment(sent).is_some() && moment(sent) == moment(received)
        }
        _ => sent == received,
    }
}

/// Ten-thousandths.
fn scaled(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<4}").parse().ok()
}

/// Values that are taken, at the ends of the type's range.
pub(super) fn edges(field: &Field) -> Vec<Value> {
    let mut values = match &field.kind {
        Kind::String => vec![
            json!("🎉".repeat(255)),
            json!(" "),
            json!("\0"),
            json!("e\u{301}\r\n\t\u{200b}"),
            json!("'; drop table x; -- ${x} {$x} %s ?"),
        ],
        Kind::Text => vec![json!("a".repeat(65_535)), json!("日".repeat(21_845)), json!("\0")],
        Kind::Int => vec![json!(i64::MIN), json!(i64::MAX), json!(0), json!(-1)],
        Kind::Decimal => {
            ["999999999999.9999", "-999999999999.9999", "0", "-0", "1.50", "0.0001"].map(Value::from).into()
        }
        Kind::Date => ["1000-01-01", "9999-12-31", "2000-02-29"].map(Value::from).into(),
        Kind::Datetime => [
            "2024-01-01t00:00:00z",
            "2024-01-01T00:00:00-11:30",
            "1999-12-31T23:59:59+14:00",
            "2024-02-29T23:59:59Z",
            "9999-12-31T23:59:59+00:00",
        ]
        .map(Value::from)
        .into(),
        Kind::Email => vec![json!("a@b.co"), json!("X.y+z_0@sub.Example.COM")],
        Kind::Url => vec![
            json!("http://a"),
            json!("HTTPS://EXAMPLE.COM/"),
            json!("http://localhost:8080/a/?b=c&d=%20;e#f"),
            json!("https://日本.jp/パス?ク=リ"),
            json!(format!("https://example.com/{}", "x".repeat(3_000))),
        ],
        Kind::Bool if !field.unique => vec![json!(true), json!(false)],
        Kind::Enum if !field.unique => WORDS.map(Value::from).into(),
        Kind::Bool | Kind::Enum | Kind::Ref(_) => vec![],
    };
    if !field.required {
        values.push(Value::Null);
        if matches!(field.kind, Kind::String | Kind::Text) {
            values.push(json!(""));
        }
    }
    values
}

/// The value, and other ways to write the same.
pub(super) fn equals(field: &Field, value: &Value) -> Vec<Value> {
    let mut values = vec![value.clone()];
    match (&field.kind, value.as_str()) {
        (Kind::Decimal, Some(text)) if text.contains('.') => values.push(json!(format!("{text}0"))),
        (Kind::Datetime, Some(text)) => {
            let moment = chrono::DateTime::parse_from_rfc3339(text).expect("a moment");
            let offset = chrono::FixedOffset::east_opt(-12_600).expect("an offset");
            values.push(json!(moment.with_timezone(&offset).to_rfc3339()));
        }
        _ => {}
    }
    values
}

/// Values that the field refuses, whatever its modifiers are.
pub(super) fn bad(field: &Field) -> Vec<Value> {
    let mut values = match &field.kind {
        Kind::String => vec![json!(5), json!(u64::MAX), json!(true), json!([]), json!({}), json!("x".repeat(256))],
        Kind::Text => vec![json!(5), json!(["a"]), json!("x".repeat(65_536)), json!("日".repeat(21_846))],
        Kind::Int => {
            vec![json!("5"), json!(5.5), json!(true), json!(9_223_372_036_854_775_808_u64), json!(1e30), json!([5])]
        }
        Kind::Decimal => {
            vec![json!("abc"), json!("1234567890123"), json!("1.23456"), json!(true), json!("1e3"), json!("")]
        }
        Kind::Bool => vec![json!("true"), json!(1), json!(0)],
        Kind::Date => {
            vec![json!("2023-02-29"), json!("2024-13-01"), json!("2024-1-1"), json!("tomorrow"), json!(20_240_101)]
        }
        Kind::Datetime => {
            vec![json!("2023-02-29T00:00:00Z"), json!("2024-01-01"), json!("2024-01-01T25:00:00Z"), json!(0)]
        }
        Kind::Email => vec![json!("nobody"), json!("a@"), json!("@b.c"), json!("a b@c.de"), json!(1)],
        Kind::Url => vec![
            json!("example.com"),
            json!("javascript:alert(1)"),
            json!("ftp://example.com/"),
            json!("http://"),
            json!(1),
        ],
        Kind::Enum => vec![json!("Draft"), json!("other"), json!(0)],
        Kind::Ref(_) => vec![json!("1"), json!(0), json!(4_000_000_000_u64), json!(-1), json!(true)],
    };
    if field.required {
        values.push(Value::Null);
    }
    if field.required || !matches!(field.kind, Kind::String | Kind::Text) {
        values.push(json!(""));
    }
    values
}
