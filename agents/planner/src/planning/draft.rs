use protocol::{
    AppName, TaskId,
    artifact::{Criterion, Plan, PlanStep, Risk},
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::HashSet;

/// What a model says to a goal: a plan, or questions. What a program knows better (ids, the goal's own words) is not in it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub(super) struct Draft {
    /// What the person is asked before there can be a plan, at most 5; then everything else stays empty. Usually empty.
    #[serde(default)]
    questions: Vec<String>,
    /// One sentence for people: what they will get.
    #[serde(default)]
    summary: String,
    /// The work in order, 1 to 20 steps.
    #[serde(default)]
    steps: Vec<PlanStep>,
    /// What must be true at the end, 1 to 20 statements that can be tested from outside.
    #[serde(default)]
    criteria: Vec<Wanted>,
    /// What was taken for granted because the goal does not say.
    #[serde(default)]
    assumptions: Vec<String>,
    /// How much can go wrong.
    #[serde(default)]
    risk: Option<Risk>,
}

/// Something that must be true at the end.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
struct Wanted {
    /// The statement.
    text: String,
    /// The app does not do this yet.
    new: bool,
}

/// A draft that was looked at.
#[derive(Debug, PartialEq)]
pub(super) enum Thought {
    /// It is a plan.
    Plan(Draft),
    /// The person is asked.
    Ask(Vec<String>),
}

/// Questions, steps and criteria at most.
const MOST_QUESTIONS: usize = 5;
const MOST: usize = 20;
/// The longest text, in characters.
const LONGEST: usize = 2_000;

impl Draft {
    /// What the first answer says of an app with a live release, or without one.
    ///
    /// # Errors
    /// Why it cannot be used, in words for the model.
    pub(super) fn first(self, live: bool) -> Result<Thought, String> {
        if self.questions.is_empty() {
            return self.checked(live).map(Thought::Plan);
        }
        if !self.criteria.is_empty() || !self.steps.is_empty() {
            return Err("it asks and plans at the same time. Either plan, with `questions` empty and what you take for granted in \
                        `assumptions`; or ask, with everything else empty."
                .to_owned());
        }
        if self.questions.len() > MOST_QUESTIONS {
            return Err(format!("it has {} questions; at most {MOST_QUESTIONS} are asked.", self.questions.len()));
        }
        self.questions.iter().try_for_each(|question| text("questions", question))?;
        Ok(Thought::Ask(self.questions))
    }

    /// The plan that the answer after the person's must be.
    ///
    /// # Errors
    /// Why it cannot be used, in words for the model.
    pub(super) fn last(self, live: bool) -> Result<Self, String> {
        if !self.questions.is_empty() {
            return Err("the person has answered and is not asked again. Leave `questions` empty, and write what is still open, and \
                        how you settle it, into `assumptions`."
                .to_owned());
        }
        self.checked(live)
    }

    fn checked(self, live: bool) -> Result<Self, String> {
        text("summary", &self.summary)?;
        count("steps", self.steps.len())?;
        for step in &self.steps {
            text("steps: title", &step.title)?;
            text("steps: detail", &step.detail)?;
        }
        count("criteria", self.criteria.len())?;
        let mut known = HashSet::new();
        for criterion in &self.criteria {
            text("criteria", &criterion.text)?;
            if !known.insert(criterion.text.trim()) {
                return Err(format!("two criteria say the same: {:?}.", criterion.text));
            }
        }
        if !live && !self.criteria.iter().any(|criterion| criterion.new) {
            return Err("no criterion is new, and the app has no release yet: nothing works today.".to_owned());
        }
        self.assumptions.iter().try_for_each(|assumption| text("assumptions", assumption))?;
        if self.risk.is_none() {
            return Err("`risk` is missing: low, medium or high.".to_owned());
        }
        Ok(self)
    }

    /// The plan that it is, with ids for its criteria.
    pub(super) fn plan(self, task: TaskId, app: AppName, goal: String) -> Plan {
        let number = |(place, wanted): (usize, Wanted)| Criterion {
            id: format!("c{}", place + 1),
            text: wanted.text.trim().to_owned(),
            new: wanted.new,
        };
        Plan {
            task,
            app,
            goal,
            summary: self.summary,
            steps: self.steps,
            criteria: self.criteria.into_iter().enumerate().map(number).collect(),
            assumptions: self.assumptions,
            // What nobody can tell is not harmless.
            risk: self.risk.unwrap_or(Risk::High),
            supplied: false,
            made_by: None,
        }
    }
}

fn text(what: &str, text: &str) -> Result<(), String> {
    match text.trim().chars().count() {
        0 => Err(format!("`{what}` has an empty text.")),
        1..=LONGEST => Ok(()),
        length => Err(format!("`{what}` has a text of {length} characters; at most {LONGEST} are read.")),
    }
}

fn count(what: &str, count: usize) -> Result<(), String> {
    if (1..=MOST).contains(&count) {
        Ok(())
    } else {
        Err(format!("`{what}` has {count} entries; 1 to {MOST} are needed."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn draft(change: impl FnOnce(&mut Value)) -> Draft {
        let mut value = json!({
            "summary": "A guest book.",
            "steps": [{"title": "Table", "detail": "Add `entries`."}],
            "criteria": [{"text": "GET / lists entries", "new": true}, {"text": "POST / adds one", "new": false}],
            "assumptions": [],
            "risk": "low",
        });
        change(&mut value);
        serde_json::from_value(value).expect("a draft")
    }

    #[test]
    fn criteria_get_their_ids_from_the_program() {
        let Ok(Thought::Plan(draft)) = draft(|_| {}).first(false) else { panic!("no plan") };
        let plan = draft.plan(TaskId::fresh(), "book".parse().expect("a name"), "a book".to_owned());
        let criteria: Vec<_> = plan.criteria.iter().map(|one| (one.id.as_str(), one.new)).collect();
        assert_eq!((criteria, plan.risk), (vec![("c1", true), ("c2", false)], Risk::Low));
    }

    #[test]
    fn what_cannot_be_used_says_what_to_mend() {
        let many =
            |count: usize| (0..count).map(|n| json!({"text": format!("c {n}"), "new": true})).collect::<Vec<_>>();
        let cases: [(&str, Value, &str); 7] = [
            ("summary", json!(" "), "`summary` has an empty text"),
            ("steps", json!([]), "`steps` has 0 entries; 1 to 20"),
            ("criteria", json!([]), "`criteria` has 0 entries"),
            ("criteria", json!(many(21)), "`criteria` has 21 entries"),
            ("criteria", json!([{"text": "a", "new": true}, {"text": "a ", "new": true}]), "say the same"),
            ("criteria", json!([{"text": "a", "new": false}]), "no criterion is new"),
            ("risk", Value::Null, "`risk` is missing"),
        ];
        for (field, value, says) in cases {
            let wrong = draft(|draft| draft[field] = value.clone()).first(false).expect_err("cannot be used");
            assert!(wrong.contains(says), "{field} {value}: {wrong}");
        }
        let old = draft(|draft| draft["criteria"] = json!([{"text": "a", "new": false}]));
        assert!(old.first(true).is_ok(), "what works must go on working");
    }

    #[test]
    fn a_draft_asks_or_plans_and_asks_once() {
        let asks = |questions: Value, plans: bool| {
            draft(|draft| {
                if !plans {
                    *draft = json!({});
                }
                draft["questions"] = questions;
            })
        };
        assert_eq!(asks(json!(["Whose?"]), false).first(true), Ok(Thought::Ask(vec!["Whose?".into()])));
        assert!(asks(json!(["Whose?"]), true).first(true).expect_err("both").contains("asks and plans"));
        assert!(asks(json!(vec!["a"; 6]), false).first(true).expect_err("too many").contains("at most 5"));
        assert!(asks(json!([""]), false).first(true).is_err());
        assert!(asks(json!(["Whose?"]), true).last(true).expect_err("twice").contains("not asked again"));
        assert!(asks(json!([]), true).last(true).is_ok());
    }
}
