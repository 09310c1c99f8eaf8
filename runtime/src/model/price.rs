use protocol::chat::Tokens;
use std::{collections::BTreeMap, str::FromStr};

/// What models cost: US dollars for a million tokens, in and out, by the name of the model as the setting has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Prices(BTreeMap<String, (f64, f64)>);

impl Prices {
    /// Millionths of a US dollar, rounded up; nothing when there is no price for the model.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "tokens by dollars"
    )]
    pub(super) fn of(&self, model: &str, tokens: Tokens) -> Option<u64> {
        let (input, output) = self.0.get(model)?;
        // A dollar for a million tokens is a millionth of a dollar for one.
        Some((tokens.input as f64 * input + tokens.output as f64 * output).ceil() as u64)
    }
}

/// Why a text is no list of prices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("prices are `MODEL=IN/OUT` with commas between, in US dollars for a million tokens")]
pub(super) struct BadPrices;

impl FromStr for Prices {
    type Err = BadPrices;

    fn from_str(text: &str) -> Result<Self, BadPrices> {
        let amount = |text: &str| text.trim().parse().ok().filter(|amount: &f64| amount.is_finite() && *amount >= 0.0);
        let one = |text: &str| {
            let (model, prices) = text.rsplit_once('=')?;
            let (input, output) = prices.split_once('/')?;
            Some((model.trim().to_owned(), (amount(input)?, amount(output)?)))
        };
        let parts = text.split(',').filter(|part| !part.trim().is_empty());
        parts.map(|part| one(part).ok_or(BadPrices)).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_rounded_up_and_never_guessed() {
        let prices: Prices = "openai:gpt-5=1.25/10, ollama:qwen3:8b=0/0".parse().expect("prices");
        let tokens = |input, output| Tokens { input, output, micro_usd: None };
        assert_eq!(prices.of("openai:gpt-5", tokens(1_000_000, 100_000)), Some(2_250_000));
        assert_eq!(prices.of("openai:gpt-5", tokens(1, 0)), Some(2));
        assert_eq!(prices.of("ollama:qwen3:8b", tokens(5, 5)), Some(0));
        assert_eq!(prices.of("openai:gpt-4", tokens(1, 1)), None);
        for wrong in ["gpt-5", "a=1", "a=1/x", "a=-1/2"] {
            assert_eq!(wrong.parse::<Prices>(), Err(BadPrices), "{wrong}");
        }
    }
}
