//! The icon that clients show: four people.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rmcp::model::Icon;

const SVG: &[u8] = include_bytes!("icon.svg");

/// As a data URI: nothing is fetched from anywhere.
pub(super) fn of_yonin() -> Icon {
    Icon::new(format!("data:image/svg+xml;base64,{}", BASE64_STANDARD.encode(SVG)))
        .with_mime_type("image/svg+xml")
        .with_sizes(vec!["any".to_owned()])
}
