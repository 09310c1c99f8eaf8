//! Releases that say who they are.

use protocol::{
    Code, Problem,
    artifact::{ChangeSet, Content, Design},
};

/// Where a release says who it is: in files that one request reads at different moments.
const PLACES: [(&str, &str, &str); 4] = [
    ("public/index.php", "$root = dirname(__DIR__);", "header('X-Release-Entry: MARK');\n$root = dirname(__DIR__);"),
    ("src/Response.php", "echo $this->body;", "header('X-Release-End: MARK');\n        echo $this->body;"),
    ("templates/style.css", ":root {", "/* release MARK */ :root {"),
    ("templates/layout.php", "<main>", "<!-- release MARK --><main>"),
];

/// Marks a change-set with the name of the design's newest field.
pub(crate) fn mark(change_set: &mut ChangeSet, design: &Design) -> Result<(), Problem> {
    let newest = design.resources.iter().flat_map(|resource| &resource.fields).last();
    let mark = &newest.ok_or_else(|| Code::Internal.problem("the design has no field"))?.name;
    for (file, plain, marked) in PLACES {
        let texts = change_set.files.iter_mut().filter(|change| change.path.as_str() == file);
        let mut texts = texts.filter_map(|change| match &mut change.content {
            Some(Content::Text(text)) if text.contains(plain) => Some(text),
            _ => None,
        });
        let text = texts.next().ok_or_else(|| Code::Internal.problem(format!("{file} nowhere says {plain}")))?;
        *text = text.replacen(plain, &marked.replace("MARK", mark), 1);
    }
    Ok(())
}
