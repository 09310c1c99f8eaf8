//! Is a value what a check says it must be?

use crate::{
    decimal::Decimal,
    evidence::short,
    variables::{Unknown, Variables, as_text},
};
use protocol::artifact::{Matcher, Outcome, Pattern};
use regex::{Regex, RegexBuilder};
use serde_json::Value;

/// Why a check did not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Shortfall {
    /// Something expected did not hold.
    #[error("{0}")]
    Failed(String),
    /// The check could not be carried out.
    #[error("{0}")]
    Errored(String),
}

impl From<Unknown> for Shortfall {
    fn from(unknown: Unknown) -> Self {
        Self::Errored(unknown.to_string())
    }
}

/// All shortfalls of one check as one outcome: what could not be carried out outweighs what did not hold.
pub(crate) fn outcome(shortfalls: &[Shortfall]) -> Outcome {
    let errored = shortfalls.iter().any(|shortfall| matches!(shortfall, Shortfall::Errored(_)));
    let why = shortfalls.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    match (shortfalls.is_empty(), errored) {
        (true, _) => Outcome::Passed,
        (false, false) => Outcome::Failed { why },
        (false, true) => Outcome::Errored { why },
    }
}

/// Holds when the value is what the matcher says; `place` names it in the message.
pub(crate) fn value(
    place: &str,
    actual: Option<&Value>,
    matcher: &Matcher,
    variables: &Variables,
) -> Result<(), Shortfall> {
    let wanted = match (matcher, actual) {
        (Matcher::Absent, None) | (Matcher::Present, Some(_)) => return Ok(()),
        (Matcher::Absent, Some(_)) => "nothing".to_owned(),
        (Matcher::Present, None) => "anything".to_owned(),
        (Matcher::Equals(expected), _) => {
            let expected = variables.value(expected)?;
            if actual == Some(&expected) {
                return Ok(());
            }
            expected.to_string()
        }
        (Matcher::Decimal(expected), _) => {
            let expected = variables.text(expected)?;
            let number =
                Decimal::parse(&expected).ok_or_else(|| Shortfall::Errored(format!("{expected} is no decimal")))?;
            if actual
                .filter(|value| value.is_string() || value.is_number())
                .map(as_text)
                .as_deref()
                .and_then(Decimal::parse)
                == Some(number)
            {
                return Ok(());
            }
            format!("a decimal equal to {expected}")
        }
        (Matcher::Matches(expression), _) => {
            let regex = regex(expression, variables)?;
            if actual.is_some_and(|value| regex.is_match(&as_text(value))) {
                return Ok(());
            }
            format!("a match of /{regex}/")
        }
        (Matcher::Contains(part), _) => {
            let part = variables.text(part)?;
            if actual.is_some_and(|value| as_text(value).contains(&part)) {
                return Ok(());
            }
            format!("something that contains {part:?}")
        }
        (Matcher::Length(length), _) => {
            if actual.and_then(length_of) == Some(*length) {
                return Ok(());
            }
            format!("{length} entries")
        }
        (Matcher::Between(from, to), _) => {
            #[expect(clippy::cast_precision_loss, reason = "bounds of checks are small")]
            let within = |number: f64| (*from as f64..=*to as f64).contains(&number);
            if actual.and_then(Value::as_f64).is_some_and(within) {
                return Ok(());
            }
            format!("a number from {from} to {to}")
        }
    };
    let seen = actual.map_or_else(|| "nothing".to_owned(), |value| short(&value.to_string()));
    Err(Shortfall::Failed(format!("{place}: expected {}, got {seen}", short(&wanted))))
}

/// Holds when the text has, or lacks, what the pattern says.
pub(crate) fn text(place: &str, actual: &str, pattern: &Pattern, variables: &Variables) -> Result<(), Shortfall> {
    let missed = match pattern {
        Pattern::Contains(part) => {
            let part = variables.text(part)?;
            (!actual.contains(&part)).then(|| format!("lacks {:?}", short(&part)))
        }
        Pattern::Lacks(part) => {
            let part = variables.text(part)?;
            actual.contains(&part).then(|| format!("contains {:?}", short(&part)))
        }
        Pattern::Matches(expression) => {
            let regex = regex(expression, variables)?;
            (!regex.is_match(actual)).then(|| format!("has no match of /{}/", short(regex.as_str())))
        }
    };
    missed.map_or(Ok(()), |missed| Err(Shortfall::Failed(format!("{place} {missed}"))))
}

/// The expression with variables put in, held to a size that cannot eat the process.
pub(crate) fn regex(expression: &str, variables: &Variables) -> Result<Regex, Shortfall> {
    RegexBuilder::new(&variables.regex(expression)?)
        .size_limit(1 << 20)
        .dfa_size_limit(1 << 20)
        .build()
        .map_err(|error| Shortfall::Errored(format!("bad regular expression: {}", short(&error.to_string()))))
}

fn length_of(value: &Value) -> Option<usize> {
    match value {
        Value::Array(items) => Some(items.len()),
        Value::Object(members) => Some(members.len()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(actual: Option<Value>, matcher: Matcher) -> bool {
        value("here", actual.as_ref(), &matcher, &Variables::of_run("r1")).is_ok()
    }

    #[test]
    fn every_matcher_accepts_what_it_should_and_nothing_else() {
        let cases = [
            (Matcher::Equals(json!(5)), json!(5), json!("5")),
            (Matcher::Equals(json!("${run}")), json!("r1"), json!("${run}")),
            (Matcher::Equals(json!({"a": 1, "b": 2})), json!({"b": 2, "a": 1}), json!({"a": 1})),
            (Matcher::Equals(json!(null)), json!(null), json!(false)),
            (Matcher::Decimal("1.50".to_owned()), json!("1.5"), json!("1.51")),
            (Matcher::Decimal("2".to_owned()), json!(2), json!(true)),
            (Matcher::Matches("^[0-9]+$".to_owned()), json!(12), json!("12a")),
            (Matcher::Contains("${run}".to_owned()), json!("xr1x"), json!("x")),
            (Matcher::Length(2), json!([1, 2]), json!("ab")),
            (Matcher::Between(1, 3), json!(3), json!(4)),
        ];
        for (matcher, good, bad) in cases {
            assert!(holds(Some(good), matcher.clone()), "{matcher:?}");
            assert!(!holds(Some(bad), matcher.clone()), "{matcher:?}");
            assert!(!holds(None, matcher.clone()), "{matcher:?}");
        }
    }

    #[test]
    fn null_is_present() {
        assert!(holds(Some(json!(null)), Matcher::Present) && !holds(None, Matcher::Present));
        assert!(holds(None, Matcher::Absent) && !holds(Some(json!(null)), Matcher::Absent));
    }

    #[test]
    fn what_cannot_be_judged_is_an_error_and_no_failure() {
        let unjudged = [
            Matcher::Equals(json!("${nobody}")),
            Matcher::Decimal("many".to_owned()),
            Matcher::Matches("(".to_owned()),
            Matcher::Matches("(a{1000}){1000}".to_owned()),
        ];
        for matcher in unjudged {
            let result = value("here", Some(&json!("a")), &matcher, &Variables::default());
            assert!(matches!(result, Err(Shortfall::Errored(_))), "{matcher:?}: {result:?}");
        }
    }

    #[test]
    fn patterns_look_into_texts() {
        let holds = |pattern| text("the body", "<b>r1</b>", &pattern, &Variables::of_run("r1")).is_ok();
        assert!(holds(Pattern::Contains("<b>${run}".to_owned())) && !holds(Pattern::Contains("<i>".to_owned())));
        assert!(holds(Pattern::Lacks("<i>".to_owned())) && !holds(Pattern::Lacks("${run}".to_owned())));
        assert!(holds(Pattern::Matches("b>${run}<".to_owned())) && !holds(Pattern::Matches("^r1".to_owned())));
    }
}
