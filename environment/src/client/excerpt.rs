//! As much of a page as its reader needs.

use std::fmt::Write as _;

/// Lines around one that was looked for.
const AROUND: usize = 2;
/// Of a line so many characters: pages that are one line have to be cut, too.
const WIDEST: usize = 600;

/// The lines that hold a text, whatever its case, with those around them; and what is to say of that.
pub(super) fn around(body: &str, find: &str, most: usize) -> (String, String) {
    let (lines, wanted) = (body.lines().collect::<Vec<_>>(), find.to_lowercase());
    let found: Vec<_> = (0..lines.len()).filter(|line| lines[*line].to_lowercase().contains(&wanted)).collect();
    if found.is_empty() {
        return (
            String::new(),
            format!("\nNo line of the body, which has {}, holds that text.", lines_of(lines.len())),
        );
    }
    let (mut text, mut next, mut cut) = (String::new(), 0, false);
    for line in &found {
        let (from, to) = (line.saturating_sub(AROUND).max(next), (line + AROUND + 1).min(lines.len()));
        if from > next && next > 0 {
            text.push_str("...\n");
        }
        for (at, line) in lines.iter().enumerate().take(to).skip(from) {
            let _ = writeln!(text, "{}: {}", at + 1, near(line, &wanted));
        }
        next = next.max(to);
        if text.chars().count() > most {
            cut = true;
            break;
        }
    }
    let note = format!("\n{} of {} that the body has hold that text.", found.len(), lines_of(lines.len()));
    let cut = if cut { " Not all are shown." } else { "" };
    (text.chars().take(most.max(WIDEST)).collect(), format!("{note}{cut}"))
}

/// The first characters; and what is to say of that.
pub(super) fn beginning(body: &str, most: usize) -> (String, String) {
    let shown: String = body.chars().take(most).collect();
    let note = if shown.len() == body.len() {
        String::new()
    } else {
        let (size, lines) = (body.len(), lines_of(body.lines().count()));
        format!("\nThe body has {size} bytes, {lines}; only its beginning is shown. `find` shows a place in it.")
    };
    (shown, note)
}

/// A long line around the place where it holds what was looked for.
fn near(line: &str, wanted: &str) -> String {
    let letters: Vec<_> = line.chars().collect();
    if letters.len() <= WIDEST {
        return line.to_owned();
    }
    let lower = line.to_lowercase();
    let at = lower.find(wanted).map_or(0, |at| lower[..at].chars().count());
    let from = at.saturating_sub(WIDEST / 2).min(letters.len() - WIDEST);
    let piece: String = letters[from..from + WIDEST].iter().collect();
    format!("…{piece}…")
}

fn lines_of(count: usize) -> String {
    if count == 1 { "1 line".to_owned() } else { format!("{count} lines") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_page_of_one_line_is_shown() {
        let page = format!("{}<b>İstanbul 会議室</b>{}", "x".repeat(50_000), "y".repeat(50_000));
        let (text, note) = around(&page, "会議室", 4_000);
        assert!(text.contains("会議室") && text.chars().count() < 700, "{text}");
        assert_eq!(note, "\n1 of 1 line that the body has hold that text.");
    }

    #[test]
    fn what_is_found_too_often_is_cut() {
        let (text, note) = around(&"same\n".repeat(9_000), "SAME", 1_000);
        assert!(text.chars().count() <= 1_000 && note.ends_with("Not all are shown."), "{} {note}", text.len());
    }
}
