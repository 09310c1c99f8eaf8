//! Where a list goes on. A cursor says all of it: any replica that is given one understands it.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use protocol::{Code, Problem};
use rmcp::model::PaginatedRequestParams;

/// The cursor of the page of this list that begins after this place.
pub(super) fn written(list: &str, place: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{list} {place}"))
}

/// The place that a request goes on from; nothing when it wants the first page.
///
/// # Errors
/// [`Code::BadCursor`] for one that this list did not give.
pub(super) fn read(list: &str, request: Option<PaginatedRequestParams>) -> Result<Option<String>, Problem> {
    let Some(cursor) = request.and_then(|request| request.cursor) else { return Ok(None) };
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let place = text.as_deref().and_then(|text| text.strip_prefix(list)?.strip_prefix(' '));
    place.map(|place| Some(place.to_owned())).ok_or_else(unknown)
}

/// For a list that has one page: it gave no cursor.
///
/// # Errors
/// [`Code::BadCursor`].
pub(super) fn none(request: Option<PaginatedRequestParams>) -> Result<(), Problem> {
    if request.and_then(|request| request.cursor).is_some() { Err(unknown()) } else { Ok(()) }
}

fn unknown() -> Problem {
    Code::BadCursor.problem("give back `nextCursor` of an earlier page of the same list, as it was")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(cursor: &str) -> Option<PaginatedRequestParams> {
        Some(PaginatedRequestParams::default().with_cursor(Some(cursor.to_owned())))
    }

    #[test]
    fn a_list_reads_its_own_cursors_and_no_others() {
        let cursor = written("resources", "a place");
        assert_eq!(read("resources", asked(&cursor)).expect("its own"), Some("a place".to_owned()));
        assert_eq!(read("resources", None).expect("the first page"), None);
        for foreign in [cursor[1..].to_owned(), written("res", "a place"), String::new(), "日本".to_owned()] {
            assert_eq!(read("resources", asked(&foreign)).expect_err("foreign").code, Code::BadCursor, "{foreign}");
        }
        assert_eq!(none(asked(&cursor)).expect_err("one page").code, Code::BadCursor);
    }
}
