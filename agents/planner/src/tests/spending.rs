//! What a task may spend on language models, and what it says it has.

use super::harness::Harness;
use protocol::{
    Code,
    task::{ModelUsage, Status},
    tools::thinking::Allowance,
};
use serde_json::json;

/// What an agent used in one part.
pub(super) fn used(agent: &str, tokens: u64, cost_usd: Option<f64>) -> ModelUsage {
    let (agent, model) = (agent.to_owned(), "openai:gpt-5".to_owned());
    ModelUsage { agent, model, calls: 1, tokens_in: tokens - 1, tokens_out: 1, cost_usd }
}

#[tokio::test]
async fn each_part_may_use_what_the_parts_before_it_left() {
    let harness = Harness::start().await;
    {
        let mut state = harness.world.state();
        state.previews_green = [false, true].into();
        state.used = [
            ("design", used("architect", 100, Some(0.25))),
            ("build", used("coder", 1_000, Some(0.5))),
            ("verify", used("tester", 10, Some(0.125))),
        ]
        .into();
    }
    let budget = json!({"tokens": 10_000, "cost_usd": 3.0});
    let task = harness.submit("posts(title:string!)", json!({ "budget": budget })).await;
    let task = harness.ended(task.id).await;
    assert_eq!(task.status, Status::Succeeded, "{task:#?}");
    let left = |tokens, micro_usd| Allowance { tokens, micro_usd: Some(micro_usd) };
    assert_eq!(
        harness.world.state().allowed,
        [
            ("design", left(10_000, 3_000_000)),
            ("build", left(9_900, 2_750_000)),
            ("verify", left(8_900, 2_250_000)),
            ("build", left(8_890, 2_125_000)),
            ("verify", left(7_890, 1_625_000)),
            ("smoke", left(7_880, 1_500_000)),
        ]
    );
    assert_eq!((task.usage.tokens, task.usage.cost_usd), (2_120, Some(1.5)));
    let models: Vec<_> = task.usage.models.iter().map(|one| (one.agent.as_str(), one.calls, one.cost_usd)).collect();
    assert_eq!(models, [("architect", 1, Some(0.25)), ("coder", 2, Some(1.0)), ("tester", 2, Some(0.25))]);
}

#[tokio::test]
async fn a_part_that_would_overspend_says_what_was_spent_on_what() {
    let harness = Harness::start().await;
    {
        let mut state = harness.world.state();
        state.used = [("design", used("architect", 100, None)), ("build", used("coder", 900, Some(0.5)))].into();
        state.failing.insert("build", Code::BudgetExhausted.problem("the next call would take 200 tokens"));
    }
    let task = harness.submit("posts(title:string!)", json!({"budget": {"tokens": 1_000}})).await;
    let task = harness.ended(task.id).await;
    let error = task.error.expect("a reason");
    assert_eq!(error.code, Code::BudgetExhausted);
    assert_eq!(
        error.detail,
        "the next call would take 200 tokens; spent so far: architect 100 tokens of openai:gpt-5 in 1 calls (price unknown), \
         coder 900 tokens of openai:gpt-5 in 1 calls (0.5000 USD)"
    );
    assert_eq!((task.usage.tokens, task.usage.cost_usd), (1_000, None));
}

#[tokio::test]
async fn what_a_cancelled_part_used_counts() {
    let harness = Harness::start().await;
    harness.world.state().used.insert("build", used("coder", 500, None));
    harness.world.hold("build");
    let task = harness.submit("posts(title:string!)", json!({})).await;
    harness.ran("build", 1).await;
    harness.act(task.id, "cancel").await.expect("cancelled");
    let task = harness.ended(task.id).await;
    assert_eq!((task.status, task.usage.tokens), (Status::Cancelled, 500));
}

/// Nothing is spent on what nobody knows is left; and nothing is counted twice.
#[tokio::test]
async fn a_task_does_not_go_on_before_it_knows_what_was_used() {
    let harness = Harness::start().await;
    {
        let mut state = harness.world.state();
        state.used.insert("design", used("architect", 100, None));
        state.usage_failing = Some(Code::StoreUnavailable.problem("not now"));
    }
    let task = harness.submit("posts(title:string!)", json!({"budget": {"tokens": 1_000}})).await;
    let task = harness.ended(task.id).await;
    assert_eq!((task.status, task.usage.tokens, harness.world.runs("design")), (Status::Succeeded, 100, 1));
    assert_eq!(harness.world.state().allowed[1], ("build", Allowance { tokens: 900, micro_usd: None }));
}
