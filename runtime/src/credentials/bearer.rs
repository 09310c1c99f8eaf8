use super::{Credential, Fingerprint};
use http::{HeaderMap, header::AUTHORIZATION};

/// What a request shows of its caller. The key itself ends here: everything after this knows its fingerprint alone, so that no
/// comparison, however long it takes, is one with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearer {
    /// Nothing, or another scheme than `Bearer`.
    Nothing,
    /// Something that is no key: an empty one, bytes that are no text, two headers.
    Malformed,
    /// A key.
    Key(Fingerprint),
}

impl Bearer {
    /// What the `Authorization` header says.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut all = headers.get_all(AUTHORIZATION).iter();
        let Some(header) = all.next() else { return Self::Nothing };
        if all.next().is_some() {
            return Self::Malformed;
        }
        let Ok(text) = header.to_str() else { return Self::Malformed };
        let (scheme, key) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        match key.trim() {
            _ if !scheme.eq_ignore_ascii_case("bearer") => Self::Nothing,
            "" => Self::Malformed,
            key => Self::Key(Credential::new(key).fingerprint()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_bearer_key_is_one() {
        let of = |values: &[&str]| {
            Bearer::of(&values.iter().map(|value| (AUTHORIZATION, value.parse().expect("a header"))).collect())
        };
        let key = Bearer::Key(Credential::new("k").fingerprint());
        assert_eq!([of(&["Bearer k"]), of(&["bearer  k "])], [key, key]);
        assert_eq!([of(&[]), of(&["Basic k"]), of(&["k"])], [Bearer::Nothing; 3]);
        assert_eq!([of(&["Bearer"]), of(&["Bearer "]), of(&["Bearer k", "Bearer k"])], [Bearer::Malformed; 3]);
    }
}
