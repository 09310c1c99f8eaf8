//! The pages that an app is known to have.

use protocol::{
    Code, Problem,
    artifact::{Content, Endpoint, FileChange},
};
use std::collections::BTreeSet;

/// Of what the files tell, so many pages are looked at.
const MOST: usize = 200;

/// A page that a person named.
///
/// # Errors
/// [`Code::BadRequest`].
pub(super) fn named(page: &str) -> Result<String, Problem> {
    let good = page.starts_with('/')
        && !page.starts_with("//")
        && page.len() <= 255
        && page.bytes().all(|byte| byte.is_ascii_graphic());
    if good {
        return Ok(page.to_owned());
    }
    Err(Code::BadRequest.problem(format!(
        "{page:?} is no page: a page is a path such as /events, percent-encoded, of at most 255 bytes"
    )))
}

/// Pages that the files tell of: what is linked to by a fixed address, and what lies beside the front controller. Nginx serves no file
/// itself, so the app decides what becomes of those.
pub(super) fn found(files: &[FileChange]) -> Vec<String> {
    let mut pages = BTreeSet::new();
    for file in files {
        if let Some(path) = file.path.as_str().strip_prefix("public/") {
            pages.insert(format!("/{}", encoded(path)));
        }
        if let Some(Content::Text(text)) = &file.content {
            pages.extend(links(text));
        }
    }
    pages.remove("/");
    pages.into_iter().take(MOST).collect()
}

/// For the design.
pub(super) fn endpoints<'a>(pages: impl Iterator<Item = &'a str>) -> Vec<Endpoint> {
    let endpoint = |page: &str| Endpoint {
        method: "GET".to_owned(),
        path: page.to_owned(),
        purpose: "As it was supplied.".to_owned(),
    };
    pages.map(endpoint).collect()
}

/// `href="/events"`, with nothing in it that PHP would put in.
fn links(text: &str) -> impl Iterator<Item = String> {
    let link = |rest: &str| -> Option<String> {
        let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let (address, _) = rest[1..].split_once(quote)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-');
        let good = address.starts_with('/')
            && !address.starts_with("//")
            && address.len() <= 255
            && address.bytes().all(plain);
        good.then(|| address.to_owned())
    };
    text.split("href=").skip(1).filter_map(link)
}

fn encoded(path: &str) -> String {
    let byte = |byte: u8| match byte {
        b'/' | b'.' | b'_' | b'-' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    path.bytes().map(byte).collect()
}
