//! Releases that say who they are.

use coder::{Blueprint, Engine as _, Order};
use protocol::{
    Code, Problem,
    artifact::{ChangeSet, Content, Design, FileChange},
};

/// Where a release says who it is: in files that one request reads at different moments.
const PLACES: [(&str, &str, &str); 4] = [
    ("public/index.php", "$root = dirname(__DIR__);", "header('X-Release-Entry: MARK');\n$root = dirname(__DIR__);"),
    ("src/Response.php", "echo $this->body;", "header('X-Release-End: MARK');\n        echo $this->body;"),
    ("templates/style.css", ":root {", "/* release MARK */ :root {"),
    ("templates/layout.php", "<main>", "<!-- release MARK --><main>"),
];

/// Marks a change-set with the name of the design's newest field.
pub(crate) fn mark(change_set: &mut ChangeSet, order: &Order<'_>) -> Result<(), Problem> {
    let newest = order.design.resources.iter().flat_map(|resource| &resource.fields).last();
    let mark = &newest.ok_or_else(|| Code::Internal.problem("the design has no field"))?.name;
    // The engine leaves out what it wrote before. As for an app that is not there yet, it writes everything.
    let design = Design { base: None, ..order.design.clone() };
    let mut all = Blueprint.build(&Order { design: &design, snapshot: None, ..*order })?.files;
    for (file, plain, marked) in PLACES {
        let found = all.iter_mut().find(|change| change.path.as_str() == file);
        let Some(FileChange { path, content: Some(Content::Text(text)) }) = found.filter(|found| says(found, plain))
        else {
            return Err(Code::Internal.problem(format!("{file} nowhere says {plain}")));
        };
        let text = text.replacen(plain, &marked.replace("MARK", mark), 1);
        change_set.files.retain(|change| change.path != *path);
        change_set.files.push(FileChange { path: path.clone(), content: Some(Content::Text(text)) });
    }
    change_set.files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(())
}

fn says(change: &FileChange, text: &str) -> bool {
    matches!(&change.content, Some(Content::Text(whole)) if whole.contains(text))
}
