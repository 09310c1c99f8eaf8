//! A language model writes the change: one conversation with tools for each round.

use crate::{
    hands::{Draft, Workbench, tools, within_release},
    host::Host,
};
use environment::client::outline;
use protocol::{
    artifact::{ChangeSet, CheckResult, Content, Outcome},
    tools::coder::{AppSnapshot, BuildInput},
};
use runtime::{
    Job, JobError,
    model::{self, Brief, Models, Thinking, data},
};

/// What the model is told first, whatever the task.
const INSTRUCTIONS: &str = include_str!("../prompts/build.md");
/// So many findings are told in full.
const MOST_FINDINGS: usize = 30;
/// What one finding sent, and what came back, is cut off here each, in characters.
const LONGEST_EVIDENCE: usize = 2_000;
/// Files of the round before are told with their text up to so many bytes together.
const MOST_BUILT: usize = 48 << 10;

/// Lets the model work until it says that it is done and PHP can parse what it wrote.
///
/// # Errors
/// Those of [`Thinking::work`], or what the host says.
pub(crate) async fn write(
    job: &Job,
    host: &Host,
    models: &Models,
    input: &BuildInput,
    snapshot: Option<&AppSnapshot>,
) -> Result<ChangeSet, JobError> {
    let brief = Brief {
        goal: input.plan.goal.clone(),
        agent: "coder",
        round: input.attempt,
        again: input.again,
        instructions: INSTRUCTIONS.to_owned(),
        tools: tools(),
        form: None,
        allowance: input.allowance,
    };
    let mut thinking = Thinking::begin(job, models, brief).await?;
    thinking.say(order(job, input, snapshot));
    if !input.findings.is_empty() {
        thinking.say(findings(job, &input.findings));
        thinking.say(built(job, input.before.as_ref()));
    }
    let mut bench = Workbench::new(job, host, input, Draft::begin(input, snapshot));
    let summary = thinking.work(&mut bench).await?;
    job.say(summary).await?;
    Ok(bench.change_set())
}

/// What is to be built, and on what.
fn order(job: &Job, input: &BuildInput, snapshot: Option<&AppSnapshot>) -> String {
    let app = match snapshot {
        Some(snapshot) => data(job.id(), "the app as it is", &outline(snapshot)),
        None => format!("There is no app {} yet: you write its first release.", input.app),
    };
    let (plan, design) = (model::plan(job.id(), &input.plan), model::design(job.id(), &input.design));
    format!(
        "The goal, as the person wrote it:\n{}\n\nThe plan, whose criteria must hold:\n{plan}\n\nThe design, whose \
         migrations are in your draft already:\n{design}\n\n{app}",
        input.plan.goal
    )
}

/// What the Tester saw.
fn findings(job: &Job, findings: &[CheckResult]) -> String {
    let told: Vec<_> = findings.iter().take(MOST_FINDINGS).map(finding).collect();
    let left = findings.len().saturating_sub(MOST_FINDINGS);
    let more = if left > 0 { format!("\n{left} more checks did not pass.") } else { String::new() };
    format!(
        "You have built this change once. Your draft is what you built then. The Tester ran it, and {} checks did not pass. Find \
         the cause of each and mend it; where a check itself contradicts the plan, follow the plan.\n{}{more}",
        findings.len(),
        data(job.id(), "what the Tester saw", &told.join("\n\n"))
    )
}

/// What the round before wrote, as far as it does not take too much room: who mends it has not seen it in this conversation.
fn built(job: &Job, before: Option<&ChangeSet>) -> String {
    let (mut text, mut room) = (String::new(), MOST_BUILT);
    for file in before.iter().flat_map(|before| &before.files) {
        let shown = match &file.content {
            None => "(deleted)".to_owned(),
            Some(Content::Text(content)) if content.len() <= room => {
                room -= content.len();
                content.clone()
            }
            Some(content) => format!("({} bytes; `read_file` shows it)", content.len()),
        };
        text.push_str(&format!("== {}\n{shown}\n", file.path));
    }
    format!("The files of your draft that differ from the live release:\n{}", data(job.id(), "your draft", &text))
}

fn finding(finding: &CheckResult) -> String {
    let why = match &finding.outcome {
        Outcome::Passed => "passed",
        Outcome::Failed { why } | Outcome::Errored { why } => why,
    };
    let criterion = finding.criterion.as_ref().map_or_else(String::new, |id| format!(" [{id}]"));
    // The log's lines among it name files where only the host finds them.
    let cut = |text: &str| text.chars().take(LONGEST_EVIDENCE).collect::<String>();
    format!(
        "{}{criterion}: {}\n  why: {}\n  sent: {}\n  came back: {}",
        finding.id,
        finding.title,
        cut(&within_release(why)),
        cut(&finding.evidence.sent),
        cut(&within_release(&finding.evidence.received))
    )
}
