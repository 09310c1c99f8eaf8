//! A language model designs: one conversation in which it reads the live release and submits a design.

use crate::hands::{Desk, tools};
use environment::{
    client::outline,
    files::{Files as _, Live, base, path},
};
use protocol::{
    Code,
    artifact::{Design, Path},
    tools::{architect::DesignInput, coder::AppSnapshot},
};
use runtime::{
    Job, JobError, Peer,
    model::{self, Brief, Models, Thinking, clip, data},
};

/// What the model is told first, whatever the task.
const INSTRUCTIONS: &str = include_str!("../prompts/design.md");
/// What every request comes to first.
const FRONT: &str = "public/index.php";
/// So much of it is shown at the start, in bytes.
const FRONT_BYTES: usize = 12 << 10;

/// Lets the model design until it submits what holds together.
///
/// # Errors
/// Those of [`Thinking::work`], or what the Coder says.
pub(crate) async fn design(
    job: &Job,
    coder: &Peer,
    models: &Models,
    input: &DesignInput,
    snapshot: Option<&AppSnapshot>,
) -> Result<Design, JobError> {
    let brief = Brief {
        goal: input.plan.goal.clone(),
        agent: "architect",
        round: 0,
        again: 0,
        instructions: INSTRUCTIONS.to_owned(),
        tools: tools(),
        form: None,
        allowance: input.allowance,
    };
    let mut thinking = Thinking::begin(job, models, brief).await?;
    let mut app = Live::new(coder, input.plan.app.clone(), snapshot);
    thinking.say(order(job, input, snapshot, &mut app).await?);
    let applied = snapshot.map_or(&[][..], |snapshot| &snapshot.migrations);
    let mut desk = Desk::new(job, app, &input.plan, base(snapshot), applied);
    let design = thinking.work(&mut desk).await?;
    Ok(Design { made_by: Some(thinking.made_by()), ..design })
}

/// What is wanted, and the app as it is.
async fn order(
    job: &Job,
    input: &DesignInput,
    snapshot: Option<&AppSnapshot>,
    app: &mut Live<'_>,
) -> Result<String, JobError> {
    let plan = &input.plan;
    let shown = model::plan(job.id(), plan);
    let mut text = format!("The goal, as the person wrote it:\n{}\n\nThe plan:\n{shown}\n\n", plan.goal);
    let Some(snapshot) = snapshot else {
        text.push_str(&format!("There is no app {} yet: you design its first release.", plan.app));
        return Ok(text);
    };
    text.push_str(&data(job.id(), "the app as it is", &outline(snapshot)));
    let front: Path = path(FRONT).map_err(|wrong| Code::Internal.problem(wrong))?;
    app.learn(vec![front.clone()]).await?;
    if let Ok(front) = app.text(&front) {
        let (shown, whole) = clip(front, FRONT_BYTES);
        let cut = if whole { "" } else { ", its beginning" };
        text.push_str(&format!("\n\nThe front controller{cut}:\n{}", data(job.id(), &format!("file {FRONT}"), shown)));
    }
    Ok(text)
}
