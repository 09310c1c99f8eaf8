//! `yonin demo`: everything started, one goal carried through, the evidence shown, everything stopped.

use crate::{
    Failure,
    answer::Asked,
    client::Client,
    commands::interrupted,
    describe,
    failure::explained,
    output::out,
    progress,
    up::{AgentModels, Options, Up},
};
use console::style;
use protocol::{
    AppName, TaskId,
    artifact::Verdict,
    rest::SubmitTask,
    task::{Approval, Budget, Status, Task},
};
use std::{process::ExitCode, sync::Arc};

/// What is built when nobody says what.
const GOAL: &str = "Build a small blog. People write posts(title:string!, body:text, status:enum(draft|open)=draft, \
                    author:ref(users)); users(name:string! unique).";

/// Shows the whole way of a goal, in a directory that is gone afterwards. Succeeds when the release is live and every check
/// passed.
pub(crate) async fn demo(
    engine: Arc<dyn coder::Engine>,
    goal: Option<String>,
    keep: bool,
) -> Result<ExitCode, Failure> {
    let dir = tempfile::Builder::new().prefix("yonin-demo-").tempdir()?;
    let mut interrupt = std::pin::pin!(interrupted());
    eprintln!("starting Nginx, PHP-FPM, MariaDB, Redis and four agents");
    let models = AgentModels::from_environment()?;
    let options = Options { coder: engine, models, ..Options::new(dir.path().join("data")) };
    let up = Up::start_until(options, interrupt.as_mut()).await?.ok_or_else(stopped_early)?;
    let outcome = tokio::select! {
        outcome = run(&up, goal.as_deref().unwrap_or(GOAL)) => outcome,
        () = &mut interrupt => Err(stopped_early()),
    };
    if keep && outcome.is_ok() {
        eprintln!("it stays up until Ctrl-C");
        interrupt.await;
    }
    up.stop().await;
    outcome
}

async fn run(up: &Up, goal: &str) -> Result<ExitCode, Failure> {
    let client = Client::new(&up.addresses().api, &up.addresses().key)?;
    let app: AppName = "demo".parse().expect("a name of letters");
    eprintln!("the goal: {goal}");
    let (approval, budget) = (Approval::default(), Budget::default());
    let submit = SubmitTask { goal: goal.to_owned(), app, approval, budget, labels: [].into() };
    let task = client.submit(&submit, &TaskId::fresh().to_string()).await?;
    let task = progress::follow(&client, task.id, Asked::Alone).await?;
    match client.artifact::<Verdict>(task.id, "verdict", None).await {
        Ok(verdict) => out(describe::verdict(&verdict))?,
        // It failed before anything was tested.
        Err(Failure::Problem(problem)) if problem.code == protocol::Code::NotFound => {}
        Err(failure) => return Err(failure),
    }
    told(&task)
}

fn told(task: &Task) -> Result<ExitCode, Failure> {
    if let (Status::Succeeded, Some(result)) = (task.status, &task.result) {
        let seconds = std::time::Duration::from_millis(task.usage.millis).as_secs_f64();
        let url = style(&result.url).bold();
        out(format!("{} checks passed, live after {seconds:.2} s: {url}\n", result.checks_passed))?;
        return Ok(ExitCode::SUCCESS);
    }
    match &task.error {
        Some(problem) => eprintln!("{}", explained(problem)),
        None if task.status == Status::Waiting => eprintln!("nobody is here to answer; everything is stopped"),
        None => {}
    }
    Ok(ExitCode::FAILURE)
}

pub(crate) fn stopped_early() -> Failure {
    Failure::Interrupted("interrupted; everything is stopped".to_owned())
}
