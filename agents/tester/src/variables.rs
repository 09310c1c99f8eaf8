use serde_json::Value;
use std::collections::BTreeMap;

/// What earlier checks captured, and what the runner provides.
#[derive(Debug, Default)]
pub(crate) struct Variables(BTreeMap<String, Value>);

/// A text names a variable that nobody has set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nothing was captured as `{0}`")]
pub(crate) struct Unknown(pub(crate) String);

impl Variables {
    /// Those that every run starts with.
    pub(crate) fn of_run(run: &str) -> Self {
        Self(BTreeMap::from([("run".to_owned(), Value::from(run)), ("dollar".to_owned(), Value::from("$"))]))
    }

    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// Forgets a variable, so that nobody takes an older value for the one that was not there this time.
    pub(crate) fn unset(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// The text with every `${name}` replaced by its value.
    pub(crate) fn text(&self, template: &str) -> Result<String, Unknown> {
        self.replace(template, |value| value)
    }

    /// A regular expression in which every value stands for exactly its own characters.
    pub(crate) fn regex(&self, template: &str) -> Result<String, Unknown> {
        self.replace(template, |value| regex::escape(&value))
    }

    /// The text with every value passed through `escape`.
    pub(crate) fn replace(&self, template: &str, escape: impl Fn(String) -> String) -> Result<String, Unknown> {
        let mut text = String::with_capacity(template.len());
        let mut rest = template;
        while let Some(start) = rest.find("${") {
            text.push_str(&rest[..start]);
            rest = &rest[start..];
            let Some(name) = name_at_start(rest) else {
                text.push_str("${");
                rest = &rest[2..];
                continue;
            };
            text.push_str(&escape(self.get(name).map(as_text)?));
            rest = &rest[name.len() + 3..];
        }
        text.push_str(rest);
        Ok(text)
    }

    /// The value with every string in it replaced; a string of exactly `${name}` becomes the variable with its type.
    pub(crate) fn value(&self, template: &Value) -> Result<Value, Unknown> {
        Ok(match template {
            Value::String(text) => match name_at_start(text).filter(|name| name.len() + 3 == text.len()) {
                Some(name) => self.get(name)?.clone(),
                None => Value::String(self.text(text)?),
            },
            Value::Array(items) => Value::Array(items.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?),
            Value::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(name, value)| Ok((self.text(name)?, self.value(value)?)))
                    .collect::<Result<_, Unknown>>()?,
            ),
            plain => plain.clone(),
        })
    }

    fn get(&self, name: &str) -> Result<&Value, Unknown> {
        self.0.get(name).ok_or_else(|| Unknown(name.to_owned()))
    }
}

/// A value as it stands in a text: strings without quotes, everything else as JSON.
pub(crate) fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The name, when the text starts with `${name}`.
fn name_at_start(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.split_once('}')?.0;
    let mut characters = name.chars();
    let first = characters.next()?;
    let valid = (first.is_ascii_alphabetic() || first == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    valid.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn variables() -> Variables {
        let mut variables = Variables::of_run("r1");
        variables.set("post.id", json!(7));
        variables.set("mark", json!("a.b"));
        variables
    }

    #[test]
    fn texts_take_values_as_they_are() {
        assert_eq!(variables().text("/api/posts/${post.id}?q=${run}").as_deref(), Ok("/api/posts/7?q=r1"));
    }

    #[test]
    fn a_whole_string_keeps_the_type() {
        let value = variables().value(&json!({"id": "${post.id}", "t": "n${post.id}", "l": ["${mark}"]}));
        assert_eq!(value, Ok(json!({"id": 7, "t": "n7", "l": ["a.b"]})));
    }

    #[test]
    fn unknown_names_are_told_and_other_braces_are_text() {
        assert_eq!(variables().text("${nobody}"), Err(Unknown("nobody".to_owned())));
        assert_eq!(variables().text("${7*7} ${ ${}").as_deref(), Ok("${7*7} ${ ${}"));
    }

    #[test]
    fn a_text_may_look_like_a_variable() {
        assert_eq!(variables().text("${dollar}{run} ${dollar}${dollar}{dollar}").as_deref(), Ok("${run} $${dollar}"));
        assert_eq!(variables().value(&json!("${dollar}{run}")), Ok(json!("${run}")));
    }

    #[test]
    fn in_a_regex_a_value_is_only_itself() {
        assert_eq!(variables().regex("^${mark}$").as_deref(), Ok(r"^a\.b$"));
    }
}
