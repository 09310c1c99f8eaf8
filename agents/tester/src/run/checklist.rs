use protocol::artifact::{Act, Check, Criterion, HttpCheck, HttpExpect, Method, Verdict, VerdictKind};
use std::collections::{BTreeMap, HashSet};

/// The checks of one run: ids unique, none of them the runner's own, and never empty.
#[derive(Debug)]
pub(crate) struct Checklist {
    kind: VerdictKind,
    checks: Vec<Check>,
}

/// Checks that no run can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadChecklist {
    /// An id that only the runner may use.
    #[error("`{0}` is the id of a check that the runner adds by itself")]
    Reserved(String),
    /// Two checks of the same id.
    #[error("two checks are called `{0}`")]
    Twice(String),
    /// Two checks capture the same name: which one a later check means would depend on what was carried out.
    #[error("two checks capture `{0}`; a name is captured once")]
    CapturedTwice(String),
    /// More than [`Check::MOST`].
    #[error("{0} checks; a run has at most {max}", max = Check::MOST)]
    TooMany(usize),
    /// Nothing to run in a preview.
    #[error("there is no check to run")]
    Empty,
}

impl Checklist {
    /// All proposed checks for a preview, only the reading ones for a look at the live app. There, when none reads, asking
    /// for the app's first page is the least.
    pub(crate) fn new(kind: VerdictKind, proposed: Vec<Check>) -> Result<Self, BadChecklist> {
        if proposed.len() > Check::MOST {
            return Err(BadChecklist::TooMany(proposed.len()));
        }
        let (mut ids, mut captured) = (HashSet::new(), HashSet::new());
        for check in &proposed {
            if Verdict::MANDATORY.contains(&check.id.as_str()) || check.id == Verdict::SHOWS_CHANGE {
                return Err(BadChecklist::Reserved(check.id.clone()));
            }
            if !ids.insert(&check.id) {
                return Err(BadChecklist::Twice(check.id.clone()));
            }
            if let Some(name) = check.act.captures().into_iter().find(|name| !captured.insert(*name)) {
                return Err(BadChecklist::CapturedTwice(name.to_owned()));
            }
        }
        let checks = match kind {
            VerdictKind::Preview if proposed.is_empty() => return Err(BadChecklist::Empty),
            VerdictKind::Preview => proposed,
            VerdictKind::Smoke => {
                let reading: Vec<_> = proposed.into_iter().filter(|check| check.smoke).collect();
                if reading.is_empty() { vec![first_page()] } else { reading }
            }
        };
        Ok(Self { kind, checks })
    }

    pub(crate) fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// How many results a run gives: the mandatory checks come on top.
    pub(crate) fn len(&self) -> usize {
        self.checks.len() + Verdict::MANDATORY.len()
    }

    /// A preview without one PHP file is a mistake; a live app may have none after its first release was taken back.
    pub(crate) fn needs_files(&self) -> bool {
        self.kind == VerdictKind::Preview
    }

    /// Why this check may not be carried out, if so: on the live app a check that writes is never sent.
    pub(crate) fn forbids(&self, check: &Check) -> Option<String> {
        match (&check.act, self.kind) {
            (Act::Http(http), VerdictKind::Smoke)
                if !matches!(http.method, Method::Get | Method::Head) || http.body.is_some() =>
            {
                Some("on the live app only GET and HEAD without a body are allowed".to_owned())
            }
            (Act::Arrange(_), VerdictKind::Smoke) => Some("rows of the live app are never changed".to_owned()),
            _ => None,
        }
    }

    /// The ids of the criteria that no check of this list shows. What only arranges shows nothing.
    pub(crate) fn unshown(&self, criteria: &[Criterion]) -> Vec<String> {
        let showing = self.checks.iter().filter(|check| !check.act.arranges());
        let shown: HashSet<_> = showing.filter_map(|check| check.criterion.as_deref()).collect();
        criteria.iter().map(|criterion| &criterion.id).filter(|id| !shown.contains(id.as_str())).cloned().collect()
    }
}

fn first_page() -> Check {
    let expect = HttpExpect { status: (200..500).collect(), ..HttpExpect::default() };
    Check {
        id: "first-page".to_owned(),
        title: "The app answers at /".to_owned(),
        criterion: None,
        smoke: true,
        act: Act::Http(HttpCheck {
            method: Method::Get,
            path: "/".to_owned(),
            headers: BTreeMap::new(),
            body: None,
            jar: None,
            expect,
            capture: BTreeMap::new(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str, smoke: bool, method: Method) -> Check {
        let mut check = Check { id: id.to_owned(), smoke, ..first_page() };
        if let Act::Http(http) = &mut check.act {
            http.method = method;
        }
        check
    }

    #[test]
    fn the_runners_own_ids_and_twins_are_refused() {
        for id in Verdict::MANDATORY {
            let list = Checklist::new(VerdictKind::Smoke, vec![check(id, false, Method::Get)]);
            assert_eq!(list.expect_err(id), BadChecklist::Reserved(id.to_owned()));
        }
        let twins = vec![check("a", false, Method::Get), check("a", true, Method::Get)];
        assert_eq!(
            Checklist::new(VerdictKind::Preview, twins).expect_err("twins"),
            BadChecklist::Twice("a".to_owned())
        );
    }

    #[test]
    fn too_many_or_none_make_no_run() {
        let many = (0..=Check::MOST).map(|n| check(&n.to_string(), false, Method::Get)).collect();
        assert_eq!(
            Checklist::new(VerdictKind::Preview, many).expect_err("many"),
            BadChecklist::TooMany(Check::MOST + 1)
        );
        assert_eq!(Checklist::new(VerdictKind::Preview, vec![]).expect_err("none"), BadChecklist::Empty);
    }

    #[test]
    fn the_live_app_is_only_read() {
        let proposed = vec![
            check("write", false, Method::Post),
            check("liar", true, Method::Post),
            check("read", true, Method::Get),
        ];
        let list = Checklist::new(VerdictKind::Smoke, proposed).expect("a list");
        let ids: Vec<_> = list.checks().iter().map(|check| check.id.as_str()).collect();
        assert_eq!(ids, ["liar", "read"]);
        assert!(list.forbids(&list.checks()[0]).is_some());
        assert_eq!(list.forbids(&list.checks()[1]), None);
    }

    #[test]
    fn without_a_reading_check_the_first_page_is_asked_for() {
        let list = Checklist::new(VerdictKind::Smoke, vec![check("write", false, Method::Post)]).expect("a list");
        assert_eq!(list.checks().iter().map(|check| check.id.as_str()).collect::<Vec<_>>(), ["first-page"]);
    }
}
