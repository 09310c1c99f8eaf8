//! What jobs ask people, as MCP shows it: a form (an elicitation) to clients that can show one, words to all others.

use crate::{
    Jobs, Principal,
    job::{Field, Question, Reply, Takes},
};
use protocol::{Code, Problem};
use rmcp::{
    RoleServer,
    model::{
        ElicitRequest, ElicitRequestParams, ElicitationSchema, EnumSchema, InputRequest, InputRequests, InputResponses,
        ProtocolVersion,
    },
    service::RequestContext,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Who reads an answer, and what the client of this very request can do.
#[derive(Debug, Clone)]
pub(super) struct Audience {
    pub(super) caller: Principal,
    /// It shows forms, and speaks a protocol in which they are asked for.
    elicits: bool,
    /// The address it reached us at.
    origin: Option<String>,
}

impl Audience {
    pub(super) fn of(caller: Principal, context: &RequestContext<RoleServer>) -> Self {
        // Only what this request says counts: another client may have the same key.
        let capabilities = context.meta.client_capabilities();
        let modern =
            context.meta.protocol_version().is_some_and(|it| it.as_str() >= ProtocolVersion::V_2026_07_28.as_str());
        let elicitation = capabilities.and_then(|capabilities| capabilities.elicitation);
        // Without a mode, it means forms.
        let forms = elicitation.is_some_and(|modes| modes.form.is_some() || modes.url.is_none());
        let parts = context.extensions.get::<http::request::Parts>();
        Self { caller, elicits: modern && forms, origin: parts.and_then(origin) }
    }

    /// Whether this question is put to this client.
    pub(super) fn is_asked(&self, question: &Question) -> bool {
        self.elicits && Jobs::may_decide(&self.caller, question)
    }

    /// Where a client that is not asked finds the place to answer.
    pub(super) fn told(&self, question: &Question) -> String {
        if !Jobs::may_decide(&self.caller, question) {
            return format!("It asks a person ({}), and this key may not answer.", question.kind);
        }
        let page = question.page.as_deref().zip(self.origin.as_deref());
        let page = page.map(|(page, origin)| format!(" Or open {origin}{page} in a browser.")).unwrap_or_default();
        format!("It asks a person:\n\n{}\n\n{}{page}", question.message, question.elsewhere)
    }
}

/// `http://host:port` as the client wrote it; the guard has checked the host.
fn origin(parts: &http::request::Parts) -> Option<String> {
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let host = parts.uri.authority().map(|it| it.as_str()).or_else(|| text("host"))?;
    let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
    Some(format!("{scheme}://{host}"))
}

/// The question as a form.
pub(super) fn form(question: &Question) -> InputRequests {
    let schema = question.fields.iter().fold(ElicitationSchema::builder(), |schema, field| {
        let (name, title) = (field.name.clone(), field.title.clone());
        match &field.takes {
            Takes::Choice(words) if field.required => schema.required_enum_schema(name, choice(field, words)),
            Takes::Choice(words) => schema.optional_enum_schema(name, choice(field, words)),
            Takes::Text(longest) if field.required => {
                schema.required_string_with(name, |text| text.title(title).length(1, *longest))
            }
            Takes::Text(longest) => schema.optional_string_with(name, |text| text.title(title).max_length(*longest)),
        }
    });
    // Every field that is required was added just now.
    let requested_schema = schema.build_unchecked();
    let params =
        ElicitRequestParams::FormElicitationParams { meta: None, message: question.message.clone(), requested_schema };
    InputRequests::from([(question.key(), InputRequest::Elicitation(ElicitRequest::new(params)))])
}

fn choice(field: &Field, words: &[(&'static str, &'static str)]) -> EnumSchema {
    let (values, titles): (Vec<_>, Vec<_>) =
        words.iter().map(|(word, title)| ((*word).to_owned(), (*title).to_owned())).unzip();
    let choice = EnumSchema::builder(values).title(field.title.clone());
    choice.enum_titles(titles).expect("there are as many titles as words").build()
}

/// What a client's answers say to a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// This.
    Reply(Reply),
    /// The person closed the form: nothing is decided, and they may be asked again later.
    Closed,
    /// There is no answer to this question among them, or a part of it is missing.
    Missing,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Accept,
    Decline,
    Cancel,
}

#[derive(Deserialize)]
struct Response {
    action: Action,
    #[serde(default)]
    content: Option<Map<String, Value>>,
}

/// Finds the answer to a question among those that came. Answers to other questions are no business of this one.
///
/// # Errors
/// [`Code::BadRequest`] when it has no form that an answer has.
pub(super) fn heard(question: &Question, responses: &InputResponses) -> Result<Heard, Problem> {
    let Some(response) = responses.get(&question.key()) else { return Ok(Heard::Missing) };
    let response: Response = crate::decode::value(response)?;
    Ok(match response.action {
        Action::Accept => {
            let filled = question.read(&response.content.unwrap_or_default())?;
            filled.map_or(Heard::Missing, |fields| Heard::Reply(Reply::Filled(fields)))
        }
        Action::Decline => Heard::Reply(Reply::Declined),
        Action::Cancel => Heard::Closed,
    })
}

/// The answers of a client that says this.
pub(crate) fn accepted(key: &str, content: Map<String, Value>) -> InputResponses {
    let response = serde_json::json!({"action": "accept", "content": content});
    InputResponses::from([(key.to_owned(), response)])
}

/// A reply that a form lacks, as the caller's own mistake.
pub(super) fn incomplete(question: &Question) -> Problem {
    let needed: Vec<_> =
        question.fields.iter().filter(|field| field.required).map(|field| field.name.as_str()).collect();
    Code::BadRequest.problem(format!("inputResponses.{}.content lacks one of: {}", question.key(), needed.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::{super::answer, *};
    use serde_json::json;

    #[test]
    fn a_form_is_a_flat_object_of_titled_choices_and_texts() {
        let mut question = Question::in_doubt(&1, "Nobody knows whether \u{201c}公開\u{201d} took place.");
        question.fields.push(Field {
            name: "reason".to_owned(),
            title: "Why?".to_owned(),
            required: false,
            takes: Takes::Text(200),
        });
        insta::assert_json_snapshot!(answer::json(&form(&question)));
    }

    #[test]
    fn what_is_closed_or_missing_decides_nothing() {
        let question = Question::in_doubt(&1, "x");
        let hears = |response: Value| heard(&question, &InputResponses::from([(question.key(), response)]));
        assert_eq!(hears(json!({"action": "cancel"})), Ok(Heard::Closed));
        assert_eq!(hears(json!({"action": "decline"})), Ok(Heard::Reply(Reply::Declined)));
        assert_eq!(hears(json!({"action": "accept"})), Ok(Heard::Missing));
        assert_eq!(heard(&question, &InputResponses::from([("other".to_owned(), json!(1))])), Ok(Heard::Missing));
        for bad in [json!({"action": "agree"}), json!("accept"), json!({"action": "accept", "content": []})] {
            assert_eq!(hears(bad.clone()).expect_err("no answer").code, Code::BadRequest, "{bad}");
        }
    }
}
