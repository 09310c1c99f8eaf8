//! What stands in data marks, and what does not.

/// A message without what stands in whole data marks.
pub(super) fn outside(message: &str) -> String {
    let (mut outside, mut rest) = (String::new(), message);
    while let Some((before, inside)) = rest.split_once("<data of=\"") {
        outside.push_str(before);
        let end = inside.split_once("\" mark=").and_then(|(source, after)| {
            let (mark, text) = after.split_once(">\n")?;
            let whole = !source.contains(['"', '\n']) && mark.bytes().all(|byte| byte.is_ascii_hexdigit());
            let (_, after) = text.split_once(&format!("\n</data mark={mark}>"))?;
            whole.then_some(after)
        });
        match end {
            Some(after) => rest = after,
            // What does not end is none.
            None => return outside + inside,
        }
    }
    outside + rest
}

#[test]
fn only_whole_marks_hold_data() {
    let text = "a <data of=\"x\" mark=1f>\n</data> in </data mark=2e>\n</data mark=1f> b <data of=\"y\" mark=3d>\nc";
    assert_eq!(outside(text), "a  b y\" mark=3d>\nc");
}
