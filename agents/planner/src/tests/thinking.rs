//! A Planner that has a language model, which says what is on a tape.

use super::{harness::Harness, world::heard};
use protocol::{
    AppName, Code, TaskId,
    artifact::{Plan, Risk},
    event::What,
    task::{Approval, Question, Stage, Status, Task},
    tools::planner::{ANSWER_TASK, AnswerTaskInput, TaskInput},
};
use runtime::model::{Tape, TapePart};
use serde_json::{Value, json};

pub(super) const GOAL: &str = "A guest book, please.";
const WHOSE: &str = "Who may write into it?";

/// A tape on which the model answers the Planner so, turn by turn.
pub(super) fn answers(answers: &[Value]) -> Tape {
    let app: AppName = "shop".parse().expect("a name");
    let turns = answers.iter().zip(1..).map(|(answer, turn)| heard(turn, &answer.to_string())).collect();
    let part = TapePart { agent: "planner".to_owned(), round: 0, turns };
    Tape { parts: vec![part], ..Tape::of(GOAL.to_owned(), app, Approval::Destructive) }
}

pub(super) fn asks() -> Value {
    json!({"questions": [WHOSE]})
}

pub(super) fn plans() -> Value {
    json!({
        "questions": [],
        "summary": "A guest book that everybody may write into.",
        "steps": [{"title": "Page", "detail": "Add `public/index.php`."}],
        "criteria": [{"text": "GET / lists entries", "new": true}, {"text": "GET /none answers 404", "new": false}],
        "assumptions": ["Entries are never deleted."],
        "risk": "low",
    })
}

async fn plan_of(harness: &Harness, task: &Task) -> Plan {
    harness.get(&format!("/v1/tasks/{}/artifacts/plan", task.id)).await.json().await.expect("a plan")
}

/// How many turns the Planner's model has had, and how many calls that took.
async fn calls(harness: &Harness, id: TaskId) -> (usize, usize) {
    let tape = harness.tape(id).await;
    let turns: Vec<_> = tape.parts.iter().filter(|part| part.agent == "planner").flat_map(|part| &part.turns).collect();
    (turns.len(), turns.iter().map(|turn| turn.tries.len()).sum())
}

#[tokio::test]
async fn a_goal_becomes_a_plan_with_ids_and_a_maker() {
    let harness = Harness::hearing(&answers(&[plans()])).await;
    let task = harness.submit(GOAL, json!({})).await;
    let task = harness.ended(task.id).await;
    assert_eq!(task.status, Status::Succeeded, "{task:#?}");
    let plan = plan_of(&harness, &task).await;
    assert_eq!((plan.goal.as_str(), plan.task, plan.risk), (GOAL, task.id, Risk::Low));
    let criteria: Vec<_> = plan.criteria.iter().map(|one| (one.id.as_str(), one.new)).collect();
    assert_eq!(criteria, [("c1", true), ("c2", false)]);
    let made_by = plan.made_by.expect("a model made it");
    assert!(made_by.model == "openai:gpt-5" && made_by.prompt.starts_with("planner@"), "{made_by:?}");
    let tape = harness.tape(task.id).await;
    let turn = &tape.parts[0].turns[0];
    assert!(turn.instructions.as_ref().is_some_and(|text| text.contains("never an instruction")));
    let said = format!("{:?}", turn.said);
    assert!(said.contains(GOAL) && said.contains("no release yet"), "{said}");
    assert_eq!(task.usage.models[0].agent, "planner");
    assert_eq!((task.usage.tokens, task.usage.models[0].calls, task.usage.cost_usd), (0, 1, Some(0.0)));
}

#[tokio::test]
async fn an_answer_that_is_no_plan_is_mended() {
    let harness = Harness::hearing(&answers(&[json!({"summary": "Yes."}), plans()])).await;
    let task = harness.submit(GOAL, json!({})).await;
    assert_eq!(harness.ended(task.id).await.status, Status::Succeeded);
    let said = format!("{:?}", harness.tape(task.id).await.parts[0].turns[1].said);
    assert!(said.contains("`steps` has 0 entries"), "{said}");
}

#[tokio::test]
async fn what_is_never_a_plan_ends_the_task() {
    let harness = Harness::hearing(&answers(&[json!({}), json!({}), json!({}), json!({})])).await;
    let task = harness.submit(GOAL, json!({})).await;
    let task = harness.ended(task.id).await;
    assert_eq!((task.status, task.stage), (Status::Failed, Stage::Plan));
    assert_eq!(task.error.expect("a reason").code, Code::ModelUnusable);
    assert_eq!(task.usage.models[0].calls, 4);
    assert_eq!(harness.world.runs("design"), 0);
}

#[tokio::test]
async fn a_plan_that_the_budget_does_not_allow_is_not_asked_for() {
    let harness = Harness::hearing(&answers(&[plans()])).await;
    let task = harness.submit(GOAL, json!({"budget": {"tokens": 100}})).await;
    let task = harness.ended(task.id).await;
    assert_eq!(task.error.expect("a reason").code, Code::BudgetExhausted);
    assert_eq!(calls(&harness, task.id).await, (0, 0));
}

#[tokio::test]
async fn a_person_is_asked_once_and_heard_in_the_same_conversation() {
    let mut harness = Harness::hearing(&answers(&[asks(), asks(), plans()])).await;
    let task = harness.submit(GOAL, json!({})).await;
    let task = harness.waiting(task.id).await;
    assert_eq!((task.stage, &task.question), (Stage::Plan, &Some(Question::Clarify { questions: vec![WHOSE.into()] })));
    let refused = harness.act(task.id, "approve").await.expect_err("it wants words");
    assert!(refused.code == Code::NotWaiting && refused.detail.contains("answer in words"), "{refused}");
    assert_eq!(harness.world.runs("design"), 0);
    // A crash while the person thinks costs nothing: what was heard is known.
    harness.stop_planner().await;
    harness.start_planner().await;
    let answered = harness.answer(task.id, "誰でも。").await;
    assert_eq!(answered.question, None);
    let task = harness.ended(task.id).await;
    assert_eq!(task.status, Status::Succeeded, "{task:#?}");
    let tape = harness.tape(task.id).await;
    assert_eq!(tape.answer.as_deref(), Some("誰でも。"));
    let said = |turn: usize| format!("{:?}", tape.parts[0].turns[turn].said);
    assert!(said(1).contains("誰でも。"), "{}", said(1));
    assert!(said(2).contains("not asked again"), "a second round is mended: {}", said(2));
    assert_eq!(calls(&harness, task.id).await, (3, 3), "nothing was asked twice");
    let again = harness.post(&format!("/v1/tasks/{}/answer", task.id), json!({"text": "Me."})).await;
    assert_eq!(again.status(), 409);
    let asked = |what: &What| matches!(what, What::Asked { question: Question::Clarify { .. } });
    let events = harness.events(task.id, 0).await;
    assert_eq!(events.iter().filter(|event| asked(&event.what)).count(), 1);
}

#[tokio::test]
async fn an_answer_comes_over_mcp_too() {
    let harness = Harness::hearing(&answers(&[asks(), plans()])).await;
    let task = harness.submit(GOAL, json!({})).await;
    harness.waiting(task.id).await;
    let mcp = harness.mcp();
    let refused = mcp.call::<_, Task>("approve_task", &TaskInput { id: task.id }).await.expect_err("it wants words");
    assert_eq!(refused.code, Code::NotWaiting);
    let input = AnswerTaskInput { id: task.id, text: "Everybody.".into() };
    let answered: Task = mcp.call(ANSWER_TASK, &input).await.expect("answered");
    assert_eq!(answered.question, None);
    assert_eq!(harness.ended(task.id).await.status, Status::Succeeded);
    assert_eq!(mcp.call::<_, Task>(ANSWER_TASK, &input).await.expect_err("over").code, Code::NotWaiting);
}

#[tokio::test]
async fn who_is_asked_may_give_up() {
    for (verb, ends) in [("reject", Status::Failed), ("cancel", Status::Cancelled)] {
        let harness = Harness::hearing(&answers(&[asks()])).await;
        let task = harness.submit(GOAL, json!({})).await;
        harness.waiting(task.id).await;
        harness.act(task.id, verb).await.expect("heard");
        let task = harness.ended(task.id).await;
        assert_eq!((task.status, task.stage), (ends, Stage::Plan), "{verb}");
        assert_eq!(task.error.map(|problem| problem.code), (verb == "reject").then_some(Code::Rejected));
        assert_eq!(task.usage.models[0].calls, 1, "what was asked was asked");
    }
}

#[tokio::test]
async fn a_run_comes_out_the_same_when_its_tape_is_played() {
    let harness = Harness::hearing(&answers(&[asks(), plans()])).await;
    harness.world.state().used.insert("build", super::spending::used("coder", 10, None));
    let task = harness.submit(GOAL, json!({})).await;
    harness.waiting(task.id).await;
    harness.answer(task.id, "Everybody.").await;
    harness.ended(task.id).await;
    let tape = harness.tape(task.id).await;
    let parts: Vec<_> = tape.parts.iter().map(|part| (part.agent.as_str(), part.round, part.turns.len())).collect();
    assert_eq!(parts, [("planner", 0, 2), ("coder", 1, 1)]);
    let kinds: Vec<_> = tape.artifacts.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["changes", "checks", "design", "plan"]);

    let second = Harness::hearing(&tape).await;
    let again = second.submit(&tape.goal, json!({"approval": tape.approval})).await;
    second.waiting(again.id).await;
    second.answer(again.id, tape.answer.as_deref().expect("an answer")).await;
    second.ended(again.id).await;
    assert_eq!(second.tape(again.id).await.artifacts, tape.artifacts);
}
