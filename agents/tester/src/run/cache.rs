use super::{Shown, World};
use crate::{
    matcher::{self, Shortfall},
    variables::Variables,
};
use environment::client::KeyState;
use protocol::{
    Problem,
    artifact::{CacheCheck, CacheExpect},
};
use serde_json::{Value, json};

/// Looks at keys below the app's prefix.
pub(super) async fn check(world: &World, check: &CacheCheck, variables: &Variables) -> Result<Shown, Problem> {
    let pattern = match pattern(&check.key, variables) {
        Ok(pattern) => pattern,
        Err(shortfall) => return Ok(Shown::errored(&check.key, shortfall.to_string())),
    };
    let keys = world.keys(&pattern).await?;
    Ok(Shown { sent: pattern, received: lines(&keys), shortfalls: compare(&keys, &check.expect, variables) })
}

/// The key as Redis globs: `*` stays one, everything else stands for itself.
fn pattern(key: &str, variables: &Variables) -> Result<String, Shortfall> {
    let escape = |text: &str, star: bool| {
        let mut escaped = String::with_capacity(text.len());
        for character in text.chars() {
            if matches!(character, '?' | '[' | ']' | '\\') || (character == '*' && star) {
                escaped.push('\\');
            }
            escaped.push(character);
        }
        escaped
    };
    Ok(variables.replace(&escape(key, false), |value| escape(&value, true))?)
}

fn compare(keys: &[KeyState], expect: &CacheExpect, variables: &Variables) -> Vec<Shortfall> {
    let (value, ttl) = match expect {
        CacheExpect::Absent if keys.is_empty() => return Vec::new(),
        CacheExpect::Absent => {
            let names: Vec<_> = keys.iter().take(5).map(|state| state.key.as_str()).collect();
            return vec![Shortfall::Failed(format!("expected no key, found {}", names.join(", ")))];
        }
        CacheExpect::Present { .. } if keys.is_empty() => {
            return vec![Shortfall::Failed("no key matches".to_owned())];
        }
        CacheExpect::Present { value, ttl_seconds } => (value, ttl_seconds),
    };
    let mut shortfalls = Vec::new();
    for state in keys {
        if let Some(matcher) = value {
            shortfalls.extend(matcher::value(&state.key, state.value.as_ref(), matcher, variables).err());
        }
        if let Some((from, to)) = ttl {
            // Redis itself says -1 for a key that stays.
            let seconds = state.ttl_seconds.unwrap_or(-1);
            if !(*from..=*to).contains(&seconds) {
                let why = format!("{}: expected {from} to {to} seconds to live, got {seconds}", state.key);
                shortfalls.push(Shortfall::Failed(why));
            }
        }
    }
    shortfalls
}

fn lines(keys: &[KeyState]) -> String {
    let line = |state: &KeyState| {
        let value = state.value.clone().unwrap_or(Value::Null);
        json!({"key": state.key, "ttl_seconds": state.ttl_seconds, "value": value}).to_string()
    };
    format!("{} keys\n{}", keys.len(), keys.iter().take(20).map(line).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::artifact::Matcher;

    fn key(name: &str, value: Option<Value>, ttl_seconds: Option<i64>) -> KeyState {
        KeyState { key: name.to_owned(), value, ttl_seconds }
    }

    fn holds(keys: &[KeyState], expect: &CacheExpect) -> bool {
        compare(keys, expect, &Variables::default()).is_empty()
    }

    #[test]
    fn only_the_star_of_the_check_itself_is_a_wildcard() {
        let mut variables = Variables::of_run("r1");
        variables.set("odd", json!("a*b[c]"));
        assert_eq!(pattern("list:${run}:*", &variables).ok().as_deref(), Some("list:r1:*"));
        assert_eq!(pattern("x?:${odd}", &variables).ok().as_deref(), Some(r"x\?:a\*b\[c\]"));
        assert!(pattern("${nobody}", &variables).is_err());
    }

    #[test]
    fn every_key_that_matches_must_hold_what_is_expected() {
        let one = key("list:1", Some(json!("a")), Some(30));
        let stays = key("list:v", Some(json!("b")), None);
        let present = |value, ttl_seconds| CacheExpect::Present { value, ttl_seconds };
        assert!(holds(&[], &CacheExpect::Absent) && !holds(std::slice::from_ref(&one), &CacheExpect::Absent));
        assert!(!holds(&[], &present(None, None)));
        assert!(holds(&[one.clone(), stays.clone()], &present(None, None)));
        assert!(holds(std::slice::from_ref(&one), &present(Some(Matcher::Equals(json!("a"))), Some((1, 60)))));
        assert!(!holds(&[one.clone(), stays.clone()], &present(Some(Matcher::Equals(json!("a"))), None)));
        assert!(!holds(&[one, stays.clone()], &present(None, Some((1, 60)))));
        assert!(holds(&[stays], &present(None, Some((-1, -1)))));
    }
}
