//! Models over HTTP, in their providers' own formats.

use super::{ModelChoice, ModelConfig, Question, Refusal, price::Prices, spec::ModelSpec};
use protocol::{
    Code, Problem,
    chat::{Reply, Tokens},
};

/// Every model of a setting, in the order in which they are asked.
#[derive(Debug)]
pub(super) struct Wire {
    models: Vec<ModelSpec>,
    window: u64,
    longest: u64,
    prices: Prices,
}

impl Wire {
    pub(super) fn new(config: &ModelConfig) -> Result<Self, Problem> {
        let ModelChoice::Wire(models) = &config.choice else {
            return Err(Code::Internal.problem("no model over the wire is chosen"));
        };
        Ok(Self {
            models: models.clone(),
            window: config.window,
            longest: config.longest,
            prices: config.prices.clone(),
        })
    }

    pub(super) async fn ask(&self, _question: &Question<'_>) -> Result<Reply, Refusal> {
        let problem = Code::ModelUnavailable.problem("not there yet");
        Err(Refusal { model: self.first(), problem, again: None, tokens: Tokens::default() })
    }

    pub(super) fn first(&self) -> String {
        self.models.first().map(ToString::to_string).unwrap_or_default()
    }

    pub(super) fn window(&self) -> u64 {
        self.window
    }

    pub(super) fn longest(&self) -> u64 {
        self.longest
    }

    /// What it costs at the dearest of the models.
    pub(super) fn price(&self, tokens: Tokens) -> Option<u64> {
        let costs = self.models.iter().map(|model| self.prices.of(&model.to_string(), tokens));
        costs.collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}
