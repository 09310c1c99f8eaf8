//! Defaults as a goal writes them.

use protocol::artifact::FieldType;
use serde_json::{Value, json};

/// The default as the JSON API shows it, or what is expected instead.
pub(crate) fn parse(kind: &FieldType, text: &str) -> Result<Value, String> {
    match kind {
        FieldType::String if text.chars().count() <= 255 => Ok(json!(text)),
        FieldType::String => Err("at most 255 characters".into()),
        FieldType::Text if text.len() <= 65_535 => Ok(json!(text)),
        FieldType::Text => Err("at most 65,535 bytes".into()),
        FieldType::Int => integer(text).map(|number| json!(number)).ok_or_else(|| "a whole number of 64 bits".into()),
        FieldType::Decimal => decimal(text)
            .map(|text| json!(text))
            .ok_or_else(|| "a decimal number with at most 12 digits before the point and 4 after".into()),
        FieldType::Bool => match text {
            "true" => Ok(json!(true)),
            "false" => Ok(json!(false)),
            _ => Err("true or false".into()),
        },
        FieldType::Date => date(text).map(|date| json!(date)).ok_or_else(|| "a date, YYYY-MM-DD".into()),
        FieldType::Datetime => {
            datetime(text).map(|moment| json!(moment)).ok_or_else(|| "a moment, YYYY-MM-DDTHH:MM:SSZ".into())
        }
        FieldType::Email if is_email(text) => Ok(json!(text)),
        FieldType::Email => Err("an e-mail address".into()),
        FieldType::Url if is_url(text) => Ok(json!(text)),
        FieldType::Url => Err("an http or https address".into()),
        FieldType::Enum(words) if words.iter().any(|word| word == text) => Ok(json!(text)),
        FieldType::Enum(words) => Err(format!("one of {}", words.join(", "))),
        FieldType::Ref(_) => {
            integer(text).filter(|id| *id > 0).map(|id| json!(id)).ok_or_else(|| "the id of a row".into())
        }
    }
}

fn integer(text: &str) -> Option<i64> {
    if text.starts_with('+') { None } else { text.parse().ok() }
}

/// Without zeros that say nothing, as the app shows it.
fn decimal(text: &str) -> Option<String> {
    let digits =
        |part: &str, most: usize| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let (sign, unsigned) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    if !digits(whole, 12) || !digits(fraction, 4) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    Some(match (whole, fraction) {
        ("0", "") => "0".to_owned(),
        (whole, "") => format!("{sign}{whole}"),
        (whole, fraction) => format!("{sign}{whole}.{fraction}"),
    })
}

fn date(text: &str) -> Option<String> {
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let date = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (shaped && date >= chrono::NaiveDate::from_ymd_opt(1, 1, 1)?).then(|| text.to_owned())
}

fn datetime(text: &str) -> Option<String> {
    date(text.get(..10)?)?;
    let moment = chrono::DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    let whole = chrono::Timelike::nanosecond(&moment) == 0;
    let year = chrono::Datelike::year(&moment);
    (whole && (1..=9999).contains(&year)).then(|| moment.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Narrower than what the app takes: a default is written by the person who makes the app.
fn is_email(text: &str) -> bool {
    let word = |part: &str, more: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.contains("..")
            && part.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    text.len() <= 254
        && text.split_once('@').is_some_and(|(local, domain)| {
            local.len() <= 64
                && word(local, ".!#$%&'*+/=?^_`{|}~-")
                && domain.contains('.')
                && domain.split('.').all(|label| word(label, "-") && !label.starts_with('-') && !label.ends_with('-'))
        })
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let (host, port) = host.split_once(':').unwrap_or((host, "80"));
    let plain = |c: char| c.is_ascii_graphic() && !"<>\"\\^`{}|".contains(c) || !c.is_ascii() && c.is_alphanumeric();
    text.len() <= 65_535
        && text.chars().all(plain)
        && (1..=5).contains(&port.len())
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && host.split('.').all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-'))
}
