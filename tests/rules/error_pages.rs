use protocol::Code;
use std::{collections::BTreeSet, fs};

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let codes: BTreeSet<String> = Code::ALL.iter().map(|code| format!("{code}.md")).collect();
    let pages: BTreeSet<String> = fs::read_dir(crate::root().join("docs/errors"))
        .expect("docs/errors")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name in UTF-8"))
        .filter(|name| name != "README.md")
        .collect();
    assert_eq!(pages, codes);
}

#[test]
fn every_page_says_what_why_and_what_to_do() {
    for &code in Code::ALL {
        let page = fs::read_to_string(crate::root().join(format!("docs/errors/{code}.md"))).expect("a page");
        let head = format!("# {code}\n\n**{}** · HTTP {}\n", code.title(), code.status());
        assert!(page.starts_with(&head), "{code}.md starts with\n{head}");
        for part in ["## Why it happens\n", "## What to do\n"] {
            let (_, text) = page.split_once(part).unwrap_or_else(|| panic!("{code}.md has no {part}"));
            assert!(text.trim_start().len() > 20, "{code}.md: {part} is empty");
        }
        let retry = page.contains("Trying again later may help.");
        assert_eq!(retry, code.is_retryable(), "{code}.md says whether trying again helps");
    }
}
