use crate::run::Checklist;
use environment::client::changes_rows;
use protocol::artifact::{Act, Check, Criterion, Method, Unproven, VerdictKind};
use regex::Regex;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// A model proposes at most so many checks.
const MOST: usize = 200;

/// A list of checks in the making: what a model proposed, also what cannot be run yet, so that it need not say all of it again.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    entries: Vec<Entry>,
    unproven: Vec<Unproven>,
}

#[derive(Debug, Clone)]
struct Entry {
    id: String,
    /// The check, or why it is none.
    check: Result<Check, String>,
}

impl Draft {
    /// What a model proposes.
    pub(super) fn of(checks: Vec<Value>, unproven: Vec<Unproven>) -> Self {
        let entries = checks.into_iter().enumerate().map(|(place, value)| Entry::of(place, value)).collect();
        Self { entries, unproven }
    }

    /// What was run before.
    pub(super) fn again(checks: Vec<Check>, unproven: Vec<Unproven>) -> Self {
        let entry = |check: Check| Entry { id: check.id.clone(), check: Ok(check) };
        Self { entries: checks.into_iter().map(entry).collect(), unproven }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes checks, puts others in the place of those that have their id, and adds the rest behind one of them, or at the end.
    ///
    /// # Errors
    /// Which id there is not. Nothing changes then.
    pub(super) fn change(&mut self, put: Vec<Value>, after: Option<&str>, remove: &[String]) -> Result<(), String> {
        let known = |id: &str| self.entries.iter().any(|entry| entry.id == id);
        if let Some(unknown) = remove.iter().map(String::as_str).chain(after).find(|id| !known(id)) {
            return Err(format!("there is no check {unknown:?} in the list. Nothing was changed"));
        }
        let mut added = Vec::new();
        for entry in put.into_iter().enumerate().map(|(place, value)| Entry::of(place, value)) {
            match self.entries.iter_mut().find(|known| known.id == entry.id) {
                Some(known) => *known = entry,
                None => added.push(entry),
            }
        }
        let behind = after.and_then(|id| self.entries.iter().position(|entry| entry.id == id));
        let place = behind.map_or(self.entries.len(), |place| place + 1);
        self.entries.splice(place..place, added);
        self.entries.retain(|entry| !remove.contains(&entry.id));
        Ok(())
    }

    /// Says anew which criteria are not proven.
    pub(super) fn leave_unproven(&mut self, unproven: Vec<Unproven>) {
        self.unproven = unproven;
    }

    /// The list as it can be run.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn look(&self, criteria: &[Criterion]) -> Result<(Vec<Check>, Vec<Unproven>), String> {
        let mut checks = Vec::with_capacity(self.entries.len());
        let mut wrong = Vec::new();
        for Entry { id, check } in &self.entries {
            match check {
                Ok(check) => checks.push(check.clone()),
                Err(why) => wrong.push(format!("{id}: {why}")),
            }
        }
        if !wrong.is_empty() {
            return Err(wrong.join("; "));
        }
        if checks.len() > MOST {
            return Err(format!("{} checks; at most {MOST} are run", checks.len()));
        }
        let list = Checklist::new(VerdictKind::Preview, checks).map_err(|bad| bad.to_string())?;
        let checks = list.checks();
        self.look_at_criteria(&list, criteria)?;
        checks.iter().try_for_each(look_at_one)?;
        look_at_smoke(checks)?;
        Ok((checks.to_vec(), self.unproven.clone()))
    }

    fn look_at_criteria(&self, list: &Checklist, criteria: &[Criterion]) -> Result<(), String> {
        let known = |id: &&str| criteria.iter().any(|criterion| criterion.id == **id);
        let named = list.checks().iter().filter_map(|check| check.criterion.as_deref());
        let left = || self.unproven.iter().map(|one| one.criterion.as_str());
        if let Some(unknown) = named.clone().chain(left()).find(|id| !known(id)) {
            return Err(format!("there is no criterion {unknown}"));
        }
        let left: HashSet<_> = left().collect();
        if left.len() < self.unproven.len() {
            return Err("a criterion stands twice in `unproven`".to_owned());
        }
        if let Some(one) = self.unproven.iter().find(|one| one.reason.trim().is_empty()) {
            return Err(format!("`unproven` does not say why {} is not proven", one.criterion));
        }
        if let Some(both) = named.clone().find(|id| left.contains(id)) {
            return Err(format!("{both} has a check, and stands in `unproven`"));
        }
        if !criteria.is_empty() && left.len() == criteria.len() {
            return Err("every criterion stands in `unproven`: then nothing is tested. Test what can be".to_owned());
        }
        let mut missing = list.unshown(criteria);
        missing.retain(|id| !left.contains(id.as_str()));
        if missing.is_empty() {
            return Ok(());
        }
        Err(format!("no check names the criteria {} (an `arrange` shows none)", missing.join(", ")))
    }
}

impl Entry {
    fn of(place: usize, value: Value) -> Self {
        let id = value.get("id").and_then(Value::as_str).map_or_else(|| format!("#{}", place + 1), str::to_owned);
        let check =
            serde_path_to_error::deserialize(value).map_err(|error| format!("at {}: {}", error.path(), error.inner()));
        Self { id, check }
    }
}

fn look_at_one(check: &Check) -> Result<(), String> {
    let id = &check.id;
    if check.smoke && !reads(check) {
        return Err(match check.act {
            Act::Arrange(_) => format!("{id} is marked smoke, and changes rows: that is never done on the live app"),
            _ => format!("{id} is marked smoke, and is more than a GET or HEAD without a body"),
        });
    }
    if let Act::Arrange(arrange) = &check.act {
        changes_rows(&arrange.statement).map_err(|why| format!("{id} cannot be carried out: {why}"))?;
        if let Some(criterion) = &check.criterion {
            return Err(format!("{id} only arranges, so it shows nothing of {criterion}: leave the criterion out"));
        }
    }
    Ok(())
}

/// On the live app only those run that are marked so: what the others capture is not there.
fn look_at_smoke(checks: &[Check]) -> Result<(), String> {
    if !checks.iter().any(|check| check.smoke) {
        return Err("no check is marked smoke".to_owned());
    }
    let captured: HashMap<_, _> =
        checks.iter().flat_map(|check| check.act.captures().into_iter().map(move |name| (name, check))).collect();
    for check in checks.iter().filter(|check| check.smoke) {
        let used = names(&check.act);
        let missing = used.iter().filter_map(|name| captured.get(name.as_str())).find(|by| !by.smoke);
        if let Some(by) = missing {
            return Err(format!(
                "{} is marked smoke, and uses what {} captures, which does not run on the live app",
                check.id, by.id
            ));
        }
    }
    Ok(())
}

fn reads(check: &Check) -> bool {
    match &check.act {
        Act::Http(http) => matches!(http.method, Method::Get | Method::Head) && http.body.is_none(),
        Act::Sql(_) | Act::Cache(_) | Act::Log(_) | Act::Lint(_) => true,
        Act::Arrange(_) => false,
    }
}

/// The names that texts of an act use.
fn names(act: &Act) -> HashSet<String> {
    let text = serde_json::to_string(act).unwrap_or_default();
    let name = Regex::new(r"\$\{([A-Za-z_][A-Za-z0-9_.-]*)\}").expect("an expression");
    name.captures_iter(&text).map(|found| found[1].to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn criteria() -> Vec<Criterion> {
        let criterion = |id: &str| Criterion { id: id.into(), text: id.into(), new: true };
        vec![criterion("c1"), criterion("c2")]
    }

    fn get(id: &str, criterion: &str, smoke: bool) -> Value {
        let act = json!({"kind": "http", "method": "GET", "path": "/", "expect": {"status": [200]}});
        json!({"id": id, "title": id, "criterion": criterion, "smoke": smoke, "act": act})
    }

    fn arrange(id: &str) -> Value {
        let act =
            json!({"kind": "arrange", "statement": "update members set role = 'admin' where id = ?", "params": [1]});
        json!({"id": id, "title": id, "act": act})
    }

    fn unproven(criterion: &str, reason: &str) -> Unproven {
        Unproven { criterion: criterion.into(), reason: reason.into() }
    }

    fn ids(draft: &Draft) -> Vec<String> {
        draft.look(&criteria()).expect("a list").0.into_iter().map(|check| check.id).collect()
    }

    fn wrong(checks: Vec<Value>, unproven: Vec<Unproven>) -> String {
        Draft::of(checks, unproven).look(&criteria()).expect_err("wrong")
    }

    #[test]
    fn one_wrong_check_is_put_right_without_the_others() {
        let mut broken = get("b", "c2", false);
        broken["act"]["expect"] = json!({"status": 200});
        let mut draft = Draft::of(vec![get("a", "c1", true), broken, get("c", "c2", false)], vec![]);
        let why = draft.look(&criteria()).expect_err("one is no check");
        assert!(why.starts_with("b: at act"), "{why}");
        draft
            .change(vec![get("b", "c2", false), get("d", "c2", false)], Some("a"), &["c".to_owned()])
            .expect("changed");
        assert_eq!(ids(&draft), ["a", "d", "b"]);
        assert!(draft.change(vec![], None, &["nobody".to_owned()]).is_err());
        assert!(draft.change(vec![get("e", "c1", false)], Some("nobody"), &[]).is_err());
        assert_eq!(ids(&draft), ["a", "d", "b"]);
    }

    #[test]
    fn what_only_arranges_shows_no_criterion_and_is_never_for_the_live_app() {
        let good = vec![arrange("promote"), get("a", "c1", true), get("b", "c2", false)];
        assert!(Draft::of(good.clone(), vec![]).look(&criteria()).is_ok());
        let with = |name: &str, value: Value| {
            let mut checks = good.clone();
            checks[0][name] = value;
            wrong(checks, vec![])
        };
        assert!(with("smoke", json!(true)).contains("never done on the live app"));
        assert!(with("criterion", json!("c1")).contains("leave the criterion out"));
        let ddl = with("act", json!({"kind": "arrange", "statement": "drop table members"}));
        assert!(ddl.contains("only one INSERT, UPDATE or DELETE"), "{ddl}");
        let mut alone = vec![arrange("promote"), get("a", "c1", true)];
        alone[0]["criterion"] = json!("c2");
        assert!(wrong(alone, vec![]).contains("no check names the criteria c2"));
    }

    #[test]
    fn the_live_app_is_not_asked_for_what_was_captured_elsewhere() {
        let mut made = arrange("made");
        made["act"] =
            json!({"kind": "arrange", "statement": "insert into notes (title) values ('a')", "capture_id": "note"});
        let mut looked = get("looked", "c1", true);
        looked["act"]["path"] = json!("/notes/${note}");
        let rest = get("b", "c2", true);
        let why = wrong(vec![made.clone(), looked.clone(), rest.clone()], vec![]);
        assert!(why.starts_with("looked is marked smoke, and uses what made captures"), "{why}");
        looked["smoke"] = json!(false);
        assert!(Draft::of(vec![made, looked, rest], vec![]).look(&criteria()).is_ok());
    }

    #[test]
    fn what_cannot_be_tested_is_said_and_not_everything() {
        let one = || vec![get("a", "c1", true)];
        let draft = Draft::of(one(), vec![unproven("c2", "a mail must arrive")]);
        assert_eq!(draft.look(&criteria()).expect("a list").1, [unproven("c2", "a mail must arrive")]);
        assert!(wrong(one(), vec![]).contains("no check names the criteria c2"));
        assert!(wrong(one(), vec![unproven("c2", " ")]).contains("does not say why"));
        assert!(wrong(one(), vec![unproven("c9", "x")]).contains("no criterion c9"));
        assert!(wrong(one(), vec![unproven("c1", "x"), unproven("c2", "x")]).contains("c1 has a check"));
        let mut none = get("a", "c1", true);
        none.as_object_mut().expect("an object").remove("criterion");
        let all = wrong(vec![none], vec![unproven("c1", "x"), unproven("c2", "x")]);
        assert!(all.contains("nothing is tested"), "{all}");
    }

    #[test]
    fn a_name_is_captured_once() {
        let sql = |id: &str| {
            let act = json!({"kind": "sql", "query": "select id from notes", "expect": {"count": 1}, "capture": {"note": "id"}});
            json!({"id": id, "title": id, "criterion": "c1", "act": act})
        };
        let why = wrong(vec![sql("a"), sql("b"), get("c", "c2", true)], vec![]);
        assert_eq!(why, "two checks capture `note`; a name is captured once");
    }
}
