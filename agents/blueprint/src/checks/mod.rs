//! How a generated app is shown to be right: every endpoint, every rule, the rows, the keys, the pages.

mod held;
mod http;
mod lists;
mod pages;
mod part;
mod rows;
mod rules;
mod subject;
mod value;

use crate::criterion::Criterion;
use part::{get, html};
use protocol::artifact::{Act, Check, Design, LogCheck};
use rules::Rules;
use subject::Subject;

/// What must hold of an app that was built from this design. Rows that the checks make are removed again, and their values
/// are new in every run, so the app may hold data.
#[must_use]
pub fn checks(design: &Design) -> Vec<Check> {
    let subjects = Subject::all(design);
    let names: Vec<&str> = subjects.iter().map(Subject::name).collect();
    let mut rules = Rules::default();
    let mut checks: Vec<Check> =
        Criterion::Pages.shown_by([html("index", "The front page links every resource", "/", &names)]).collect();
    for subject in &subjects {
        checks.extend(Criterion::Rows.shown_by(rows::made(subject)));
        checks.extend(Criterion::Cache.shown_by(lists::cached(subject, &design.cache)));
        checks.extend(Criterion::Lists.shown_by(lists::found(subject)));
        checks.extend(Criterion::Refusals.shown_by(rules.refuse(subject)));
        checks.extend(Criterion::Rows.shown_by(rows::changed(subject)));
        checks.extend(Criterion::Http.shown_by(http::spoken(subject)));
        checks.extend(Criterion::Pages.shown_by(pages::shown(subject)));
    }
    checks.extend(Criterion::Refusals.shown_by(held::kept(&subjects)));
    for subject in subjects.iter().rev() {
        checks.extend(Criterion::Rows.shown_by(rows::deleted(subject)));
    }
    checks.extend(Criterion::Http.shown_by([get("nothing-else", "Nothing else is served", "/no-such-page", 404)]));
    checks.push(Check {
        id: "log".to_owned(),
        title: "PHP reports no unhandled error".to_owned(),
        criterion: None,
        smoke: true,
        act: Act::Log(LogCheck { lacks: "(?i)uncaught|unhandled".to_owned() }),
    });
    checks
}

#[cfg(test)]
mod tests;
