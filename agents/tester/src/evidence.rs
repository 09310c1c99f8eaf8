//! What was sent and what came back, as text that people may read: short, and without secrets.

use environment::client::Secrets;
use protocol::tools::host::Access;

/// Each half of the evidence has at most this many bytes.
pub(crate) const LIMIT: usize = 4 << 10;

/// Where a text was cut off.
const CUT: &str = "... ";
/// Fewer characters of a secret than this say nothing.
const LEAST_SHOWN: usize = 4;

/// Headers whose values prove who somebody is.
const SECRET_HEADERS: [&str; 4] = ["authorization", "cookie", "set-cookie", "proxy-authorization"];

/// Takes out of texts what nobody should read there: the passwords of the accounts that the run uses, and what the app's PHP keeps to
/// itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Redactor {
    secrets: Vec<String>,
    of_php: Secrets,
}

impl Redactor {
    /// For everything that is reached with this access.
    pub(crate) fn of(access: &Access) -> Self {
        let mut secrets = Vec::new();
        for address in [&access.mysql, &access.redis] {
            secrets.push(address.clone());
            secrets.extend(password(address));
        }
        // Longest first: an address holds its own password. Very short ones would blacken half of every text.
        secrets.retain(|secret| secret.len() >= 6);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets, of_php: Secrets::of(access) }
    }

    /// Whether what an app answered says what its PHP must keep to itself.
    pub(crate) fn is_told_by(&self, answer: &str) -> bool {
        self.of_php.stand_in(answer)
    }

    /// The text without what the app's PHP must keep to itself, for excerpts: half a secret is known by nothing.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        self.of_php.hide(text)
    }

    /// The text without secrets, at most [`LIMIT`] bytes of it.
    pub(crate) fn clean(&self, text: &str) -> String {
        let mut clean = self.of_php.hide(text);
        for secret in &self.secrets {
            if clean.contains(secret.as_str()) {
                clean = clean.replace(secret.as_str(), "[redacted]");
            }
            if let Some(hidden) = without_beginnings(&clean, secret) {
                clean = hidden;
            }
        }
        excerpt(&clean, LIMIT)
    }
}

/// `name: value`, the value hidden where it proves who somebody is. Of cookies the names stay.
pub(crate) fn header_line(name: &str, value: &str) -> String {
    let name = name.to_ascii_lowercase();
    if name.ends_with("cookie") {
        let (cookie, attributes) = match value.split_once(';') {
            Some((cookie, attributes)) if name == "set-cookie" => (cookie, format!(";{attributes}")),
            _ => (value, String::new()),
        };
        let names: Vec<_> = cookie
            .split(';')
            .map(|pair| format!("{}=[redacted]", pair.split('=').next().unwrap_or_default().trim()))
            .collect();
        return format!("{name}: {}{attributes}", names.join("; "));
    }
    if SECRET_HEADERS.contains(&name.as_str()) {
        return format!("{name}: [redacted]");
    }
    format!("{name}: {value}")
}

/// The text without the beginning of a secret wherever an excerpt ended in the middle of it.
fn without_beginnings(text: &str, secret: &str) -> Option<String> {
    let (excerpts, rest) = text.rsplit_once(CUT)?;
    let hidden = excerpts.split(CUT).map(|shown| {
        let beginnings = (LEAST_SHOWN..secret.len()).rev().filter_map(|length| secret.get(..length));
        let mut shorter = beginnings.filter_map(|beginning| shown.strip_suffix(beginning));
        shorter.next().map_or_else(|| shown.to_owned(), |shown| format!("{shown}[redacted]"))
    });
    Some(hidden.chain([rest.to_owned()]).collect::<Vec<_>>().join(CUT))
}

/// The start of a text, for a sentence.
pub(crate) fn short(text: &str) -> String {
    excerpt(text, 300)
}

/// The start of a text, at most `limit` bytes together with the note that says how much was left out.
pub(crate) fn excerpt(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let note = format!("{CUT}({} bytes in all)", text.len());
    let mut end = limit.saturating_sub(note.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{note}", &text[..end])
}

/// The password in `scheme://user:password@host`.
fn password(address: &str) -> Option<String> {
    let authority = address.split_once("://")?.1;
    let user_info = authority.rsplit_once('@')?.0;
    Some(user_info.split_once(':')?.1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_the_run_never_show() {
        let redactor = Redactor::of(&Access {
            web: "http://127.0.0.1:80".to_owned(),
            host_header: "shop.localhost".to_owned(),
            mysql: "mysql://shop:sesame-open@127.0.0.1:3306/shop".to_owned(),
            redis: "redis://shop:other:secret@127.0.0.1:6379/0".to_owned(),
            redis_prefix: "app:shop:".to_owned(),
            secrets: vec![protocol::Digest::of_bytes(b"00112233445566778899aabbccddeeff")],
        });
        let text = redactor.clean("DSN mysql://shop:sesame-open@127.0.0.1:3306/shop, pw sesame-open, other:secret");
        assert!(!text.contains("sesame") && !text.contains("other:secret"), "{text}");
        assert!(text.contains("DSN [redacted], pw [redacted], [redacted]"), "{text}");
        let config = "'password' => '00112233445566778899aabbccddeeff'";
        assert!(redactor.is_told_by(config) && !redactor.is_told_by("'password' => 'x'"));
        assert_eq!(redactor.clean(config), "'password' => '[redacted]'");
    }

    #[test]
    fn headers_that_prove_identity_keep_only_their_shape() {
        assert_eq!(header_line("Authorization", "Bearer abc"), "authorization: [redacted]");
        assert_eq!(header_line("cookie", "sid=abc; csrf=def"), "cookie: sid=[redacted]; csrf=[redacted]");
        assert_eq!(header_line("Set-Cookie", "sid=abc; HttpOnly"), "set-cookie: sid=[redacted]; HttpOnly");
        assert_eq!(header_line("x-cache", "HIT"), "x-cache: HIT");
    }

    #[test]
    fn excerpts_end_between_characters_and_say_what_is_missing() {
        let long = "日".repeat(5_000);
        let cut = excerpt(&long, LIMIT);
        assert!(cut.len() <= LIMIT && cut.ends_with("(15000 bytes in all)"), "{}", cut.len());
        assert_eq!(excerpt("short", LIMIT), "short");
    }
}
