//! Models over HTTP, in their providers' own formats.

mod answer;
mod failure;
mod line;
mod request;

use super::{ModelChoice, ModelConfig, Question, Refusal, limits::Permit, price::Prices, window};
use failure::Failure;
use line::Line;
use protocol::{
    Code, Problem,
    chat::{Reply, Tokens},
};
use std::time::Duration;

/// Every model of a setting, in the order in which they are asked.
#[derive(Debug)]
pub(super) struct Wire {
    lines: Vec<Line>,
    window: u64,
    longest: u64,
    prices: Prices,
    patience: Duration,
}

/// Leave to call one of them now.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    wire: &'a Wire,
    line: usize,
    permit: Permit,
}

impl Wire {
    pub(super) fn new(config: &ModelConfig) -> Result<Self, Problem> {
        let ModelChoice::Wire(models) = &config.choice else {
            return Err(Code::Internal.problem("no model over the wire is chosen"));
        };
        Ok(Self {
            lines: models.iter().map(|model| Line::new(model, config)).collect::<Result<_, _>>()?,
            window: config.window,
            longest: config.longest,
            prices: config.prices.clone(),
            patience: config.patience,
        })
    }

    /// A place for a call of so many tokens: at the first model, or the one after it when that one can't be called now. Calls of this
    /// turn that came to nothing and were paid for move the beginning on, so that the next model gets its chance.
    ///
    /// # Errors
    /// How long it takes until there may be one.
    pub(super) fn place(&self, failed: usize, tokens: u64) -> Result<Place<'_>, Duration> {
        let mut pause = Duration::MAX;
        for line in self.order(failed) {
            match self.lines[line].limits.enter(tokens) {
                Ok(permit) => return Ok(Place { wire: self, line, permit }),
                Err(longer) => pause = pause.min(longer),
            }
        }
        Err(pause)
    }

    pub(super) fn first(&self) -> String {
        self.lines.first().map(Line::name).unwrap_or_default()
    }

    pub(super) fn window(&self) -> u64 {
        self.window
    }

    pub(super) fn longest(&self) -> u64 {
        self.longest
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// What it costs at the dearest of the models.
    pub(super) fn price(&self, tokens: Tokens) -> Option<u64> {
        let costs = self.lines.iter().map(|line| self.prices.of(&line.name(), tokens));
        costs.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    fn order(&self, first: usize) -> impl Iterator<Item = usize> + use<> {
        let count = self.lines.len();
        (0..count).map(move |next| (first + next) % count)
    }
}

impl Place<'_> {
    /// The model, as the setting names it.
    pub(super) fn model(&self) -> String {
        self.wire.lines[self.line].name()
    }

    /// Asks it, and the others, in turn, while nothing was spent: what a call that came to nothing took is written down before there is
    /// another.
    pub(super) async fn ask(self, question: &Question<'_>) -> Result<Reply, Refusal> {
        let Self { wire, line: first, permit } = self;
        let sent = window::fixed(question.instructions, question.tools, question.form)
            + question.messages.iter().map(window::estimate).sum::<u64>();
        let (mut failures, mut permit) = (Vec::new(), Some(permit));
        for line in wire.order(first).map(|line| &wire.lines[line]) {
            let permit = match permit.take() {
                Some(permit) => Ok(permit),
                None => line.limits.enter(sent.saturating_add(question.longest)),
            };
            let asked = match permit {
                Ok(permit) => line.ask(question, sent, permit).await,
                Err(pause) => Err(Failure::busy(pause)),
            };
            match asked {
                Ok(mut reply) => {
                    reply.model = line.name();
                    reply.tokens.micro_usd = wire.prices.of(&reply.model, reply.tokens);
                    return Ok(reply);
                }
                Err(mut failure) => {
                    failure.tokens.micro_usd = wire.prices.of(&line.name(), failure.tokens);
                    let spent = failure.tokens.total() > 0;
                    tracing::warn!(
                        model.name = line.name(),
                        model.spent_tokens = failure.tokens.total(),
                        why = failure.what,
                        "A language model did not answer"
                    );
                    failures.push((line.name(), failure));
                    if spent {
                        break;
                    }
                }
            }
        }
        Err(refusal(failures))
    }
}

/// What it comes to when no model answers: it may be asked again when one of them may.
fn refusal(failures: Vec<(String, Failure)>) -> Refusal {
    let again = failures.iter().filter_map(|(_, failure)| failure.again).min();
    let detail =
        failures.iter().map(|(model, failure)| format!("{model}: {}", failure.what)).collect::<Vec<_>>().join("; ");
    let (model, last) = failures.into_iter().next_back().unwrap_or_else(|| (String::new(), Failure::nobody()));
    Refusal { model, problem: Box::new(last.code.problem(detail)), again, tokens: last.tokens }
}
