use super::work::Part;
use protocol::{JobId, task::ModelUsage, tools::thinking::Allowance};
use serde::{Deserialize, Serialize};

/// Who did which part of a task, and what it took of language models. A part of the checkpoint: what a crash undoes is
/// looked up again, and nothing is counted twice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    /// What the Planner itself used.
    pub(super) own: Vec<ModelUsage>,
    /// The parts that have ended, in their order.
    pub(super) parts: Vec<Ended>,
}

/// A part that has ended, well or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ended {
    /// Which.
    pub(crate) part: Part,
    /// The round of build and verify; 0 before the first.
    pub(crate) attempt: u32,
    /// The peer's job.
    pub(crate) job: JobId,
    /// What it used.
    pub(super) used: Vec<ModelUsage>,
}

impl Ledger {
    /// Takes down a part that has ended; once, however often it is told.
    pub(super) fn note(&mut self, ended: Ended) {
        self.parts.retain(|known| known.job != ended.job);
        self.parts.push(ended);
    }

    /// How often a part of a round has ended.
    pub(super) fn ended(&self, part: Part, attempt: u32) -> u32 {
        count(&self.parts, part, attempt)
    }

    /// The parts that have ended, each with how often the same part of the same round had before it.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&Ended, u32)> {
        let before = |place: usize, ended: &Ended| count(&self.parts[..place], ended.part, ended.attempt);
        self.parts.iter().enumerate().map(move |(place, ended)| (ended, before(place, ended)))
    }

    /// What was used, by agent and model, in the order of first use.
    pub(crate) fn models(&self) -> Vec<ModelUsage> {
        let mut sums: Vec<ModelUsage> = Vec::new();
        for used in self.own.iter().chain(self.parts.iter().flat_map(|ended| &ended.used)) {
            match sums.iter_mut().find(|sum| sum.agent == used.agent && sum.model == used.model) {
                Some(sum) => {
                    sum.calls = sum.calls.saturating_add(used.calls);
                    sum.tokens_in = sum.tokens_in.saturating_add(used.tokens_in);
                    sum.tokens_out = sum.tokens_out.saturating_add(used.tokens_out);
                    sum.cost_usd = sum.cost_usd.zip(used.cost_usd).map(|(one, other)| one + other);
                }
                None => sums.push(used.clone()),
            }
        }
        sums
    }

    /// Tokens, in and out together.
    pub(crate) fn tokens(&self) -> u64 {
        self.models().iter().map(tokens).fold(0, u64::saturating_add)
    }

    /// US dollars; nothing when no model was used, or one without a price.
    pub(crate) fn cost_usd(&self) -> Option<f64> {
        let models = self.models();
        if models.is_empty() { None } else { models.iter().map(|used| used.cost_usd).sum() }
    }

    /// What is left of this. What nobody knows the price of leaves no dollar.
    pub(super) fn left_of(&self, allowance: Allowance) -> Allowance {
        let spent = if self.models().is_empty() { Some(0) } else { self.cost_usd().map(micro_usd) };
        Allowance {
            tokens: allowance.tokens.saturating_sub(self.tokens()),
            micro_usd: allowance.micro_usd.map(|limit| spent.map_or(0, |spent| limit.saturating_sub(spent))),
        }
    }

    /// What was spent on what, for people; nothing when nothing was.
    pub(super) fn told(&self) -> Option<String> {
        let tell = |used: &ModelUsage| {
            let cost = used.cost_usd.map_or("price unknown".to_owned(), |cost| format!("{cost:.4} USD"));
            format!("{} {} tokens of {} in {} calls ({cost})", used.agent, tokens(used), used.model, used.calls)
        };
        let told: Vec<_> = self.models().iter().map(tell).collect();
        (!told.is_empty()).then(|| format!("spent so far: {}", told.join(", ")))
    }
}

fn count(parts: &[Ended], part: Part, attempt: u32) -> u32 {
    let ended = parts.iter().filter(|ended| ended.part == part && ended.attempt == attempt).count();
    u32::try_from(ended).unwrap_or(u32::MAX)
}

/// Millionths of a US dollar.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a budget of dollars is small and not negative"
)]
pub(super) fn micro_usd(usd: f64) -> u64 {
    (usd * 1e6).round() as u64
}

fn tokens(used: &ModelUsage) -> u64 {
    used.tokens_in.saturating_add(used.tokens_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(agent: &str, model: &str, tokens: u64, cost_usd: Option<f64>) -> ModelUsage {
        let (agent, model) = (agent.to_owned(), model.to_owned());
        ModelUsage { agent, model, calls: 1, tokens_in: tokens, tokens_out: 10, cost_usd }
    }

    fn ended(job: JobId, used: ModelUsage) -> Ended {
        Ended { part: Part::Build, attempt: 1, job, used: vec![used] }
    }

    #[test]
    fn what_is_left_is_what_nobody_used() {
        let allowance = Allowance { tokens: 1_000, micro_usd: Some(2_000_000) };
        let mut ledger = Ledger::default();
        assert_eq!((ledger.left_of(allowance), ledger.told()), (allowance, None));
        ledger.own = vec![used("planner", "a", 90, Some(0.5))];
        let job = JobId::fresh();
        ledger.note(ended(job, used("coder", "a", 190, Some(0.25))));
        ledger.note(ended(job, used("coder", "a", 190, Some(0.25))));
        ledger.note(ended(JobId::fresh(), used("coder", "a", 90, Some(0.25))));
        assert_eq!(ledger.left_of(allowance), Allowance { tokens: 600, micro_usd: Some(1_000_000) });
        assert_eq!((ledger.tokens(), ledger.cost_usd()), (400, Some(1.0)));
        let told = ledger.told().expect("something was spent");
        assert_eq!(
            told,
            "spent so far: planner 100 tokens of a in 1 calls (0.5000 USD), coder 300 tokens of a in 2 calls (0.5000 USD)"
        );
    }

    #[test]
    fn a_part_that_a_round_did_twice_is_counted() {
        let mut ledger = Ledger::default();
        let ended = |part, attempt| Ended { part, attempt, job: JobId::fresh(), used: vec![] };
        for (part, attempt) in
            [(Part::Build, 1), (Part::Verify, 1), (Part::Build, 2), (Part::Verify, 2), (Part::Verify, 2)]
        {
            ledger.note(ended(part, attempt));
        }
        assert_eq!(ledger.parts().map(|(_, again)| again).collect::<Vec<_>>(), [0, 0, 0, 0, 1]);
        assert_eq!((ledger.ended(Part::Verify, 2), ledger.ended(Part::Verify, 3)), (2, 0));
    }

    #[test]
    fn what_has_no_price_leaves_no_dollar() {
        let mut ledger = Ledger::default();
        ledger.note(ended(JobId::fresh(), used("coder", "a", 0, None)));
        let allowance = Allowance { tokens: 5, micro_usd: Some(1) };
        assert_eq!(ledger.left_of(allowance), Allowance { tokens: 0, micro_usd: Some(0) });
        assert_eq!(ledger.left_of(Allowance { tokens: 50, micro_usd: None }).micro_usd, None);
        assert_eq!(ledger.cost_usd(), None);
    }
}
