use protocol::{Digest, tools::host::Access};
use std::ops::Range;

/// What takes the place of a secret.
const HIDDEN: &str = "[redacted]";
/// Characters of a secret that the host has made: hexadecimal digits.
const LENGTH: usize = 32;
/// No text with fewer characters holds a secret in base64: two bytes of three may belong to its neighbours.
const SHORTEST_BASE64: usize = 40;

/// What the PHP of one app or preview knows and nobody else may read: passwords, and what it signs with. Known by digests alone, so
/// that who hides them need not know them.
///
/// They are found as they are, in capital letters, with any of their characters percent-encoded or escaped as JSON, JavaScript and HTML
/// do, and in hexadecimal or base64, alone or as a part of a longer text. They are not found where a program has taken them apart,
/// turned them around, compressed or encrypted them.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Vec<Digest>);

/// A text as something reads it: its bytes, and where in the text each of them stands.
type Read = Vec<(u8, Range<usize>)>;

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
        for found in self.find(text) {
            // What one reading takes for a part of a secret, another may have hidden already.
            if found.end > from {
                clean.push_str(&text[from..found.start.max(from)]);
                clean.push_str(HIDDEN);
                from = found.end;
            }
        }
        clean.push_str(&text[from..]);
        clean
    }

    /// Whether one of them stands in the text.
    #[must_use]
    pub fn stand_in(&self, text: &str) -> bool {
        !self.find(text).is_empty()
    }

    /// Where they stand, from the beginning to the end.
    fn find(&self, text: &str) -> Vec<Range<usize>> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let plain = unescaped(text);
        let mut found = self.among(&plain);
        for start in 0..2 {
            found.extend(self.among(&from_hex(&plain, start)));
        }
        for run in base64_runs(&plain) {
            for start in 0..4 {
                found.extend(self.among(&from_base64(run, start)));
            }
        }
        found.sort_by_key(|range| (range.start, range.end));
        found
    }

    fn among(&self, read: &Read) -> Vec<Range<usize>> {
        let (mut found, mut digits, mut window) = (Vec::new(), 0, [0; LENGTH]);
        for (at, (byte, place)) in read.iter().enumerate() {
            // What lies between does not belong together: a gap ends a run.
            let joined = at == 0 || read[at - 1].1.end >= place.start;
            digits = if byte.is_ascii_hexdigit() { if joined { digits + 1 } else { 1 } } else { 0 };
            if digits < LENGTH {
                continue;
            }
            let start = at + 1 - LENGTH;
            for (digit, (byte, _)) in window.iter_mut().zip(&read[start..=at]) {
                *digit = byte.to_ascii_lowercase();
            }
            if self.0.contains(&Digest::of_bytes(&window)) {
                found.push(read[start].1.start..place.end);
                digits = 0;
            }
        }
        found
    }
}

/// The text with each character that is written in a roundabout way taken for what it means: `%61`, `\u0061`, `\x61`, `&#97;`, `&#x61;`.
fn unescaped(text: &str) -> Read {
    let bytes = text.as_bytes();
    let (mut read, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let (byte, length) = escaped(&bytes[at..]).unwrap_or((bytes[at], 1));
        read.push((byte, at..at + length));
        at += length;
    }
    read
}

/// The ASCII character that is written in a roundabout way here, and how long that is.
fn escaped(bytes: &[u8]) -> Option<(u8, usize)> {
    let digits = |from: usize, length: usize| number(bytes.get(from..from + length)?, 16);
    match bytes {
        [b'%', ..] => Some((digits(1, 2)?, 3)),
        [b'\\', b'x', ..] => Some((digits(2, 2)?, 4)),
        [b'\\', b'u', b'0', b'0', ..] => Some((digits(4, 2)?, 6)),
        [b'&', b'#', rest @ ..] => {
            let end = rest.iter().take(8).position(|byte| *byte == b';')?;
            let code = match rest[..end].strip_prefix(b"x").or(rest[..end].strip_prefix(b"X")) {
                Some(hex) => number(hex, 16)?,
                None => number(&rest[..end], 10)?,
            };
            Some((code, end + 3))
        }
        _ => None,
    }
    .filter(|(byte, _)| byte.is_ascii())
}

fn number(digits: &[u8], base: u32) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, base).ok()
}

/// What stands there in pairs of hexadecimal digits.
fn from_hex(read: &Read, start: usize) -> Read {
    let pairs = read.get(start..).unwrap_or_default().chunks_exact(2);
    pairs
        .filter_map(|pair| {
            let byte = number(&[pair[0].0, pair[1].0], 16)?;
            Some((byte, pair[0].1.start..pair[1].1.end))
        })
        .collect()
}

/// Where there may be base64: letters of it, with nothing but line breaks between, which long ones have.
fn base64_runs(read: &Read) -> impl Iterator<Item = &[(u8, Range<usize>)]> {
    let is_in = |byte: u8| sextet(byte).is_some() || is_break(byte);
    read.split(move |(byte, _)| !is_in(*byte)).filter(|run| run.len() >= SHORTEST_BASE64)
}

fn is_break(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// What stands there in base64, of either alphabet.
fn from_base64(run: &[(u8, Range<usize>)], start: usize) -> Read {
    let letters: Vec<_> = run.iter().filter_map(|(byte, place)| Some((sextet(*byte)?, place))).collect();
    let (mut read, mut last) = (Vec::with_capacity(letters.len()), 0);
    for four in letters.get(start..).unwrap_or_default().chunks(4) {
        let bits = four.iter().fold(0_u32, |bits, (six, _)| bits << 6 | u32::from(*six)) << (6 * (4 - four.len()));
        for (byte, letter) in bits.to_be_bytes()[1..].iter().zip(1..four.len()) {
            // A byte is written in two letters; with line breaks between them, in what stands from the one to the other.
            let begin = four[letter - 1].1.start.max(last);
            last = four[letter].1.end;
            read.push((*byte, begin..last));
        }
    }
    // Line breaks are no gaps.
    for at in 1..read.len() {
        read[at].1.start = read[at].1.start.min(read[at - 1].1.end);
    }
    read
}

fn sextet(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{
        Engine as _,
        prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
    };

    const ONE: &str = "00112233445566778899aabbccddeeff";
    const OTHER: &str = "ffeeddccbbaa99887766554433221100";

    fn secrets() -> Secrets {
        Secrets([ONE, OTHER].map(|secret| Digest::of_bytes(secret.as_bytes())).to_vec())
    }

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        for (text, clean) in [
            (format!("'password' => '{ONE}', {OTHER}{ONE}。"), "'password' => '[redacted]', [redacted][redacted]。"),
            (format!("token=ab{ONE}cd"), "token=ab[redacted]cd"),
            (ONE.to_owned(), "[redacted]"),
        ] {
            assert_eq!(secrets().hide(&text), clean);
            assert!(secrets().stand_in(&text));
        }
        let other = format!("{} {}", &ONE[1..], "0".repeat(64));
        assert!(!secrets().stand_in(&other) && secrets().hide(&other) == other);
        let apart = format!("{} {}", &ONE[..16], &ONE[16..]);
        assert_eq!(secrets().hide(&apart), apart);
    }

    #[test]
    fn secrets_are_hidden_however_they_are_written() {
        let each = |write: &dyn Fn(u8) -> String| ONE.bytes().map(write).collect::<String>();
        for written in [
            ONE.to_uppercase(),
            each(&|byte| format!("%{byte:02X}")),
            each(&|byte| format!("%{byte:02x}")),
            each(&|byte| format!("\\u{byte:04x}")),
            each(&|byte| format!("\\x{byte:02x}")),
            each(&|byte| format!("&#{byte};")),
            each(&|byte| format!("&#x{byte:X};")),
            // Some of them, as encoders do that leave letters alone.
            each(&|byte| if byte.is_ascii_digit() { format!("%{byte:02X}") } else { char::from(byte).to_string() }),
            hex::encode(ONE),
            hex::encode_upper(ONE),
            BASE64_STANDARD.encode(ONE),
        ] {
            let text = format!("<p title='あ {written}'> {written}\n");
            let clean = secrets().hide(&text);
            // Padding says nothing.
            assert_eq!(clean.replace('=', ""), "<p title'あ [redacted]'> [redacted]\n", "{written}");
            assert!(secrets().stand_in(&written));
        }
    }

    #[test]
    fn secrets_are_hidden_as_a_part_of_something_longer_in_base64() {
        for before in ["", "a", "ab", "user:", "会議室:"] {
            for after in ["", "!", "@host", "}  "] {
                let whole = format!("{before}{ONE}{after}");
                for written in [BASE64_STANDARD.encode(&whole), BASE64_URL_SAFE_NO_PAD.encode(&whole)] {
                    for around in ["", "x", "ab", "key"] {
                        let text = format!("{around}{written}");
                        let clean = secrets().hide(&text);
                        assert!(clean.contains(HIDDEN), "{whole}: {text}");
                        assert!(clean.len() <= text.len() - 40 + HIDDEN.len(), "{whole}: {clean}");
                    }
                }
                let wrapped = BASE64_STANDARD.encode(format!("{}{whole}", "x".repeat(50)));
                let wrapped = format!("{}\r\n{}", &wrapped[..76], &wrapped[76..]);
                assert!(secrets().stand_in(&wrapped), "{wrapped}");
                let quoted = format!("{{\"b\":\"{}\"}}", BASE64_STANDARD.encode(&whole).replace('/', "\\/"));
                assert!(secrets().stand_in(&quoted), "{quoted}");
            }
        }
    }

    #[test]
    fn what_is_no_secret_stays_as_it_is() {
        let encoded = BASE64_STANDARD.encode("nothing of note, and rather a lot of it, as pictures in a page have");
        for text in [encoded.as_str(), "100 % of &#128512; \\u00e4 %zz &#x; &#; \\u00", "", "日本語\\", "&#999999999;"]
        {
            assert_eq!(secrets().hide(text), text);
        }
        assert_eq!(Secrets::default().hide(ONE), ONE);
    }
}
