use super::ledger::micro_usd;
use protocol::{
    AppName, Code, Problem, Timestamp,
    pipeline::Terms,
    rest::SubmitTask,
    task::{Approval, Budget},
    tools::{
        planner::{ImportAppInput, RollbackAppInput},
        thinking::Allowance,
    },
};
use std::{collections::BTreeMap, time::Duration};

/// What was ordered, whichever tool it was ordered with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    /// The app.
    pub(crate) app: AppName,
    /// The goal, or what a rollback does in words.
    pub(crate) goal: String,
    /// A person supplied the app as it is.
    pub(super) supplied: bool,
    /// Anything to find it by.
    pub(crate) labels: BTreeMap<String, String>,
    /// What the path depends on.
    pub(super) terms: Terms,
    /// What its parts may spend on language models, all together.
    pub(super) allowance: Allowance,
    /// From leaving the queue, waiting for a person not counted.
    pub(super) time: Duration,
}

impl Order {
    /// The problem of a task whose time is up, given when it left the queue and how long it waited for persons.
    pub(super) fn overdue(&self, started: Timestamp, asked_millis: u64, now: Timestamp) -> Option<Problem> {
        let spent = u64::try_from((now - started).num_milliseconds()).unwrap_or(0).saturating_sub(asked_millis);
        (u128::from(spent) > self.time.as_millis()).then(|| {
            let detail = format!("the task's {} seconds are over; budget.seconds allows more", self.time.as_secs());
            Code::BudgetExhausted.problem(detail)
        })
    }
}

impl From<&SubmitTask> for Order {
    fn from(input: &SubmitTask) -> Self {
        Self {
            app: input.app.clone(),
            goal: input.goal.clone(),
            supplied: false,
            labels: input.labels.clone(),
            terms: Terms { approval: input.approval, attempts: input.budget.attempts },
            allowance: Allowance { tokens: input.budget.tokens, micro_usd: input.budget.cost_usd.map(micro_usd) },
            time: Duration::from_secs(input.budget.seconds),
        }
    }
}

impl From<&RollbackAppInput> for Order {
    fn from(input: &RollbackAppInput) -> Self {
        let goal = match &input.to {
            Some(release) => format!("Return {} to the release {release}", input.app),
            None => format!("Return {} to the release before the live one", input.app),
        };
        let budget = Budget::default();
        Self {
            app: input.app.clone(),
            goal,
            supplied: false,
            labels: BTreeMap::new(),
            // The person who asks for a rollback has approved it by asking.
            terms: Terms { approval: Approval::Auto, attempts: budget.attempts },
            allowance: Allowance::default(),
            time: Duration::from_secs(budget.seconds),
        }
    }
}

impl From<&ImportAppInput> for Order {
    fn from(input: &ImportAppInput) -> Self {
        Self {
            app: input.app.clone(),
            goal: format!("Take over {} as it was supplied", input.app),
            supplied: true,
            labels: BTreeMap::new(),
            // What was supplied is not mended: there is nothing to build a second time.
            terms: Terms { approval: input.approval, attempts: 1 },
            allowance: Allowance::default(),
            time: Duration::from_secs(Budget::default().seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_a_person_costs_no_budget() {
        let order = Order::from(&RollbackAppInput { app: "shop".parse().expect("a name"), to: None });
        let started = Timestamp::UNIX_EPOCH;
        let late = started + Duration::from_secs(4_000);
        assert_eq!(order.overdue(started, 0, late).expect("overdue").code, Code::BudgetExhausted);
        assert_eq!(order.overdue(started, 500_000, late), None);
    }
}
