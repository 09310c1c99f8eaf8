//! What is new must be seen to be new: a check that passes on the release before the change proves nothing.

use protocol::artifact::{Before, Check, CheckResult, Criterion, Evidence, Outcome, Verdict};
use std::collections::{HashMap, HashSet};

/// Notes beside each result what became of the same check on the release before, and adds the result that says whether everything
/// new of these criteria was shown.
pub(crate) fn compare(
    criteria: &[&Criterion],
    checks: &[Check],
    before: &[CheckResult],
    mut after: Vec<CheckResult>,
) -> Vec<CheckResult> {
    let color = |result: &CheckResult| if result.outcome == Outcome::Passed { Before::Green } else { Before::Red };
    let before: HashMap<_, _> = before.iter().map(|result| (result.id.as_str(), color(result))).collect();
    for result in after.iter_mut().filter(|result| !Verdict::MANDATORY.contains(&result.id.as_str())) {
        result.before = before.get(result.id.as_str()).copied();
    }
    // What only arranges shows nothing, wherever it works and wherever it doesn't.
    let arranges: HashSet<_> = checks.iter().filter(|check| check.act.arranges()).map(|check| &*check.id).collect();
    after.push(shows_change(criteria, &arranges, &after));
    after
}

fn shows_change(criteria: &[&Criterion], arranges: &HashSet<&str>, results: &[CheckResult]) -> CheckResult {
    let shows = |criterion: &Criterion| {
        let of_it = results.iter().filter(|result| result.criterion.as_deref() == Some(&criterion.id));
        let of_it = of_it.filter(|result| !arranges.contains(&*result.id));
        let turned = |result: &&CheckResult| result.before == Some(Before::Red) && result.outcome == Outcome::Passed;
        of_it.filter(turned).map(|result| result.id.clone()).collect::<Vec<_>>()
    };
    let shown: Vec<_> = criteria.iter().filter(|criterion| criterion.new).map(|it| (it, shows(it))).collect();
    let missing: Vec<_> = shown.iter().filter(|(_, by)| by.is_empty()).map(|(it, _)| it.id.as_str()).collect();
    let lines = shown.iter().map(|(criterion, by)| format!("{}: {}", criterion.id, by.join(", ")));
    CheckResult {
        id: Verdict::SHOWS_CHANGE.to_owned(),
        title: "What is new failed before the change, and passes now".to_owned(),
        criterion: None,
        outcome: if missing.is_empty() {
            Outcome::Passed
        } else {
            let why = "no check of it failed on the release before the change and passes now";
            Outcome::Failed { why: format!("{}: {why}", missing.join(", ")) }
        },
        before: None,
        millis: 0,
        evidence: Evidence {
            sent: "the same checks, on the release before the change and on the preview".to_owned(),
            received: lines.collect::<Vec<_>>().join("\n"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn result(id: &str, criterion: &str, passed: bool) -> CheckResult {
        let outcome = if passed { Outcome::Passed } else { Outcome::Failed { why: "no".into() } };
        CheckResult {
            id: id.into(),
            title: id.into(),
            criterion: Some(criterion.into()),
            outcome,
            before: None,
            millis: 1,
            evidence: Evidence::default(),
        }
    }

    fn criterion(id: &str, new: bool) -> Criterion {
        Criterion { id: id.into(), text: id.into(), new }
    }

    fn check(id: &str, act: serde_json::Value) -> Check {
        serde_json::from_value(json!({"id": id, "title": id, "criterion": "c1", "act": act})).expect("a check")
    }

    #[test]
    fn what_passed_before_proves_nothing_new() {
        let criteria = [criterion("c1", true), criterion("c2", true), criterion("old", false)];
        let criteria: Vec<_> = criteria.iter().collect();
        let before = [result("a", "c1", false), result("b", "c2", true), result("c", "old", true)];
        let after = vec![result("a", "c1", true), result("b", "c2", true), result("c", "old", true)];
        let results = compare(&criteria, &[], &before, after.clone());
        assert_eq!(
            results.iter().map(|it| it.before).collect::<Vec<_>>(),
            [Some(Before::Red), Some(Before::Green), Some(Before::Green), None]
        );
        let last = results.last().expect("one more");
        assert!(matches!(&last.outcome, Outcome::Failed { why } if why.starts_with("c2: ")), "{last:?}");
        let before = [result("a", "c1", false), result("b", "c2", false)];
        assert_eq!(compare(&criteria, &[], &before, after).pop().expect("one more").outcome, Outcome::Passed);
    }

    #[test]
    fn what_is_red_now_shows_nothing() {
        let (new, red) = (criterion("c1", true), result("a", "c1", false));
        let results = compare(&[&new], &[], std::slice::from_ref(&red), vec![red.clone()]);
        assert!(matches!(results.last().expect("one more").outcome, Outcome::Failed { .. }));
    }

    #[test]
    fn what_only_arranges_shows_nothing() {
        let new = criterion("c1", true);
        let arrange = check("a", json!({"kind": "arrange", "statement": "update members set note = 'x'"}));
        let lint = check("a", json!({"kind": "lint"}));
        for (check, shown) in [(arrange, false), (lint, true)] {
            let results = compare(&[&new], &[check], &[result("a", "c1", false)], vec![result("a", "c1", true)]);
            assert_eq!(results.last().expect("one more").outcome == Outcome::Passed, shown);
        }
    }
}
