//! An agent as a process of its own.

use crate::{
    Hints, Service, Store,
    config::{Reader, ServiceConfig, StoreConfig, report},
    service::{ready, run_until_signal},
    store::StoreError,
    telemetry,
};
use std::{process::ExitCode, time::Duration};
use tokio::time::Instant;

/// How long jobs have to be handed back, and requests to be answered, after a signal.
const DRAIN: Duration = Duration::from_secs(60);

/// How long the store may take to start: everything may be started at once.
const STARTING: Duration = Duration::from_secs(180);

/// What an agent's `main` does with its arguments: serves until SIGINT or SIGTERM; with `migrate`, brings the store's schema up to
/// date and ends, as a Kubernetes Job does before a roll-out; with `ready`, asks the one that runs whether it is.
///
/// `read` takes what the agent needs to know from the environment, and leaves mistakes in the reader; `build` makes the service.
/// The exit code is 2 when the configuration or the arguments are wrong, 1 when something else is.
pub async fn run<C>(
    name: &'static str,
    arguments: impl Iterator<Item = String>,
    read: impl FnOnce(&mut Reader, &ServiceConfig) -> Option<C>,
    build: impl FnOnce(C, Store, Hints, &ServiceConfig) -> Service,
) -> ExitCode {
    let arguments: Vec<String> = arguments.collect();
    let traces = match arguments.as_slice() {
        [] => telemetry::start_traced(name),
        _ => telemetry::start(),
    };
    let ended = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => serve(name, read, build).await,
        ["migrate"] => migrate(name).await,
        ["ready"] => Ok(ready().await),
        _ => {
            eprintln!("usage: {name}-agent [migrate | ready]");
            return ExitCode::from(2);
        }
    };
    let ended = ended.unwrap_or_else(|error| {
        tracing::error!(service = name, error = &*error, "The process ends");
        ExitCode::FAILURE
    });
    traces.end().await;
    ended
}

type Error = Box<dyn std::error::Error + Send + Sync>;

async fn serve<C>(
    name: &'static str,
    read: impl FnOnce(&mut Reader, &ServiceConfig) -> Option<C>,
    build: impl FnOnce(C, Store, Hints, &ServiceConfig) -> Service,
) -> Result<ExitCode, Error> {
    let mut reader = Reader::of_process();
    let config = ServiceConfig::read(&mut reader);
    let store = StoreConfig::read(&mut reader, name);
    let own = read(&mut reader, &config);
    let own = match (reader.finish(), own) {
        (Ok(()), Some(own)) => own,
        (mistakes, _) => return Ok(report(&mistakes.err().unwrap_or_default())),
    };
    let hints = store.hints()?;
    let opened = open(&store).await?;
    let service = store.apply(build(own, opened, hints.clone(), &config)).hints(hints);
    let listen = config.listen;
    let bound = config.apply(service.allowed_hosts(in_cluster(name))).bind(listen).await?;
    tracing::info!(service = name, store = ?store.location, "The agent is ready");
    run_until_signal(bound, DRAIN).await?;
    Ok(ExitCode::SUCCESS)
}

/// The names that an agent has in its cluster, as its peers may write them.
fn in_cluster(name: &str) -> [String; 4] {
    ["", ".ai-agents", ".ai-agents.svc", ".ai-agents.svc.cluster.local"].map(|rest| format!("{name}-agent{rest}"))
}

async fn migrate(name: &'static str) -> Result<ExitCode, Error> {
    let mut reader = Reader::of_process();
    let store = StoreConfig::read(&mut reader, name);
    if let Err(mistakes) = reader.finish() {
        return Ok(report(&mistakes));
    }
    open(&store).await?;
    tracing::info!(store = ?store.location, "The store's schema is up to date");
    Ok(ExitCode::SUCCESS)
}

/// Opens the store, once it can be reached.
async fn open(config: &StoreConfig) -> Result<Store, StoreError> {
    let until = Instant::now() + STARTING;
    let mut told = false;
    loop {
        match Store::open(&config.location).await {
            Err(error) if error.is_unreachable() && Instant::now() < until => {
                if !told {
                    told = true;
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(store = ?config.location, error, "The store can't be reached yet; waiting for it");
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            opened => return opened,
        }
    }
}
