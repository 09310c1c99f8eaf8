//! What jobs ask people: a form, bound to exactly what is asked.

use super::{JobRecord, Resolution};
use protocol::{Code, Digest, Problem};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// What a job asks a person, with all that must be known to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What it is about, in a word: `approval`.
    pub kind: &'static str,
    /// Exactly what is asked, this time. An answer is one to this and to nothing else: when the change, or the question, becomes
    /// another, so does this.
    pub id: Digest,
    /// What the person reads.
    pub message: String,
    /// What the person fills in.
    pub fields: Vec<Field>,
    /// How to answer without the form, in a sentence that names tools and addresses.
    pub elsewhere: String,
    /// The page of this service where it can be answered, from `/` on.
    pub page: Option<String>,
}

/// One entry of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name in the answer.
    pub name: String,
    /// What stands before it.
    pub title: String,
    /// An answer without it is none.
    pub required: bool,
    /// What may be entered.
    pub takes: Takes,
}

/// What may be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Takes {
    /// One of these words, each with what it means.
    Choice(Vec<(&'static str, &'static str)>),
    /// Words, at most so many characters.
    Text(u32),
}

/// What a person did with a form. (Who only closed it has said nothing.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Filled it in; every required field is there, and every value may be entered.
    Filled(Map<String, Value>),
    /// Said that they do not want to.
    Declined,
}

/// What became of a reply.
#[derive(Debug, Clone, PartialEq)]
pub enum Replied {
    /// The job goes on by it.
    Taken(JobRecord),
    /// It decides nothing: the job asks as before.
    Undecided(JobRecord),
}

/// The field that says whether an act that is in doubt took place.
const OUTCOME: &str = "outcome";
const HAPPENED: &str = "happened";
const NOT_HAPPENED: &str = "not_happened";

impl Question {
    /// The kind of a question whether an act took place.
    pub const IN_DOUBT: &'static str = "in-doubt";

    /// Whether an act took place that nobody can tell about. `about` is what makes it this doubt and no other.
    #[must_use]
    pub fn in_doubt(about: &impl Serialize, reason: &str) -> Self {
        Self {
            kind: Self::IN_DOUBT,
            id: Digest::of(&(about, reason)),
            message: format!("{reason}\n\nLook before you answer: what happened twice can do harm."),
            fields: vec![Field {
                name: OUTCOME.to_owned(),
                title: "Did it happen?".to_owned(),
                required: true,
                takes: Takes::Choice(vec![
                    (NOT_HAPPENED, "It did not happen: do it again"),
                    (HAPPENED, "It happened, or may have: do not do it again, and end the job"),
                ]),
            }],
            elsewhere: "Answer with the tool resolve_job.".to_owned(),
            page: None,
        }
    }

    /// The same, with other ways to answer it.
    #[must_use]
    pub fn answered(mut self, elsewhere: impl Into<String>, page: Option<String>) -> Self {
        (self.elsewhere, self.page) = (elsewhere.into(), page);
        self
    }

    /// Its name among all questions that a job ever asks.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}-{}", self.kind, self.id.short())
    }

    /// A filled-in form, if it can be taken; `None` when something is missing that must be there. Of fields that are not asked for
    /// nothing is kept.
    ///
    /// # Errors
    /// [`Code::BadRequest`], naming the field whose value may not be entered.
    pub fn read(&self, content: &Map<String, Value>) -> Result<Option<Map<String, Value>>, Problem> {
        let mut filled = Map::new();
        for field in &self.fields {
            match content.get(&field.name).filter(|value| !is_blank(value)) {
                Some(value) => {
                    field.check(value)?;
                    filled.insert(field.name.clone(), value.clone());
                }
                None if field.required => return Ok(None),
                None => {}
            }
        }
        Ok(Some(filled))
    }
}

impl Field {
    fn check(&self, value: &Value) -> Result<(), Problem> {
        let wrong = |what: String| Err(Code::BadRequest.problem(format!("{}: {what}", self.name)));
        match (&self.takes, value.as_str()) {
            (Takes::Choice(words), Some(word)) if words.iter().any(|(known, _)| *known == word) => Ok(()),
            (Takes::Choice(words), _) => {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                wrong(format!("one of {}", words.join(", ")))
            }
            (Takes::Text(longest), Some(text)) if text.chars().count() <= *longest as usize => Ok(()),
            (Takes::Text(longest), _) => wrong(format!("a text of at most {longest} characters")),
        }
    }
}

impl Reply {
    /// What was entered in a field.
    ///
    /// # Errors
    /// [`Code::BadRequest`] when it has another form.
    pub fn field<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Problem> {
        match self {
            Self::Declined => Ok(None),
            Self::Filled(fields) => fields.get(name).map(crate::decode::value).transpose(),
        }
    }

    /// What is to become of an act that is in doubt ([`Question::in_doubt`]); `None` of one who did not say.
    ///
    /// # Errors
    /// [`Code::BadRequest`].
    pub fn resolution(&self) -> Result<Option<Resolution>, Problem> {
        let outcome: Option<String> = self.field(OUTCOME)?;
        Ok(outcome.map(|outcome| if outcome == NOT_HAPPENED { Resolution::Again } else { Resolution::GiveUp }))
    }
}

impl Resolution {
    /// The form that says so.
    pub(crate) fn filled(self) -> Map<String, Value> {
        let outcome = match self {
            Self::Again => NOT_HAPPENED,
            Self::GiveUp => HAPPENED,
        };
        Map::from_iter([(OUTCOME.to_owned(), outcome.into())])
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(content: Value) -> Result<Option<Map<String, Value>>, Problem> {
        Question::in_doubt(&1, "Nobody knows.").read(content.as_object().expect("an object"))
    }

    #[test]
    fn a_form_takes_what_may_be_entered_and_nothing_else() {
        let filled = read(json!({"outcome": "happened", "more": 1})).expect("good").expect("complete");
        assert_eq!(Reply::Filled(filled.clone()).resolution(), Ok(Some(Resolution::GiveUp)));
        assert_eq!(filled.len(), 1);
        assert_eq!(read(json!({})), Ok(None));
        assert_eq!(read(json!({"outcome": " "})), Ok(None));
        for bad in [json!("perhaps"), json!(true), json!(["happened"])] {
            let problem = read(json!({"outcome": bad})).expect_err("no such choice");
            assert_eq!(problem.detail, "outcome: one of not_happened, happened");
        }
    }

    #[test]
    fn another_doubt_is_another_question() {
        let ids = [(1, "a"), (2, "a"), (1, "b")].map(|(about, reason)| Question::in_doubt(&about, reason).key());
        assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2], "{ids:?}");
        assert_eq!(ids[0], Question::in_doubt(&1, "a").key());
    }

    #[test]
    fn a_resolution_fills_in_the_form_that_says_so() {
        for resolution in [Resolution::Again, Resolution::GiveUp] {
            let filled = read(Value::Object(resolution.filled())).expect("good").expect("complete");
            assert_eq!(Reply::Filled(filled).resolution(), Ok(Some(resolution)));
        }
    }
}
