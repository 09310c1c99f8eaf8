use super::{ModelChoice, price::Prices, spec::Provider};
use crate::{Credential, config::Reader};
use std::{num::NonZeroU64, time::Duration};

/// What an agent is told of language models by its environment.
///
/// | variable | meaning |
/// |---|---|
/// | `YONIN_MODEL` | whom to ask ([`ModelChoice`]): `blueprint` when it is not set |
/// | `YONIN_PLANNER_MODEL`, `YONIN_ARCHITECT_MODEL`, `YONIN_CODER_MODEL`, `YONIN_TESTER_MODEL` | the same for one agent alone |
/// | `OPENAI_API_KEY`, `ANTHROPIC_API_KEY` | keys of the providers at their own addresses |
/// | `YONIN_MODEL_KEY` | the key for addresses given with `@`; none is sent without it |
/// | `YONIN_MODEL_WINDOW` | tokens that a call may have, its answer included: 128000. Ollama cuts off what is longer than it was told when it was started (`OLLAMA_CONTEXT_LENGTH`) without a word: say the same here |
/// | `YONIN_MODEL_ANSWER` | tokens that an answer may have: 16000 |
/// | `YONIN_MODEL_PRICES` | US dollars for a million tokens, in and out: `openai:gpt-5=1.25/10, anthropic:claude-sonnet-4-5=3/15` |
/// | `YONIN_MODEL_CALLS` | calls under way at the same time, for each provider and process: 8 |
/// | `YONIN_MODEL_TOKENS_PER_MINUTE` | tokens that may be asked for in a minute, for each provider and process; no limit when not set |
/// | `YONIN_MODEL_FIRST_BYTE_SECONDS` | how long an answer may take to begin: 120 |
/// | `YONIN_MODEL_IDLE_SECONDS` | how long it may fall silent: 60 |
/// | `YONIN_MODEL_PATIENCE_SECONDS` | how long a turn waits altogether for models that do not answer, before its task fails: 2700 |
///
/// Each may be given as `NAME_FILE`, the path of a file that holds the value, as secrets are mounted.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// Whom to ask.
    pub choice: ModelChoice,
    pub(super) openai_key: Option<Credential>,
    pub(super) anthropic_key: Option<Credential>,
    pub(super) own_key: Option<Credential>,
    pub(super) window: u64,
    pub(super) longest: u64,
    pub(super) prices: Prices,
    pub(super) calls: usize,
    pub(super) tokens_per_minute: Option<NonZeroU64>,
    pub(super) first_byte: Duration,
    pub(super) idle: Duration,
    pub(super) patience: Duration,
}

impl ModelConfig {
    /// Reads the settings of this agent; mistakes stay in the reader.
    pub fn read(reader: &mut Reader, agent: &str) -> Self {
        let everybody = reader.or("YONIN_MODEL", ModelChoice::Blueprint);
        let seconds = |reader: &mut Reader, name, usual: u64| {
            Duration::from_secs(reader.or(name, NonZeroU64::new(usual).unwrap_or(NonZeroU64::MIN)).get())
        };
        let (window, longest) = (reader.or("YONIN_MODEL_WINDOW", 128_000), reader.or("YONIN_MODEL_ANSWER", 16_000));
        if longest >= window {
            reader.mistake("YONIN_MODEL_ANSWER: an answer must leave room in YONIN_MODEL_WINDOW");
        }
        let config = Self {
            choice: reader.or(&format!("YONIN_{}_MODEL", agent.to_uppercase()), everybody),
            openai_key: key(reader, "OPENAI_API_KEY"),
            anthropic_key: key(reader, "ANTHROPIC_API_KEY"),
            own_key: key(reader, "YONIN_MODEL_KEY"),
            window,
            longest,
            prices: reader.or("YONIN_MODEL_PRICES", Prices::default()),
            calls: reader
                .or("YONIN_MODEL_CALLS", std::num::NonZeroUsize::new(8).unwrap_or(std::num::NonZeroUsize::MIN))
                .get(),
            tokens_per_minute: reader.optional("YONIN_MODEL_TOKENS_PER_MINUTE"),
            first_byte: seconds(reader, "YONIN_MODEL_FIRST_BYTE_SECONDS", 120),
            idle: seconds(reader, "YONIN_MODEL_IDLE_SECONDS", 60),
            patience: seconds(reader, "YONIN_MODEL_PATIENCE_SECONDS", 2_700),
        };
        config.miss_keys(reader);
        config
    }

    /// A provider at its own address does not answer without a key.
    fn miss_keys(&self, reader: &mut Reader) {
        let ModelChoice::Wire(models) = &self.choice else { return };
        for model in models.iter().filter(|model| model.url.is_none()) {
            let name = match model.provider {
                Provider::OpenAi | Provider::Responses => "OPENAI_API_KEY",
                Provider::Anthropic => "ANTHROPIC_API_KEY",
                Provider::Ollama => continue,
            };
            if self.key(model.provider, true).is_none() {
                reader.mistake(format!("{name} is not set, and {model} is to be asked"));
            }
        }
    }

    /// The key for this provider at its own address, or at one that was given.
    pub(super) fn key(&self, provider: Provider, at_own_address: bool) -> Option<&Credential> {
        match provider {
            _ if !at_own_address => self.own_key.as_ref(),
            Provider::OpenAi | Provider::Responses => self.openai_key.as_ref(),
            Provider::Anthropic => self.anthropic_key.as_ref(),
            Provider::Ollama => None,
        }
    }
}

/// A key. One that is empty is none: charts and compose files pass on what is not set as nothing.
fn key(reader: &mut Reader, name: &str) -> Option<Credential> {
    reader.optional::<String>(name).filter(|key| !key.is_empty()).map(Credential::new)
}
