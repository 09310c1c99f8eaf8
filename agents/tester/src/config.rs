use crate::{BadVerdictKey, VerdictKey};
use runtime::{OwnKey, config::Reader, model::Models};
use std::{str::FromStr, time::Duration};

/// What the Tester must know of its surroundings.
#[derive(Debug, Clone)]
pub struct TesterConfig {
    /// The environment's host: `http://host:port`.
    pub host: String,
    /// What the Tester proves to the host that it is the Tester with.
    pub credential: OwnKey,
    /// What verdicts are signed with.
    pub key: VerdictKey,
    /// How long a verdict proves something.
    pub validity: Duration,
    /// What proposes checks; the offline engine does when there is none.
    pub models: Option<Models>,
}

impl TesterConfig {
    /// Where the host is in a cluster.
    pub const HOST: &'static str = "http://host.external-env.svc.cluster.local:8080";
    /// How long a verdict proves something unless told otherwise.
    pub const VALIDITY: Duration = Duration::from_secs(3_600);

    /// From `YONIN_HOST_URL`, `YONIN_SIGNING_KEY`, `YONIN_VERDICT_SECONDS` and the settings of [`runtime::model::ModelConfig`]. Nothing when there was a mistake, which the
    /// reader then knows.
    pub fn read(reader: &mut Reader, credential: OwnKey) -> Option<Self> {
        let host = reader.or("YONIN_HOST_URL", Self::HOST.to_owned());
        let Validity(validity) = reader.or("YONIN_VERDICT_SECONDS", Validity(Self::VALIDITY));
        let key = reader.required::<Given>("YONIN_SIGNING_KEY").0;
        let models = Models::read(reader, "tester");
        Some(Self { host, credential, key: key?, validity, models })
    }
}

/// A key that must be given: there is no other one to fall back to.
#[derive(Default)]
struct Given(Option<VerdictKey>);

impl FromStr for Given {
    type Err = BadVerdictKey;

    fn from_str(text: &str) -> Result<Self, BadVerdictKey> {
        text.parse().map(Some).map(Self)
    }
}

/// No verdict that is over before anybody can use it, none for ever.
struct Validity(Duration);

impl FromStr for Validity {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(seconds @ 60..=604_800) => Ok(Self(Duration::from_secs(seconds))),
            _ => Err("expected a number of seconds from 60 to 604800, which is a week"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::Credential;

    fn read(variables: &[(&str, &str)]) -> (Option<TesterConfig>, Vec<String>) {
        let mut reader = Reader::of(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let config = TesterConfig::read(&mut reader, Credential::new("k").into());
        (config, reader.finish().err().unwrap_or_default())
    }

    #[test]
    fn a_signing_key_is_all_that_must_be_given() {
        let (config, mistakes) = read(&[("YONIN_SIGNING_KEY", &"ab".repeat(32))]);
        assert_eq!(mistakes, Vec::<String>::new());
        let config = config.expect("a configuration");
        assert_eq!((config.host.as_str(), config.validity), (TesterConfig::HOST, Duration::from_secs(3_600)));
    }

    #[test]
    fn a_verdict_is_neither_over_at_once_nor_good_for_ever() {
        for bad in ["0", "-1", "9999999999999", "an hour"] {
            let key = "ab".repeat(32);
            let (_, mistakes) = read(&[("YONIN_SIGNING_KEY", &key), ("YONIN_VERDICT_SECONDS", bad)]);
            assert!(mistakes[0].starts_with("YONIN_VERDICT_SECONDS: expected"), "{mistakes:?}");
        }
    }

    #[test]
    fn without_a_good_signing_key_there_is_no_tester() {
        for variables in [&[][..], &[("YONIN_SIGNING_KEY", "abab")][..]] {
            let (config, mistakes) = read(variables);
            assert!(config.is_none());
            assert_eq!(mistakes.len(), 1, "{mistakes:?}");
            assert!(mistakes[0].starts_with("YONIN_SIGNING_KEY") && !mistakes[0].contains("abab"), "{mistakes:?}");
        }
    }
}
