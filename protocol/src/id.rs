//! Names and ids that cannot be wrong once they exist.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        #[schemars(description = "A UUIDv7: ids sort by the time they were made.")]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id, later than every id this process made before.
            #[must_use]
            pub fn fresh() -> Self {
                Self(Uuid::now_v7())
            }

            /// The sixteen bytes a store keeps.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The id that a store kept.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

id!(
    /// One durable run of one agent's tool. A UUIDv7, so ids sort by the time they were made.
    JobId
);

id!(
    /// One API key. It says nothing of the key itself.
    KeyId
);

/// A person's task is the Planner's job: the same id over REST, MCP and the command line.
pub type TaskId = JobId;

/// A name that does not have the form it must have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must match {pattern}")]
pub struct BadName {
    what: &'static str,
    pattern: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $pattern:literal, $described:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String", description = $described, extend("pattern" = $pattern))]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) {
                    Ok(Self(text))
                } else {
                    Err(BadName { what: $what, pattern: $pattern })
                }
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

name!(
    /// An application in the external environment; also its DNS label.
    ///
    /// ```
    /// assert!("shop".parse::<protocol::AppName>().is_ok());
    /// assert!("Shop_1".parse::<protocol::AppName>().is_err());
    /// ```
    AppName,
    "an app's name",
    "^[a-z][a-z0-9-]{1,30}$",
    "An app's name, and its DNS label: 2 to 31 small letters, digits and hyphens, a letter first.",
    |text| (2..=31).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
);

name!(
    /// A private branch of the environment: an unguessable DNS label, 26 letters and digits.
    PreviewName,
    "a preview's name",
    "^[a-z0-9]{26}$",
    "A preview's name, an unguessable DNS label: 26 small letters and digits.",
    |text| text.len() == 26 && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'))
);

name!(
    /// Whom an API key belongs to: a person, or a program that works for one. Several keys may have the same name: they are the
    /// same caller, who owns the same tasks. No name looks like an id.
    KeyName,
    "a key's name",
    "^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$",
    "A key's name: 1 to 64 letters, digits, dots, underscores, hyphens and at signs, a letter or digit first; no id.",
    |text| (1..=64).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'@' | b'-'))
        && Uuid::try_parse(text).is_err()
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_names_have_two_to_thirty_one_characters() {
        for good in ["ab", "a1", "a-", &"a".repeat(31)] {
            assert!(good.parse::<AppName>().is_ok(), "{good}");
        }
        for bad in ["", "a", "1a", "-a", "aB", "a_b", "a.b", "日本", &"a".repeat(32)] {
            assert!(bad.parse::<AppName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_keys_name_is_one_word_and_no_id() {
        for good in ["mei", "M", "ci-7", "mei.tanaka@example.com", &"a".repeat(64)] {
            assert!(good.parse::<KeyName>().is_ok(), "{good}");
        }
        for bad in ["", "-mei", "mei tanaka", "a:b", "a=b", "芽衣", &"a".repeat(65), &KeyId::fresh().to_string()] {
            assert!(bad.parse::<KeyName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_made_later_sort_later() {
        let ids: Vec<_> = (0..1000).map(|_| JobId::fresh()).collect();
        assert!(ids.is_sorted());
    }
}
