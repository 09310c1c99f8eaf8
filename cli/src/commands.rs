//! What each command does.

use crate::{
    Failure,
    arguments::{self, Arguments, Command, Server, Submit},
    client::{Client, TaskQuery},
    demo,
    failure::explained,
    progress,
    table::Table,
    up::{Addresses, Options, Stores, Up},
};
use clap::CommandFactory;
use protocol::{
    Code, TaskId,
    artifact::{Outcome, Release, ReleaseState, Verdict},
    rest::{RollbackApp, SubmitTask},
    task::{Budget, Question, Status, Task},
};
use runtime::store::StoreLocation;
use serde::Serialize;
use std::{
    io::{self, Read},
    path::PathBuf,
    pin::pin,
    process::ExitCode,
    sync::Arc,
};

/// Does what the arguments say.
pub(crate) async fn run(
    Arguments { command, json, server }: Arguments,
    engine: Arc<dyn coder::Engine>,
) -> Result<ExitCode, Failure> {
    match command {
        Command::Up(up) => serve(up, server.data_dir(), json, engine).await,
        Command::Demo { goal, keep } => demo::demo(engine, goal, keep).await,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "yonin", &mut io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        command => tokio::select! {
            outcome = ask(command, json, &server) => outcome,
            () = interrupted() => Err(Failure::Interrupted("interrupted; what was submitted goes on".to_owned())),
        },
    }
}

/// Runs everything until it is told to stop; when told twice, it drops everything.
async fn serve(
    up: arguments::Up,
    data_dir: PathBuf,
    json: bool,
    engine: Arc<dyn coder::Engine>,
) -> Result<ExitCode, Failure> {
    let arguments::Up { store, redis, domain, api_port, web_port } = up;
    let stores = store.map(|url| stores(&url)).transpose()?;
    runtime::telemetry::start();
    let mut interrupt = pin!(interrupted());
    let mut options = Options { hints: redis, domain, api_port, web_port, coder: engine, ..Options::new(data_dir) };
    if let Some(stores) = stores {
        options.stores = stores;
    }
    let running = Up::start_until(options, interrupt.as_mut()).await?;
    let running = running.ok_or_else(|| Failure::Interrupted("interrupted while starting".to_owned()))?;
    print(json, running.addresses(), |at| ready(at, running.is_first_start()));
    interrupt.await;
    tokio::select! {
        () = running.stop() => Ok(ExitCode::SUCCESS),
        () = interrupted() => Err(Failure::Interrupted("interrupted again: dropped everything".to_owned())),
    }
}

/// The stores that a URL names: one schema for all agents, or a directory with a file for each.
fn stores(url: &str) -> Result<Stores, Failure> {
    match url.parse() {
        Ok(StoreLocation::File(dir)) => Ok(Stores::Dir(dir)),
        Ok(server @ StoreLocation::Server { .. }) => Ok(Stores::Server(server)),
        Err(expected) => Err(Code::BadConfiguration.problem(format!("--store: {expected}")).into()),
    }
}

fn ready(at: &Addresses, first_start: bool) {
    eprintln!("API   {}", at.api);
    eprintln!("MCP   {}", at.mcp);
    eprintln!("apps  {}", at.web);
    if first_start {
        eprintln!("key   {}", at.key);
        eprintln!("      (shown this once; the commands of this user find it by themselves)");
    }
    eprintln!("ready: yonin submit \"posts(title:string!, body:text)\" --app blog --wait");
}

/// The commands that are a question to the API.
async fn ask(command: Command, json: bool, server: &Server) -> Result<ExitCode, Failure> {
    let client = server.client()?;
    match command {
        Command::Submit(submit) => return submitted(&client, submit, json).await,
        Command::Watch { id } => return finished(&client, id, json).await,
        Command::Rollback { app, to, wait } => {
            let task = client.rollback(&app, &RollbackApp { to }, &fresh_key()).await?;
            return handed_in(&client, task, wait, json).await;
        }
        Command::Tasks { app, status, limit, cursor } => {
            let query = TaskQuery { app, status: status.map(Into::into), limit: Some(limit), cursor };
            print(json, &client.tasks(&query).await?, |list| print_tasks(&list.tasks));
        }
        Command::Show { id } => show(&client, id, json).await?,
        Command::Diff { id } => {
            let diff = client.diff(id).await?;
            print(json, &serde_json::json!({ "diff": diff }), |_| print!("{diff}"));
        }
        Command::Cancel { id } => print(json, &client.cancel(id).await?, print_task),
        Command::Approve { id } => print(json, &client.approve(id).await?, print_task),
        Command::Reject { id, reason } => print(json, &client.reject(id, reason).await?, print_task),
        Command::Apps => print(json, &client.apps().await?, |list| {
            let mut table = Table::new(["app", "live release", "url"]);
            for app in &list.apps {
                let live = app.live.as_ref().map_or("-".to_owned(), |release| release.digest.short());
                table.row([app.name.to_string(), live, app.url.clone()]);
            }
            table.print();
        }),
        Command::Releases { app } => {
            print(json, &client.releases(&app).await?, |list| print_releases(&list.releases));
        }
        Command::Up(_) | Command::Demo { .. } | Command::Completions { .. } => unreachable!("they need no server"),
    }
    Ok(ExitCode::SUCCESS)
}

async fn submitted(client: &Client, submit: Submit, json: bool) -> Result<ExitCode, Failure> {
    let Submit { goal, app, wait, approval, idempotency_key, attempts, tokens, seconds, labels } = submit;
    let body = SubmitTask {
        goal: if goal == "-" { io::read_to_string(io::stdin().take(1 << 20))? } else { goal },
        app,
        approval: approval.into(),
        budget: Budget { attempts, tokens, seconds },
        labels: labels.into_iter().collect(),
    };
    let task = client.submit(&body, &idempotency_key.unwrap_or_else(fresh_key)).await?;
    handed_in(client, task, wait, json).await
}

async fn handed_in(client: &Client, task: Task, wait: bool, json: bool) -> Result<ExitCode, Failure> {
    if wait {
        return finished(client, task.id, json).await;
    }
    print(json, &task, |task| {
        println!("{}", task.id);
        eprintln!("follow it with `yonin watch {}`", task.id);
    });
    Ok(ExitCode::SUCCESS)
}

/// Follows a task to its end and tells what came of it.
async fn finished(client: &Client, id: TaskId, json: bool) -> Result<ExitCode, Failure> {
    let task = progress::follow(client, id).await?;
    print(json, &task, print_task);
    Ok(if task.status == Status::Succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn show(client: &Client, id: TaskId, json: bool) -> Result<(), Failure> {
    let task = client.task(id).await?;
    if json {
        print(true, &task, print_task);
        return Ok(());
    }
    print_task(&task);
    match client.artifact::<Verdict>(id, "verdict", None).await {
        Ok(verdict) => print_verdict(&verdict),
        Err(Failure::Problem(problem)) if problem.code == Code::NotFound => {}
        Err(failure) => return Err(failure),
    }
    Ok(())
}

/// A value for programs, or what `human` makes of it for people.
fn print<T: Serialize>(json: bool, value: &T, human: impl FnOnce(&T)) {
    if json {
        println!("{}", serde_json::json!(value));
    } else {
        human(value);
    }
}

fn print_task(task: &Task) {
    let attempt = if task.attempt > 1 { format!(", attempt {}", task.attempt) } else { String::new() };
    println!("task    {}", task.id);
    println!("app     {}", task.app);
    println!("goal    {}", task.goal);
    println!("status  {} ({}{attempt})", task.status.as_str(), task.stage.as_str());
    println!("took    {:.2} s", f64::from(u32::try_from(task.usage.millis).unwrap_or(u32::MAX)) / 1_000.0);
    if let Some(result) = &task.result {
        println!("checks  {} passed", result.checks_passed);
        println!("release {}", result.release);
        println!("live    {}", result.url);
    }
    if let Some(Question::Approval { reason, statements, preview }) = &task.question {
        println!("asks    {reason}");
        for statement in statements {
            println!("        {} ({})", statement.sql, statement.danger);
        }
        println!("preview {preview}");
    }
    if let Some(problem) = &task.error {
        eprintln!("{}", explained(problem));
    }
}

/// Every check with what came of it; for a red one, why.
pub(crate) fn print_verdict(verdict: &Verdict) {
    let mut table = Table::new(["", "check", "ms", "what it shows"]);
    for result in &verdict.results {
        let (mark, why) = match &result.outcome {
            Outcome::Passed => (console::style("✓").green(), String::new()),
            Outcome::Failed { why } => (console::style("✗").red(), format!(": {why}")),
            Outcome::Errored { why } => (console::style("?").red(), format!(": {why}")),
        };
        let title = format!("{}{why}", result.title);
        table.row([mark.to_string(), result.id.clone(), result.millis.to_string(), title]);
    }
    table.print();
    for caveat in &verdict.caveats {
        println!("note: {caveat}");
    }
}

fn print_tasks(tasks: &[Task]) {
    let mut table = Table::new(["task", "app", "status", "stage", "submitted", "goal"]);
    for task in tasks {
        let goal: String = task.goal.chars().take(200).collect();
        table.row([
            task.id.to_string(),
            task.app.to_string(),
            task.status.as_str().to_owned(),
            task.stage.as_str().to_owned(),
            task.created_at.format("%F %T").to_string(),
            goal,
        ]);
    }
    table.print();
}

fn print_releases(releases: &[Release]) {
    let mut table = Table::new(["release", "state", "live since", "task"]);
    for release in releases {
        let state = match release.state {
            ReleaseState::Live => "live",
            ReleaseState::Previous => "previous",
            ReleaseState::RolledBack => "rolled back",
        };
        let since = release.activated_at.format("%F %T").to_string();
        table.row([release.digest.to_string(), state.to_owned(), since, release.task.to_string()]);
    }
    table.print();
}

/// Two presses of Enter are two tasks, one request that was sent twice is not.
fn fresh_key() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Ctrl-C, or a polite request to end. Listens from the call on, not only once it is awaited.
pub(crate) fn interrupted() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).expect("signals can be listened to inside a runtime");
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt()), listen(SignalKind::terminate()));
    async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}
