use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use protocol::artifact::Verdict;
use std::{fmt, str::FromStr, time::Duration};

/// The Tester's Ed25519 key. Its `Debug` shows only the public half.
#[derive(Clone)]
pub struct VerdictKey(SigningKey);

impl VerdictKey {
    /// The key that grows from these 32 bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half: what the host verifies with.
    #[must_use]
    pub fn public(&self) -> VerifyingKey {
        self.0.verifying_key()
    }

    /// The verdict with its end of validity and its signature.
    #[must_use]
    pub(crate) fn sign(&self, mut verdict: Verdict, validity: Duration) -> Verdict {
        verdict.expires_at = verdict.finished_at + validity;
        verdict.signature = String::new();
        verdict.signature = STANDARD.encode(self.0.sign(&verdict.signed_bytes()).to_bytes());
        verdict
    }
}

/// Written as a seed of 32 bytes: 64 hex digits, or standard base64.
impl FromStr for VerdictKey {
    type Err = BadVerdictKey;

    fn from_str(text: &str) -> Result<Self, BadVerdictKey> {
        let text = text.trim();
        let bytes = if text.len() == 64 {
            hex::decode(text).map_err(|_| BadVerdictKey)?
        } else {
            STANDARD.decode(text).map_err(|_| BadVerdictKey)?
        };
        bytes.as_slice().try_into().map(Self::from_seed).map_err(|_| BadVerdictKey)
    }
}

/// The text is no seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing key is a seed of 32 bytes, as 64 hex digits or in base64")]
pub struct BadVerdictKey;

impl fmt::Debug for VerdictKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerdictKey(public {})", hex::encode(self.public().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeDelta, Utc};
    use ed25519_dalek::{Signature, Verifier as _};
    use protocol::{Digest, TaskId, artifact::VerdictKind};

    fn verdict() -> Verdict {
        let now = Utc::now();
        Verdict {
            task: TaskId::fresh(),
            app: "shop".parse().expect("a name"),
            kind: VerdictKind::Preview,
            base: None,
            change_set: Digest::of_bytes(b"change"),
            checks: Digest::of_bytes(b"checks"),
            passed: true,
            mandatory: vec![],
            results: vec![],
            caveats: vec![],
            unproven: vec![],
            started_at: now,
            finished_at: now,
            expires_at: now,
            signature: String::new(),
        }
    }

    fn holds(key: &VerdictKey, verdict: &Verdict) -> bool {
        let bytes = STANDARD.decode(&verdict.signature).expect("base64");
        let signature = Signature::from_slice(&bytes).expect("64 bytes");
        key.public().verify(&verdict.signed_bytes(), &signature).is_ok()
    }

    #[test]
    fn a_signature_survives_json_and_nothing_else() {
        let key = VerdictKey::from_seed(&[7; 32]);
        let signed = key.sign(verdict(), Duration::from_secs(3_600));
        assert_eq!(signed.expires_at - signed.finished_at, TimeDelta::hours(1));
        let text = serde_json::to_string(&signed).expect("JSON");
        let read: Verdict = serde_json::from_str(&text).expect("a verdict");
        assert_eq!(read, signed);
        assert!(holds(&key, &read));

        let forged = Verdict { passed: false, ..signed.clone() };
        assert!(!holds(&key, &forged));
        let prolonged = Verdict { expires_at: signed.expires_at + TimeDelta::seconds(1), ..signed.clone() };
        assert!(!holds(&key, &prolonged));
        assert!(!holds(&VerdictKey::from_seed(&[8; 32]), &signed));
    }

    #[test]
    fn keys_are_hex_or_base64_and_never_shown() {
        let seed = [9; 32];
        let hex: VerdictKey = hex::encode(seed).parse().expect("hex");
        let base64: VerdictKey = STANDARD.encode(seed).parse().expect("base64");
        assert_eq!(hex.public(), base64.public());
        assert!(!format!("{hex:?}").contains(&hex::encode(seed)));
        for bad in ["", "abc", &"g".repeat(64), &STANDARD.encode([1; 31])] {
            assert!(bad.parse::<VerdictKey>().is_err(), "{bad}");
        }
    }
}
