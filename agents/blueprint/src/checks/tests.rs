use super::*;
use crate::{goal, schema};
use proptest::prelude::*;
use protocol::{Digest, artifact::Check};
use std::collections::{BTreeSet, HashSet};

fn design(goal: &str) -> Design {
    let reading = goal::read(goal);
    assert_eq!(reading.mistakes, Vec::<String>::new(), "{goal}");
    Design {
        made_by: None,
        plan: Digest::of("plan"),
        base: None,
        summary: String::new(),
        migrations: schema::migrations(&reading.resources, None).expect("migrations"),
        resources: reading.resources,
        endpoints: vec![],
        cache: vec![],
        files: vec![],
        tests: vec![],
    }
}

fn shown(checks: &[Check]) -> BTreeSet<&str> {
    checks.iter().filter_map(|check| check.criterion.as_deref()).collect()
}

const FIELDS: [&str; 12] = [
    "string! unique",
    "text",
    "int=5 unique",
    "decimal",
    "bool unique",
    "date",
    "datetime",
    "email unique",
    "url",
    "enum(a|b)! unique",
    "ref(r0)",
    "ref(r0)! unique",
];

proptest! {
    /// Whatever an app keeps, as long as rows can be made at all: no criterion goes without a check, no check without its
    /// criterion, and no id comes twice.
    #[test]
    fn every_criterion_is_shown(picks in prop::collection::vec(prop::collection::vec(0..FIELDS.len(), 1..8), 1..5)) {
        let resource = |(place, fields): (usize, &Vec<usize>)| {
            let fields: Vec<_> = fields.iter().enumerate()
                // A first resource that needs itself allows no row.
                .map(|(n, pick)| format!("f{n}:{}", if place == 0 && *pick == 11 { "int" } else { FIELDS[*pick] }))
                .collect();
            format!("r{place}({})", fields.join(", "))
        };
        let goal: Vec<_> = picks.iter().enumerate().map(resource).collect();
        let checks = checks(&design(&goal.join("; ")));
        prop_assert_eq!(shown(&checks), Criterion::ALL.map(Criterion::id).into());
        let without: Vec<_> = checks.iter().filter(|one| one.criterion.is_none()).map(|one| &one.id).collect();
        prop_assert_eq!(without, ["log"]);
        let ids: HashSet<_> = checks.iter().map(|check| &check.id).collect();
        prop_assert_eq!(ids.len(), checks.len());
    }
}

#[test]
fn where_no_row_can_be_made_none_is_tried() {
    for goal in ["a(b:ref(b)!); b(a:ref(a)!)", "node(parent:ref(node)!, title:string! unique)"] {
        let checks = checks(&design(goal));
        let made = checks.iter().any(|check| check.id.ends_with(".create") || check.id.ends_with(".delete"));
        assert!(!made, "{goal}");
        assert!(shown(&checks).is_superset(&["c2", "c3", "c4", "c5", "c6"].into()), "{goal}");
    }
}

#[test]
fn a_unique_field_of_few_values_is_only_filled_in_a_new_table() {
    let new = design("settings(kind:enum(a|b) unique, title:string)");
    let old = Design { migrations: vec![], ..new.clone() };
    let sent = |design: &Design| Subject::all(design)[0].row(1).contains_key("kind");
    assert!(sent(&new) && !sent(&old));
    let needed = Design { migrations: vec![], ..design("settings(kind:enum(a|b)! unique)") };
    assert!(!Subject::all(&needed)[0].has_row());
}
