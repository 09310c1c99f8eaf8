use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::Rng as _;
use sha2::{Digest as _, Sha256};
use std::{fmt, str::FromStr};

/// A secret that proves who is calling. Its `Debug` shows nothing of it, and it can't be compared: the time that takes would tell
/// how much of a guess is right. Compare fingerprints.
#[derive(Clone)]
pub struct Credential(String);

impl Credential {
    /// A fresh one: `yonin_` and 32 random bytes in base64url.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0_u8; 32];
        rand::rng().fill_bytes(&mut bytes);
        Self(format!("yonin_{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The one that is written so.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for a header.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What others need to recognise it.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(&self.0).into())
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

/// The SHA-256 of a credential: enough to recognise it, not to use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// The text is not `sha256:` and 64 hex digits.
#[derive(Debug, thiserror::Error)]
#[error("not a fingerprint: expected sha256: and 64 hex digits")]
pub struct NotAFingerprint;

impl Fingerprint {
    /// The bytes that a store keeps.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        let mut bytes = [0; 32];
        let digits = text.strip_prefix("sha256:").ok_or(NotAFingerprint)?;
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| NotAFingerprint)?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_never_shows_itself() {
        let credential = Credential::random();
        assert!(credential.reveal().starts_with("yonin_"));
        assert_eq!(credential.reveal().len(), 6 + 43);
        assert!(!format!("{credential:?}").contains(credential.reveal()));
    }

    #[test]
    fn a_fingerprint_is_as_good_as_the_key() {
        let key = Credential::new("abc");
        let written = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(written.parse::<Fingerprint>().expect("a fingerprint"), key.fingerprint());
        assert!("abc".parse::<Fingerprint>().is_err());
    }

    /// How long a look-up takes may tell how much of a fingerprint is right, and that tells nothing of the key: keys that differ in
    /// their last character have nothing in common where a comparison would stop.
    #[test]
    fn fingerprints_of_keys_that_are_nearly_the_same_are_not() {
        let key = Credential::random().reveal().to_owned();
        let known = Credential::new(key.clone()).fingerprint();
        let guesses = (b'!'..=b'~').map(|last| format!("{}{}", &key[..key.len() - 1], char::from(last)));
        for guess in guesses.filter(|guess| *guess != key) {
            let guessed = Credential::new(guess).fingerprint();
            let same = known.0.iter().zip(guessed.0).take_while(|(one, other)| *one == other).count();
            assert!(same < 4, "{same} bytes");
        }
    }
}
