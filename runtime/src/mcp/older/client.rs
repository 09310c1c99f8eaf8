//! What a client can be asked. It says so when it initializes, and carries it in its session id from then on: there is nothing to
//! look up, so any replica knows it, and it outlives them all. Nobody has to believe it more than the client itself. No tool of ours asks for a
//! sample of a model; the protocol's conformance suite brings one that does.

use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What it can be asked for, by the name that it has in a session id and the capability that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Client {
    forms: bool,
    sampling: bool,
}

impl Client {
    /// The client that said this of itself.
    pub(super) fn that_said(capabilities: &Value) -> Self {
        let elicitation = &capabilities["elicitation"];
        Self {
            // Without a mode, it means forms.
            forms: elicitation.is_object() && (elicitation["form"].is_object() || !elicitation["url"].is_object()),
            sampling: capabilities["sampling"].is_object(),
        }
    }

    /// The client whose request this is, if it said that it can be asked.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let (_, words) = headers.get(super::SESSION)?.to_str().ok()?.split_once('.')?;
        let says = |word: &str| words.split('.').any(|it| it == word);
        Some(Self { forms: says("forms"), sampling: says("sampling") }).filter(Self::can_be_asked)
    }

    pub(super) fn can_be_asked(&self) -> bool {
        self.forms || self.sampling
    }

    /// `0d3c....forms.sampling`
    pub(super) fn session_id(&self) -> HeaderValue {
        let words = [("forms", self.forms), ("sampling", self.sampling)];
        let words = words.into_iter().filter(|(_, can)| *can).map(|(word, _)| format!(".{word}"));
        let id: String = [Uuid::new_v4().to_string()].into_iter().chain(words).collect();
        HeaderValue::try_from(id).expect("it is ASCII")
    }

    /// As today's clients say it, with every request.
    pub(super) fn capabilities(&self) -> Value {
        let said =
            [("elicitation", self.forms.then(|| json!({"form": {}}))), ("sampling", self.sampling.then(|| json!({})))];
        said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Map<_, _>>().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(client: Client) -> Option<Client> {
        Client::of(&HeaderMap::from_iter([(super::super::SESSION.parse().expect("a name"), client.session_id())]))
    }

    #[test]
    fn what_a_client_said_comes_back_with_its_session() {
        for (said, capabilities) in [
            (json!({"elicitation": {}}), json!({"elicitation": {"form": {}}})),
            (json!({"elicitation": {"form": {}, "url": {}}}), json!({"elicitation": {"form": {}}})),
            (json!({"sampling": {}, "roots": {"listChanged": true}}), json!({"sampling": {}})),
        ] {
            let client = Client::that_said(&said);
            assert_eq!(back(client), Some(client), "{said}");
            assert_eq!(client.capabilities(), capabilities, "{said}");
        }
    }

    #[test]
    fn who_can_be_asked_nothing_is_asked_nothing() {
        for said in [
            json!(null),
            json!({}),
            json!({"roots": {}}),
            json!({"elicitation": {"url": {}}}),
            json!({"elicitation": true}),
        ] {
            assert_eq!(back(Client::that_said(&said)), None, "{said}");
        }
        for id in ["", "forms", ".", "0d3c.", "0d3c.all"] {
            let headers =
                HeaderMap::from_iter([(super::super::SESSION.parse().expect("a name"), id.parse().expect("a value"))]);
            assert_eq!(Client::of(&headers), None, "{id}");
        }
    }
}
