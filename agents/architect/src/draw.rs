//! A language model designs: one conversation in which it reads the live release and submits a design.

use crate::{
    app::{self, App},
    hands::{Desk, tools},
};
use environment::client::{grep, outline};
use protocol::{
    artifact::{Design, Path},
    tools::{architect::DesignInput, coder::AppSnapshot},
};
use runtime::{
    Job, JobError, Peer,
    model::{Brief, Models, Thinking, clip, data, pretty},
};

/// What the model is told first, whatever the task.
const INSTRUCTIONS: &str = include_str!("../prompts/design.md");
/// What every request comes to first.
const FRONT: &str = "public/index.php";
/// So much of it is shown at the start, in bytes.
const FRONT_BYTES: usize = 12 << 10;
/// Lines that look like routes: so many bytes of them are shown, out of PHP files of so many bytes together.
const ROUTE_BYTES: usize = 6 << 10;
const ROUTE_FILES: u64 = 768 << 10;
/// A path in quotes, or a look at the method or the path of a request.
const ROUTES: &str = r#"['"]/[A-Za-z0-9_{}():.*?/+\\\[\]-]*['"]|REQUEST_URI|REQUEST_METHOD"#;

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
    let mut app = App::new(coder, input.plan.app.clone(), snapshot);
    thinking.say(order(job, input, snapshot, &mut app).await?);
    let applied = snapshot.map_or(&[][..], |snapshot| &snapshot.migrations);
    let mut desk = Desk::new(job, app, &input.plan, app::base(snapshot), applied);
    let design = thinking.work(&mut desk).await?;
    Ok(Design { made_by: Some(thinking.made_by()), ..design })
}

/// What is wanted, and the app as it is.
async fn order(
    job: &Job,
    input: &DesignInput,
    snapshot: Option<&AppSnapshot>,
    app: &mut App<'_>,
) -> Result<String, JobError> {
    let plan = &input.plan;
    // Artifacts are JSON by their nature.
    let shown = pretty(plan);
    let mut text = format!("The goal, as the person wrote it:\n{}\n\nThe plan:\n{shown}\n\n", plan.goal);
    let Some(snapshot) = snapshot else {
        text.push_str(&format!("There is no app {} yet: you design its first release.", plan.app));
        return Ok(text);
    };
    text.push_str(&data(job.id(), "the app as it is", &outline(snapshot)));
    app.learn(code(app)).await?;
    if let Some(front) = FRONT.parse().ok().and_then(|front| app.text(&front)) {
        let (shown, whole) = clip(front, FRONT_BYTES);
        let cut = if whole { "" } else { ", its beginning" };
        text.push_str(&format!("\n\nThe front controller{cut}:\n{}", data(job.id(), &format!("file {FRONT}"), shown)));
    }
    let files = app.tree().keys().filter_map(|path| Some((path, app.text(path)?)));
    // The pattern is ours, and a regular expression.
    let routes = grep(files, ROUTES).unwrap_or_default();
    if !routes.is_empty() {
        let shown = clip(&routes, ROUTE_BYTES).0;
        text.push_str(&format!("\n\nLines that look like routes:\n{}", data(job.id(), "lines of code", shown)));
    }
    Ok(text)
}

/// PHP files, the front controller first, as many as are looked through for routes.
fn code(app: &App<'_>) -> Vec<Path> {
    let mut files: Vec<_> = app.tree().iter().filter(|(path, _)| path.as_str().ends_with(".php")).collect();
    files.sort_by_key(|(path, size)| (path.as_str() != FRONT, **size));
    let mut total = 0;
    let fits = |(_, size): &(&Path, &u64)| {
        total += **size;
        total <= ROUTE_FILES
    };
    files.into_iter().take_while(fits).map(|(path, _)| path.clone()).collect()
}
