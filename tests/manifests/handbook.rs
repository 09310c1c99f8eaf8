//! The operator's handbook names nothing that is not there.

use std::{collections::BTreeSet, fs};

#[test]
fn links_lead_somewhere_and_programs_exist() {
    let mut programs = BTreeSet::new();
    let pages = fs::read_dir(crate::root().join("docs/operations")).expect("the handbook");
    let pages: Vec<_> =
        pages.map(|it| it.expect("an entry").path()).chain([crate::root().join("docs/operations.md")]).collect();
    assert!(pages.len() >= 8);
    for page in pages {
        let text = fs::read_to_string(&page).expect("UTF-8");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target) {
            let file = target.split('#').next().expect("a target");
            let there = target.starts_with("https://") || page.parent().expect("a directory").join(file).exists();
            assert!(there, "{}: {target}", page.display());
        }
        let words = text.split(|it: char| it.is_whitespace() || "`;()|,'\"".contains(it));
        programs.extend(
            words.filter(|word| word.starts_with("k8s/")).map(|word| word.trim_end_matches(['.', ':']).to_owned()),
        );
    }
    for program in &programs {
        assert!(crate::root().join(program).exists(), "there is no {program}");
    }
    assert!(
        ["k8s/make-secrets", "k8s/load-images", "k8s/rotate-key", "k8s/k3s.yaml"]
            .iter()
            .all(|it| programs.contains(*it))
    );
}
