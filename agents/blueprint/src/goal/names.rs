use super::shown;

const RESERVED: [&str; 7] = ["id", "created_at", "updated_at", "q", "sort", "page", "per_page"];

/// Whether resources and fields may be called so; otherwise why not.
pub(super) fn valid_name(name: &str) -> Result<(), String> {
    let valid = (1..=31).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if RESERVED.contains(&name) {
        return Err(format!("the name {name} is reserved, as are {}", RESERVED.join(", ")));
    }
    if valid {
        return Ok(());
    }
    Err(format!("\"{}\" is no name; names have 1 to 31 of a-z, 0-9 and _, and start with a letter", shown(name)))
}
