use protocol::{Digest, tools::host::Access};
use std::ops::Range;

/// What takes the place of a secret.
const HIDDEN: &str = "[redacted]";
/// Characters of a secret that the host has made: hexadecimal digits.
const LENGTH: usize = 32;

/// What the PHP of one app or preview knows and nobody else may read: passwords, and what it signs with. Known by digests alone, so
/// that who hides them need not know them.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Vec<Digest>);

impl Secrets {
    /// Those of this place.
    #[must_use]
    pub fn of(access: &Access) -> Self {
        Self(access.secrets.clone())
    }

    /// The text without them.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let (mut clean, mut from) = (String::with_capacity(text.len()), 0);
        while let Some(found) = self.find(text, from) {
            clean.push_str(&text[from..found.start]);
            clean.push_str(HIDDEN);
            from = found.end;
        }
        clean.push_str(&text[from..]);
        clean
    }

    /// Whether one of them stands in the text as it is.
    #[must_use]
    pub fn stand_in(&self, text: &str) -> bool {
        self.find(text, 0).is_some()
    }

    fn find(&self, text: &str, from: usize) -> Option<Range<usize>> {
        let bytes = text.as_bytes();
        let mut digits = 0;
        for (at, byte) in bytes.iter().enumerate().skip(from) {
            digits = if matches!(byte, b'0'..=b'9' | b'a'..=b'f') { digits + 1 } else { 0 };
            if digits >= LENGTH && self.0.contains(&Digest::of_bytes(&bytes[at + 1 - LENGTH..=at])) {
                return Some(at + 1 - LENGTH..at + 1);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        let (one, other) = ("00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100");
        let secrets = Secrets([one, other].map(|secret| Digest::of_bytes(secret.as_bytes())).to_vec());
        for (text, clean) in [
            (format!("'password' => '{one}', {other}{one}。"), "'password' => '[redacted]', [redacted][redacted]。"),
            (format!("token=ab{one}cd"), "token=ab[redacted]cd"),
            (one.to_owned(), "[redacted]"),
        ] {
            assert_eq!(secrets.hide(&text), clean);
            assert!(secrets.stand_in(&text));
        }
        let other = format!("{} {}", &one[1..], "0".repeat(64));
        assert!(!secrets.stand_in(&other) && secrets.hide(&other) == other);
    }
}
