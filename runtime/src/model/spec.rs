use std::{fmt, path::PathBuf, str::FromStr};

/// Whom an agent asks, as a setting says it.
///
/// ```
/// use runtime::model::ModelChoice;
/// assert_eq!("blueprint".parse(), Ok(ModelChoice::Blueprint));
/// let choice: ModelChoice = "openai:qwen3@https://gateway.example/v1, anthropic:claude-sonnet-4-5".parse().unwrap();
/// let ModelChoice::Wire(models) = choice else { panic!() };
/// assert_eq!(models[0].url.as_deref(), Some("https://gateway.example/v1"));
/// assert_eq!(models[1].to_string(), "anthropic:claude-sonnet-4-5");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelChoice {
    /// `blueprint`: the offline engine, no model at all.
    Blueprint,
    /// `tape:FILE`: what was heard in an earlier run; `tape:DIRECTORY`: in any of these, by the goal.
    Tape(PathBuf),
    /// `PROVIDER:MODEL[@URL]`, several with commas between: each is asked when the one before it does not answer.
    Wire(Vec<ModelSpec>),
}

/// One language model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelSpec {
    /// How it is spoken to.
    pub provider: Provider,
    /// Its name there.
    pub model: String,
    /// Where it answers, when that is not the provider's own address: up to and with the version, as in `https://host/v1`.
    pub url: Option<String>,
}

/// How a model is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// `openai`: chat completions, as `OpenAI`, vLLM, llama.cpp, `LiteLLM` and many others speak them.
    OpenAi,
    /// `responses`: `OpenAI`'s responses.
    Responses,
    /// `anthropic`: messages.
    Anthropic,
    /// `ollama`: its own chat.
    Ollama,
}

impl Provider {
    const ALL: [Self; 4] = [Self::OpenAi, Self::Responses, Self::Anthropic, Self::Ollama];

    /// The word in a setting.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Responses => "responses",
            Self::Anthropic => "anthropic",
            Self::Ollama => "ollama",
        }
    }
}

/// Why a text names no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadModel {
    /// No such provider, or none at all.
    #[error(
        "a model is `blueprint`, `tape:FILE` or `PROVIDER:MODEL[@URL]`; providers are openai, responses, anthropic, ollama"
    )]
    Provider,
    /// `openai:` and nothing more.
    #[error("the model's name is missing after the colon")]
    Name,
    /// What follows `@` is no address.
    #[error("what follows @ is not an http or https URL")]
    Url,
}

impl FromStr for ModelChoice {
    type Err = BadModel;

    fn from_str(text: &str) -> Result<Self, BadModel> {
        let text = text.trim();
        if text == "blueprint" {
            return Ok(Self::Blueprint);
        }
        if let Some(file) = text.strip_prefix("tape:") {
            return if file.is_empty() { Err(BadModel::Name) } else { Ok(Self::Tape(file.into())) };
        }
        text.split(',').map(|one| one.trim().parse()).collect::<Result<_, _>>().map(Self::Wire)
    }
}

impl FromStr for ModelSpec {
    type Err = BadModel;

    fn from_str(text: &str) -> Result<Self, BadModel> {
        let (provider, rest) = text.split_once(':').ok_or(BadModel::Provider)?;
        let provider = Provider::ALL.into_iter().find(|known| known.as_str() == provider).ok_or(BadModel::Provider)?;
        let (model, url) = match rest.rsplit_once('@') {
            Some((model, url)) => (model, Some(url.trim_end_matches('/').to_owned())),
            None => (rest, None),
        };
        if model.is_empty() {
            return Err(BadModel::Name);
        }
        let is_address = |url: &String| {
            url.parse::<http::Uri>().is_ok_and(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
            })
        };
        if url.as_ref().is_some_and(|url| !is_address(url)) {
            return Err(BadModel::Url);
        }
        Ok(Self { provider, model: model.to_owned(), url })
    }
}

/// As in a setting, without the address.
impl fmt::Display for ModelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.provider.as_str(), self.model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_model_says_why() {
        for (text, why) in [
            ("gpt-5", BadModel::Provider),
            ("azure:gpt-5", BadModel::Provider),
            ("openai:", BadModel::Name),
            ("tape:", BadModel::Name),
            ("openai:x@localhost:80", BadModel::Url),
            // Secrets don't belong into addresses, which are told and logged.
            ("openai:x@https://user:secret@host/v1", BadModel::Url),
            ("openai:x, ", BadModel::Provider),
        ] {
            assert_eq!(text.parse::<ModelChoice>(), Err(why), "{text}");
        }
    }

    #[test]
    fn a_models_name_may_have_any_sign() {
        let model: ModelSpec = "openai:@cf/meta/llama-4:free@http://gateway:4000/v1/".parse().expect("a model");
        assert_eq!(
            (model.model.as_str(), model.url.as_deref()),
            ("@cf/meta/llama-4:free", Some("http://gateway:4000/v1"))
        );
    }
}
