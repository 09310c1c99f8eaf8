//! Which checks are run: those of an earlier run, those that the offline engine derives from the design, or those that a language
//! model proposes. Whoever proposes, the runner decides.

mod draft;
mod hands;

use crate::{base::Base, run::Checklist};
use hands::{CheckHands, Proposal, tools};
use protocol::{
    Code, Problem,
    artifact::{Before, Check, CheckResult, Outcome, Unproven, VerdictKind},
    tools::{
        host::Place,
        tester::{Intent, Target, VerifyInput},
    },
};
use runtime::{
    Job, JobError, Peer,
    model::{self, Brief, Models, Thinking, clip, data, pretty},
};
use std::fmt::Write as _;

/// A model may put its own checks right so often after it saw them fail.
const REVIEWS: u32 = 2;
/// What is told of a run: so many failed checks, in so many bytes of evidence each.
const TOLD: usize = 20;
const EVIDENCE: usize = 1_500;

/// What is to be run, and what no check of it shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proposed {
    /// The checks.
    pub(crate) checks: Vec<Check>,
    /// Criteria that they leave unproven.
    pub(crate) unproven: Vec<Unproven>,
}

/// Where the checks of a run come from.
pub(crate) enum Proposer<'a> {
    /// They are settled: from an earlier run, or from the design.
    Settled(Proposed),
    /// A language model proposes, and looks again at what failed.
    Model(Box<Conversation<'a>>),
}

/// A model at work.
pub(crate) struct Conversation<'a> {
    job: &'a Job,
    thinking: Thinking<'a>,
    hands: CheckHands<'a>,
    given: Proposed,
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
            (_, Some(intent), _) if intent.plan.supplied => return Ok(Self::Settled(given(input))),
            (Some(models), Some(intent), Target::Preview { preview }) => (models, intent, preview),
            (None, Some(intent), _) if input.checks.is_empty() => {
                return Ok(Self::Settled(Proposed {
                    checks: blueprint::checks(&intent.design),
                    ..Proposed::default()
                }));
            }
            _ => return Ok(Self::Settled(given(input))),
        };
        let brief = Brief {
            goal: intent.plan.goal.clone(),
            agent: "tester",
            round: input.attempt,
            again: input.again,
            instructions: include_str!("../../prompts/verify.md").to_owned(),
            tools: tools(),
            form: None,
            allowance: input.allowance,
        };
        let mut thinking = Thinking::begin(job, models, brief).await?;
        thinking.say(assignment(job, intent, &given(input)));
        let place = Place::Preview(preview.name.clone());
        let hands = CheckHands::new(Base::new(job, host, input), place, &intent.plan.criteria);
        let given = given(input);
        Ok(Self::Model(Box::new(Conversation { job, thinking, hands, given, reviews: 0, changed: Vec::new() })))
    }

    /// The checks to begin with.
    pub(crate) async fn first(&mut self) -> Result<Proposed, JobError> {
        match self {
            Self::Settled(proposed) => Ok(std::mem::take(proposed)),
            // What was tested before is tested again as it was, before anybody thinks about it.
            Self::Model(talk) if !talk.given.checks.is_empty() => {
                let Proposed { checks, unproven } = talk.given.clone();
                talk.hands.proposed(checks, unproven);
                Ok(std::mem::take(&mut talk.given))
            }
            Self::Model(talk) => {
                talk.job.say("thinking about what to check").await?;
                let Proposal { checks, unproven, .. } = talk.thinking.work(&mut talk.hands).await?;
                Ok(Proposed { checks, unproven })
            }
        }
    }

    /// A better list, if the checks themselves were at fault for what failed; nothing when the results stand.
    pub(crate) async fn review(
        &mut self,
        checks: &[Check],
        results: &[CheckResult],
    ) -> Result<Option<Proposed>, JobError> {
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
        let Proposal { checks, unproven, .. } = proposal;
        Ok(Some(Proposed { checks, unproven }))
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

/// What was tested before.
fn given(input: &VerifyInput) -> Proposed {
    Proposed { checks: input.checks.clone(), unproven: input.unproven.clone() }
}

fn assignment(job: &Job, intent: &Intent, given: &Proposed) -> String {
    let Intent { plan, design } = intent;
    let mut criteria = String::new();
    for criterion in &plan.criteria {
        let new = if criterion.new && design.base.is_some() { " (new)" } else { "" };
        let _ = writeln!(criteria, "- {}{new}: {}", criterion.id, criterion.text);
    }
    let criteria = data(job.id(), "the plan's criteria", criteria.trim_end());
    let mut text = format!("The goal, in the person's own words:\n\n{}\n\nCriteria:\n{criteria}\n", plan.goal);
    if design.base.is_none() {
        text.push_str("\nThe app is new: there is no release before this one.\n");
    }
    let _ = write!(text, "\n{}\n", model::design(job.id(), design));
    if !given.checks.is_empty() {
        text.push_str("\nThese checks were proposed before, and are being run again on a change that was mended:\n");
        text.push_str(&data(job.id(), "the checks", &pretty(&given.checks)));
        for one in &given.unproven {
            let _ = write!(text, "\n{one}");
        }
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
    text.push_str("\nIs the app at fault (`keep_checks`), or a check (`change_checks`, with what changes)?");
    text
}
