//! Which checks are run: those of an earlier run, those that the offline engine derives from the design, or those that a language
//! model proposes. Whoever proposes, the runner decides.

mod hands;

use crate::run::Checklist;
use hands::{CheckHands, tools};
use protocol::{
    Code, Problem,
    artifact::{Before, Check, CheckResult, Outcome, VerdictKind},
    tools::{
        host::Place,
        tester::{Intent, Target, VerifyInput},
    },
};
use runtime::{
    Job, JobError, Peer,
    model::{Brief, Models, Thinking, clip, data, pretty},
};
use std::fmt::Write as _;

/// A model may put its own checks right so often after it saw them fail.
const REVIEWS: u32 = 2;
/// What is told of a run: so many failed checks, in so many bytes of evidence each.
const TOLD: usize = 20;
const EVIDENCE: usize = 1_500;

/// Where the checks of a run come from.
pub(crate) enum Proposer<'a> {
    /// They are settled: from an earlier run, or from the design.
    Settled(Vec<Check>),
    /// A language model proposes, and looks again at what failed.
    Model(Box<Conversation<'a>>),
}

/// A model at work.
pub(crate) struct Conversation<'a> {
    job: &'a Job,
    thinking: Thinking<'a>,
    hands: CheckHands<'a>,
    given: Vec<Check>,
    reviews: u32,
    /// What was changed after it had failed, and why.
    changed: Vec<String>,
}

impl<'a> Proposer<'a> {
    /// For this run.
    ///
    /// # Errors
    /// [`JobError::Store`].
    pub(crate) async fn begin(
        job: &'a Job,
        models: Option<&'a Models>,
        host: &'a Peer,
        input: &'a VerifyInput,
    ) -> Result<Self, JobError> {
        let (models, intent, preview) = match (models, &input.intent, &input.target) {
            // What holds of an app that a person supplied is said by who took it over: nobody thinks about it.
            (_, Some(intent), _) if intent.plan.supplied => return Ok(Self::Settled(input.checks.clone())),
            (Some(models), Some(intent), Target::Preview { preview }) => (models, intent, preview),
            (None, Some(intent), _) if input.checks.is_empty() => {
                return Ok(Self::Settled(blueprint::checks(&intent.design)));
            }
            _ => return Ok(Self::Settled(input.checks.clone())),
        };
        let brief = Brief {
            goal: intent.plan.goal.clone(),
            agent: "tester",
            round: input.attempt,
            instructions: include_str!("../../prompts/verify.md").to_owned(),
            tools: tools(),
            form: None,
            allowance: input.allowance,
        };
        let mut thinking = Thinking::begin(job, models, brief).await?;
        thinking.say(assignment(job, intent, &input.checks));
        let hands = CheckHands::new(job, host, Place::Preview(preview.name.clone()), &intent.plan.criteria);
        let given = input.checks.clone();
        Ok(Self::Model(Box::new(Conversation { job, thinking, hands, given, reviews: 0, changed: Vec::new() })))
    }

    /// The checks to begin with.
    pub(crate) async fn first(&mut self) -> Result<Vec<Check>, JobError> {
        match self {
            Self::Settled(checks) => Ok(std::mem::take(checks)),
            // What was tested before is tested again as it was, before anybody thinks about it.
            Self::Model(talk) if !talk.given.is_empty() => {
                talk.hands.propose(talk.given.clone());
                Ok(std::mem::take(&mut talk.given))
            }
            Self::Model(talk) => {
                talk.job.say("thinking about what to check").await?;
                Ok(talk.thinking.work(&mut talk.hands).await?.checks)
            }
        }
    }

    /// A better list, if the checks themselves were at fault for what failed; nothing when the results stand.
    pub(crate) async fn review(
        &mut self,
        checks: &[Check],
        results: &[CheckResult],
    ) -> Result<Option<Vec<Check>>, JobError> {
        let Self::Model(talk) = self else { return Ok(None) };
        let red: Vec<_> = results.iter().filter(|result| result.outcome != Outcome::Passed).collect();
        if red.is_empty() || talk.reviews == REVIEWS {
            return Ok(None);
        }
        talk.reviews += 1;
        talk.job.say("looking at the checks that failed").await?;
        talk.thinking.say(report(talk.job, &red));
        let proposal = talk.thinking.work(&mut talk.hands).await?;
        if proposal.kept {
            return Ok(None);
        }
        let differs = |old: &&Check| !proposal.checks.contains(old);
        let ids: Vec<_> = checks.iter().filter(differs).map(|old| old.id.as_str()).collect();
        if !ids.is_empty() {
            talk.changed.push(format!("changed after they had failed: {}; {}", ids.join(", "), proposal.why));
        }
        Ok(Some(proposal.checks))
    }

    /// What a reader of the verdict should know of how its checks came to be.
    pub(crate) fn caveats(&self) -> Vec<String> {
        match self {
            Self::Settled(_) => Vec::new(),
            Self::Model(talk) => talk.changed.clone(),
        }
    }
}

/// A list that can be run.
///
/// # Errors
/// [`Code::Internal`]: whoever proposed it should have been told.
pub(crate) fn checklist(kind: VerdictKind, checks: Vec<Check>) -> Result<Checklist, Problem> {
    Checklist::new(kind, checks)
        .map_err(|bad| Code::Internal.problem(format!("the engine proposed checks that cannot be run: {bad}")))
}

fn assignment(job: &Job, intent: &Intent, given: &[Check]) -> String {
    let Intent { plan, design } = intent;
    let mut text = format!("The goal, in the person's own words:\n\n{}\n\nCriteria:\n", plan.goal);
    for criterion in &plan.criteria {
        let new = if criterion.new && design.base.is_some() { " (new)" } else { "" };
        let _ = writeln!(text, "- {}{new}: {}", criterion.id, criterion.text);
    }
    if design.base.is_none() {
        text.push_str("\nThe app is new: there is no release before this one.\n");
    }
    let shown = serde_json::json!({
        "summary": design.summary, "endpoints": design.endpoints, "cache": design.cache, "files": design.files,
        "migrations": design.migrations, "tests": design.tests,
    });
    let _ = write!(text, "\n{}\n", data(job.id(), "the design", &pretty(&shown)));
    if !given.is_empty() {
        text.push_str("\nThese checks were proposed before, and are being run again on a change that was mended:\n");
        text.push_str(&data(job.id(), "the checks", &pretty(&given)));
    }
    text
}

/// What failed, with evidence.
fn report(job: &Job, red: &[&CheckResult]) -> String {
    let mut text = format!("{} checks did not pass.\n", red.len());
    for result in red.iter().take(TOLD) {
        let why = match &result.outcome {
            Outcome::Failed { why } => format!("failed: {why}"),
            Outcome::Errored { why } => format!("could not be carried out: {why}"),
            Outcome::Passed => continue,
        };
        let before = match result.before {
            Some(Before::Red) => " (before the change it did not pass either)",
            Some(Before::Green) => " (before the change it passed)",
            None => "",
        };
        let evidence = format!(
            "{why}\nsent: {}\nreceived: {}",
            clip(&result.evidence.sent, EVIDENCE).0,
            clip(&result.evidence.received, EVIDENCE).0
        );
        // What failed may be told in the app's own words, too.
        let _ = write!(text, "\n{}{before}\n{}\n", result.id, data(job.id(), "why, and evidence", &evidence));
    }
    if red.len() > TOLD {
        let _ = writeln!(text, "\n... and {} more.", red.len() - TOLD);
    }
    text.push_str("\nIs the app at fault (`keep_checks`), or a check (`propose_checks`, with the whole list)?");
    text
}
