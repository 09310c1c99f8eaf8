//! What a task asks a person, as a form; and what it does, in a sentence. Bound to exactly what is shown: the change-set with its
//! statements and its verdict, the questions, the act; and this time that it is asked.

use crate::{pipeline::Answer, view};
use protocol::{
    Code, Problem,
    artifact::Statement,
    rest::AnswerTask,
    task::{Question as Asked, Stage},
    tools::planner::TaskOutcome,
};
use runtime::{
    Principal,
    job::{Field, JobRecord, JobStatus, Question, Reply, Resolution, Takes},
};
use serde_json::Value;
use std::fmt::Write as _;

const APPROVAL: &str = "approval";
const CLARIFY: &str = "clarify";

const DECISION: &str = "decision";
const REASON: &str = "reason";
/// How long a reason, and one answer among several, may be, in characters.
const LONGEST_REASON: u32 = 1_000;
const LONGEST_ANSWER: u32 = 3_000;
/// So much of a goal is repeated to who is asked, in characters.
const SHOWN_GOAL: usize = 600;

/// What the task that this job is asks now.
pub(crate) fn question(record: &JobRecord) -> Option<Question> {
    let ways = |verbs: &str, paths: &[&str]| {
        let paths: Vec<_> = paths.iter().map(|path| format!("POST /v1/tasks/{}/{path}", record.id)).collect();
        format!("Answer with the tools {verbs}, or over REST with {}.", paths.join(" or "))
    };
    let page = Some(format!("/#/tasks/{}", record.id));
    let doubt = "approve_task (it did not happen: do it again) or reject_task (leave it, and end the task)";
    if record.status == JobStatus::InDoubt {
        let reason = record.message.as_deref().unwrap_or_default();
        let question = Question::in_doubt(&(record.id, record.fence), reason);
        return Some(question.answered(ways(doubt, &["approve", "reject"]), page));
    }
    // What can't be read was logged, and asks nothing.
    let progress = view::progress(record).ok().flatten()?;
    let asked = progress.question()?;
    let id = progress.asked(record.id);
    Some(match asked {
        Asked::InDoubt { reason } => {
            Question::in_doubt(&id, &reason).answered(ways(doubt, &["approve", "reject"]), page)
        }
        Asked::Approval { reason, statements, preview, reservations } => Question {
            kind: APPROVAL,
            id,
            message: approval(
                record,
                &reason,
                (&statements, &reservations),
                &preview,
                progress.change_set().as_deref(),
            )?,
            fields: vec![
                Field {
                    name: DECISION.to_owned(),
                    title: "May it go live?".to_owned(),
                    required: true,
                    takes: Takes::Choice(vec![
                        ("approve", "Approve: make it live"),
                        ("reject", "Reject: discard it, and end the task"),
                    ]),
                },
                Field {
                    name: REASON.to_owned(),
                    title: "Why not? (if you reject it)".to_owned(),
                    required: false,
                    takes: Takes::Text(LONGEST_REASON),
                },
            ],
            elsewhere: ways("approve_task or reject_task", &["approve", "reject"]),
            page,
        },
        Asked::Clarify { questions } => Question {
            kind: CLARIFY,
            id,
            message: format!("The team wants to know what you mean before it plans.\n\n{}", goal(record)?),
            fields: questions.iter().zip(1..).map(|(question, number)| clarified(question, number)).collect(),
            elsewhere: ways("answer_task, or reject_task to give the task up", &["answer", "reject"]),
            page,
        },
    })
}

/// What a reply to such a question decides. Who declines to approve has said no; who declines to say what they mean, or what they
/// saw, has decided nothing.
pub(crate) fn reply(by: &Principal, question: &Question, reply: &Reply) -> Result<Option<Value>, Problem> {
    let by = by.name().to_owned();
    let answer = match question.kind {
        Question::IN_DOUBT => match reply.resolution()? {
            None => return Ok(None),
            Some(Resolution::Again) => Answer::Approve { by },
            Some(Resolution::GiveUp) => Answer::Reject { reason: None, by },
        },
        APPROVAL => match reply.field::<String>(DECISION)?.as_deref() {
            Some("approve") => Answer::Approve { by },
            _ => Answer::Reject { reason: reply.field(REASON)?, by },
        },
        _ if *reply == Reply::Declined => return Ok(None),
        _ => {
            let said = AnswerTask { text: text(question, reply)? };
            said.validate()?;
            Answer::Clarify { text: said.text, by }
        }
    };
    serde_json::to_value(answer).map(Some).map_err(|error| Code::Internal.problem(error.to_string()))
}

/// What the task does, or how it ended, in a sentence.
pub(crate) fn status(record: &JobRecord) -> Option<String> {
    match &record.status {
        JobStatus::Queued => Some("queued: the tasks of an app run one after the other".to_owned()),
        JobStatus::Done(output) => Some(match view::read::<TaskOutcome>(output).ok()?.result {
            Some(result) => format!("live at {}; {} checks passed", result.url, result.checks_passed),
            None => "rolled back; nothing is live".to_owned(),
        }),
        JobStatus::Failed(problem) => Some(problem.to_string()),
        JobStatus::Cancelled => Some("cancelled".to_owned()),
        JobStatus::Running | JobStatus::Asking | JobStatus::InDoubt => under_way(record),
    }
}

fn under_way(record: &JobRecord) -> Option<String> {
    let task = view::task(record).ok()?;
    let round = if task.attempt > 1 { format!(" (round {})", task.attempt) } else { String::new() };
    let doing = format!("{}{round}", doing(task.stage));
    Some(match (&task.question, &task.message) {
        (Some(Asked::Approval { .. }), _) => "waiting for approval".to_owned(),
        (Some(Asked::Clarify { .. }), _) => "waiting for an answer about the goal".to_owned(),
        (Some(Asked::InDoubt { reason }), _) => format!("{doing}: {reason}"),
        (None, Some(message)) => format!("{doing}: {message}"),
        (None, None) => doing,
    })
}

fn doing(stage: Stage) -> &'static str {
    match stage {
        Stage::Plan => "planning",
        Stage::Design => "designing",
        Stage::Build => "building",
        Stage::Verify => "testing",
        Stage::Approve => "approved",
        Stage::Release => "releasing",
        Stage::Smoke => "looking at the live app",
        Stage::Done => "done",
    }
}

fn approval(
    record: &JobRecord,
    reason: &str,
    (statements, reservations): (&[Statement], &[String]),
    preview: &str,
    change_set: Option<&str>,
) -> Option<String> {
    let mut message = format!("May this change go live?\n\n{}\nWhy you are asked: {reason}\n", goal(record)?);
    // Writing to a string does not fail.
    let _ = writeln!(message, "Look at it: {preview}\nChange-set: {}", change_set.unwrap_or("unknown"));
    if !statements.is_empty() {
        message.push_str("\nThese statements can lose data or break the running code:\n");
    }
    for Statement { id, sql, danger, .. } in statements {
        let _ = writeln!(message, "- {id} ({danger}): {sql}");
    }
    if !reservations.is_empty() {
        message.push_str("\nWhat the tests leave open:\n");
    }
    for reservation in reservations {
        let _ = writeln!(message, "- {reservation}");
    }
    Some(message)
}

/// The app and the goal, as they were written.
fn goal(record: &JobRecord) -> Option<String> {
    let task = view::task(record).ok()?;
    let shown: String = task.goal.chars().take(SHOWN_GOAL).collect();
    let more = if shown.len() < task.goal.len() { " [...]" } else { "" };
    Some(format!("App: {}\nGoal: {shown}{more}", task.app))
}

fn clarified(question: &str, number: usize) -> Field {
    Field {
        name: format!("answer_{number}"),
        title: question.to_owned(),
        required: true,
        takes: Takes::Text(LONGEST_ANSWER),
    }
}

/// All answers as one text; each under its question, where there are several.
fn text(question: &Question, reply: &Reply) -> Result<String, Problem> {
    let answers: Vec<(&str, String)> = question
        .fields
        .iter()
        .map(|field| Ok((field.title.as_str(), reply.field(&field.name)?.unwrap_or_default())))
        .collect::<Result<_, Problem>>()?;
    Ok(match answers.as_slice() {
        [(_, answer)] => answer.clone(),
        several => several.iter().map(|(asked, answer)| format!("{asked}\n{answer}")).collect::<Vec<_>>().join("\n\n"),
    })
}
