//! What each command does.

use crate::{
    Failure,
    answer::Asked,
    arguments::{self, Arguments, Command, Keys, Server, Submit},
    client::{Client, TaskQuery},
    demo, describe,
    failure::explained,
    import,
    output::out,
    progress, replay,
    up::{Addresses, AgentModels, Options, Stores, Up},
};
use clap::CommandFactory;
use protocol::{
    Code, TaskId,
    artifact::Verdict,
    keys::CreateKey,
    rest::{RollbackApp, SubmitTask},
    task::{Budget, Status, Task},
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
        Command::Replay(what) => replay::replay(engine, what).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "yonin", &mut script);
            out(String::from_utf8_lossy(&script))?;
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
    let traces = runtime::telemetry::start_traced("up");
    let mut interrupt = pin!(interrupted());
    let mut options = Options { hints: redis, domain, api_port, web_port, coder: engine, ..Options::new(data_dir) };
    options.models = AgentModels::from_environment()?;
    if let Some(stores) = stores {
        options.stores = stores;
    }
    let running = Up::start_until(options, interrupt.as_mut()).await?;
    let running = running.ok_or_else(|| Failure::Interrupted("interrupted while starting".to_owned()))?;
    print(json, running.addresses(), |at| ready(at, running.is_first_start()))?;
    interrupt.await;
    let stopped = async {
        running.stop().await;
        traces.end().await;
    };
    tokio::select! {
        () = stopped => Ok(ExitCode::SUCCESS),
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

fn ready(at: &Addresses, first_start: bool) -> String {
    eprintln!("API   {} (a web page, too)", at.api);
    eprintln!("MCP   {}", at.mcp);
    eprintln!("apps  {}", at.web);
    if first_start {
        eprintln!("key   {}", at.key);
        eprintln!("      (shown this once; the commands of this user find it by themselves)");
    }
    eprintln!("ready: yonin submit \"posts(title:string!, body:text)\" --app blog --wait");
    String::new()
}

/// The commands that are a question to the API.
async fn ask(command: Command, json: bool, server: &Server) -> Result<ExitCode, Failure> {
    let client = server.client()?;
    match command {
        Command::Submit(submit) => return submitted(&client, submit, json).await,
        Command::Watch { id } => return finished(&client, id, Asked::Elsewhere, json).await,
        Command::Rollback { app, to, wait } => {
            let task = client.rollback(&app, &RollbackApp { to }, &fresh_key()).await?;
            return handed_in(&client, task, wait, json).await;
        }
        Command::Import(import) => {
            let body = import::body(&import)?;
            let key = import.idempotency_key.unwrap_or_else(fresh_key);
            let task = client.import(&import.app, &body, &key).await?;
            return handed_in(&client, task, import.wait, json).await;
        }
        Command::Tasks { app, status, limit, cursor } => {
            let query = TaskQuery { app, status: status.map(Into::into), limit: Some(limit), cursor };
            print(json, &client.tasks(&query).await?, |list| describe::tasks(&list.tasks))
        }
        Command::Show { id } => show(&client, id, json).await,
        Command::Diff { id } => {
            let diff = client.diff(id).await?;
            print(json, &serde_json::json!({ "diff": diff }), |_| diff.clone())
        }
        Command::Cancel { id } => print(json, &client.cancel(id).await?, describe::task),
        Command::Approve { id } => print(json, &client.approve(id).await?, describe::task),
        Command::Answer { id, text } => {
            let text = if text == "-" { read_stdin()? } else { text };
            print(json, &client.answer(id, text).await?, describe::task)
        }
        Command::Export { id } => {
            let tape = serde_json::to_string_pretty(&client.tape(id).await?).map_err(io::Error::from)?;
            Ok(out(tape + "\n")?)
        }
        Command::Reject { id, reason } => print(json, &client.reject(id, reason).await?, describe::task),
        Command::Apps => print(json, &client.apps().await?, |list| describe::apps(&list.apps)),
        Command::Releases { app } => {
            print(json, &client.releases(&app).await?, |list| describe::releases(&list.releases))
        }
        Command::Keys { what } => keys(&client, what, json).await,
        Command::Up(_) | Command::Demo { .. } | Command::Replay(_) | Command::Completions { .. } => {
            unreachable!("they need no server")
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

async fn submitted(client: &Client, submit: Submit, json: bool) -> Result<ExitCode, Failure> {
    let Submit { goal, app, wait, approval, idempotency_key, attempts, tokens, cost_usd, seconds, labels } = submit;
    let body = SubmitTask {
        goal: if goal == "-" { read_stdin()? } else { goal },
        app,
        approval: approval.into(),
        budget: Budget { attempts, tokens, cost_usd, seconds },
        labels: labels.into_iter().collect(),
    };
    let task = client.submit(&body, &idempotency_key.unwrap_or_else(fresh_key)).await?;
    handed_in(client, task, wait, json).await
}

async fn handed_in(client: &Client, task: Task, wait: bool, json: bool) -> Result<ExitCode, Failure> {
    if wait {
        return finished(client, task.id, Asked::Here, json).await;
    }
    print(json, &task, |task| {
        eprintln!("follow it with `yonin watch {}`", task.id);
        format!("{}\n", task.id)
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn keys(client: &Client, what: Keys, json: bool) -> Result<(), Failure> {
    match what {
        Keys::Create { name, role, expires, another } => {
            let wanted = CreateKey { name, role, expires_in_seconds: expires, another };
            print(json, &client.create_key(&wanted).await?, |made| {
                eprint!("{}", describe::new_key(&made.about));
                format!("{}\n", made.key)
            })
        }
        Keys::List => print(json, &client.keys().await?, |list| describe::keys(&list.keys)),
        Keys::Revoke { name_or_id } => {
            let revoked = client.revoke_keys(&name_or_id).await?;
            print(json, &revoked, |list| describe::keys(&list.keys))
        }
    }
}

fn read_stdin() -> io::Result<String> {
    Ok(io::read_to_string(io::stdin().take(1 << 20))?.trim().to_owned())
}

/// Follows a task to its end and tells what came of it.
async fn finished(client: &Client, id: TaskId, asked: Asked<'_>, json: bool) -> Result<ExitCode, Failure> {
    let task = progress::follow(client, id, asked).await?;
    told(json, &task)?;
    Ok(if task.status == Status::Succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn show(client: &Client, id: TaskId, json: bool) -> Result<(), Failure> {
    let task = client.task(id).await?;
    told(json, &task)?;
    if json {
        return Ok(());
    }
    match client.artifact::<Verdict>(id, "verdict", None).await {
        Ok(verdict) => Ok(out(describe::verdict(&verdict))?),
        Err(Failure::Problem(problem)) if problem.code == Code::NotFound => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// A task, and what became of it: for people, the reason of a failure goes to standard error.
fn told(json: bool, task: &Task) -> Result<(), Failure> {
    print(json, task, describe::task)?;
    if let Some(problem) = task.error.as_ref().filter(|_| !json) {
        eprintln!("{}", explained(problem));
    }
    Ok(())
}

/// On standard output: a value for programs, or what `human` makes of it for people.
fn print<T: Serialize>(json: bool, value: &T, human: impl FnOnce(&T) -> String) -> Result<(), Failure> {
    if json {
        out(serde_json::json!(value).to_string() + "\n")?
    } else {
        out(human(value))?
    }
    Ok(())
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
