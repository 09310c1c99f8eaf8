use protocol::{
    chat::{Tokens, Try, Turn},
    task::ModelUsage,
};

/// What these turns of this agent took, by model, in the order they were first asked.
#[must_use]
pub fn usage(agent: &str, turns: &[Turn]) -> Vec<ModelUsage> {
    let mut sums: Vec<(ModelUsage, bool, u64)> = Vec::new();
    for (model, tokens) in turns.iter().flat_map(|turn| &turn.tries).map(taken) {
        let at = sums.iter().position(|(sum, ..)| sum.model == model).unwrap_or_else(|| {
            let sum = ModelUsage { agent: agent.to_owned(), model: model.to_owned(), ..ModelUsage::default() };
            sums.push((sum, true, 0));
            sums.len() - 1
        });
        let (sum, priced, micro_usd) = &mut sums[at];
        sum.calls += 1;
        sum.tokens_in = sum.tokens_in.saturating_add(tokens.input);
        sum.tokens_out = sum.tokens_out.saturating_add(tokens.output);
        match tokens.micro_usd {
            Some(more) => *micro_usd = micro_usd.saturating_add(more),
            // A call that took nothing costs nothing, whatever the price.
            None => *priced &= tokens.total() == 0,
        }
    }
    let priced = |(sum, priced, micro_usd): (ModelUsage, bool, u64)| ModelUsage {
        cost_usd: priced.then(|| usd(micro_usd)),
        ..sum
    };
    sums.into_iter().map(priced).collect()
}

/// Counts what one call took.
pub(crate) fn measure(agent: &str, tried: &Try) {
    let (model, tokens) = taken(tried);
    let outcome = match tried {
        Try::Answered(_) => "answered",
        Try::Refused { .. } => "refused",
        Try::Lost { .. } => "lost",
    };
    let labels = [("agent", agent.to_owned()), ("model", model.to_owned())];
    let with = |name: &'static str, value: &'static str| [labels.as_slice(), &[(name, value.to_owned())]].concat();
    metrics::counter!("yonin_model_calls_total", &with("outcome", outcome)).increment(1);
    metrics::counter!("yonin_model_tokens_total", &with("direction", "in")).increment(tokens.input);
    metrics::counter!("yonin_model_tokens_total", &with("direction", "out")).increment(tokens.output);
    if let Some(micro_usd) = tokens.micro_usd {
        metrics::counter!("yonin_model_cost_microdollars_total", &labels).increment(micro_usd);
    }
}

/// All together: tokens, and millionths of a US dollar as far as they are known.
pub(super) fn total<'a>(turns: impl IntoIterator<Item = &'a Turn>) -> Tokens {
    let mut total = Tokens { micro_usd: Some(0), ..Tokens::default() };
    for (_, tokens) in turns.into_iter().flat_map(|turn| &turn.tries).map(taken) {
        total.input = total.input.saturating_add(tokens.input);
        total.output = total.output.saturating_add(tokens.output);
        total.micro_usd =
            total.micro_usd.zip(tokens.micro_usd.or((tokens.total() == 0).then_some(0))).map(|(a, b)| a + b);
    }
    total
}

fn taken(one: &Try) -> (&str, Tokens) {
    match one {
        Try::Answered(reply) => (&reply.model, reply.tokens),
        Try::Refused { model, tokens, .. } | Try::Lost { model, tokens } => (model, *tokens),
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody spends a billion dollars on a task")]
pub(super) fn usd(micro_usd: u64) -> f64 {
    micro_usd as f64 / 1e6
}
