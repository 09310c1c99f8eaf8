//! Planning with a language model: one conversation, in which the person is asked at most once.

mod draft;
mod facts;
mod rank;

use crate::engine::{Planned, Reading};
use draft::{Draft, Thought};
use environment::files::{Live, Look, Whose};
use protocol::{artifact::Plan, chat::ToolCall};
use runtime::{
    Job, JobError,
    model::{Brief, Did, Form, Hands, Models, Thinking},
};
use std::convert::Infallible;

/// A plan for the goal, or what has to be known before there can be one. After the person has answered there is a plan.
///
/// # Errors
/// [`protocol::Code::ModelUnusable`] when nothing that the model says is a plan; those of [`Thinking::next`].
pub(crate) async fn plan(models: &Models, reading: &Reading<'_>) -> Result<Planned, JobError> {
    let brief = Brief {
        goal: reading.goal.to_owned(),
        agent: crate::NAME,
        round: 0,
        again: 0,
        instructions: include_str!("../../prompts/plan.md").to_owned(),
        tools: Look::tools(Whose::Live),
        form: Some(Form::of::<Draft>("plan")),
        allowance: reading.allowance,
    };
    let live = reading.snapshot.and_then(|snapshot| snapshot.live.as_ref()).is_some();
    let mut thinking = Thinking::begin(reading.job, models, brief).await?;
    thinking.say(format!("The goal for the app `{}`, in the person's own words:\n\n{}", reading.app, reading.goal));
    let mut files = Live::new(reading.coder, reading.app.clone(), reading.snapshot);
    thinking.say(facts::facts(reading.job.id(), reading.goal, reading.snapshot, &mut files).await?);
    let mut eyes = Eyes { job: reading.job, files };
    let draft = match thinking.answer(&mut eyes, |draft: Draft| draft.first(live)).await? {
        Thought::Plan(draft) => draft,
        Thought::Ask(questions) => match reading.answer {
            None => return Ok(Planned::Unclear(questions)),
            Some(answer) => {
                thinking.say(format!("The person answers:\n\n{answer}\n\n{NOW_PLAN}"));
                thinking.answer(&mut eyes, |draft: Draft| draft.last(live)).await?
            }
        },
    };
    let made_by = Some(thinking.made_by());
    let (task, app, goal) = (reading.job.id(), reading.app.clone(), reading.goal.to_owned());
    Ok(Planned::Plan(Plan { made_by, ..draft.plan(task, app, goal) }))
}

/// What a language model can do while it plans: look at the live release.
struct Eyes<'a> {
    job: &'a Job,
    files: Live<'a>,
}

impl Hands for Eyes<'_> {
    type Outcome = Infallible;

    async fn call(&mut self, call: &ToolCall) -> Result<Did<Infallible>, JobError> {
        Ok(Did::Said(match Look::of(call, Whose::Live) {
            Ok(Some(look)) => look.at(&mut self.files, self.job.id()).await?,
            Ok(None) => format!("There is no tool {:?}.", call.name),
            Err(wrong) => wrong,
        }))
    }

    /// Nothing that it did before matters now: it only looked.
    async fn again(&mut self, _call: &ToolCall, _said: &str) -> Result<(), JobError> {
        Ok(())
    }
}

/// What the model is told with the answer.
const NOW_PLAN: &str = "Plan now. The person is not asked again: leave `questions` empty, and write what is still open, and how you \
                        settle it, into `assumptions`.";
