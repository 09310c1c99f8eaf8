//! An agent as a process of its own.

use crate::{
    Hints, Service, Store,
    config::{Reader, ServiceConfig, StoreConfig, report},
    service::{ready, run_until_signal},
    telemetry,
};
use std::{process::ExitCode, time::Duration};

/// How long jobs have to be handed back, and requests to be answered, after a signal.
const DRAIN: Duration = Duration::from_secs(60);

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
    telemetry::start();
    let arguments: Vec<String> = arguments.collect();
    let ended = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => serve(name, read, build).await,
        ["migrate"] => migrate(name).await,
        ["ready"] => Ok(ready().await),
        _ => {
            eprintln!("usage: {name}-agent [migrate | ready]");
            return ExitCode::from(2);
        }
    };
    ended.unwrap_or_else(|error| {
        tracing::error!(service = name, error = &*error, "The process ends");
        ExitCode::FAILURE
    })
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
    let service = store.apply(build(own, Store::open(&store.location).await?, hints.clone(), &config)).hints(hints);
    let bound = config.apply(service).bind(config.listen).await?;
    tracing::info!(service = name, store = ?store.location, "The agent is ready");
    run_until_signal(bound, DRAIN).await?;
    Ok(ExitCode::SUCCESS)
}

async fn migrate(name: &'static str) -> Result<ExitCode, Error> {
    let mut reader = Reader::of_process();
    let store = StoreConfig::read(&mut reader, name);
    if let Err(mistakes) = reader.finish() {
        return Ok(report(&mistakes));
    }
    Store::open(&store.location).await?;
    tracing::info!(store = ?store.location, "The store's schema is up to date");
    Ok(ExitCode::SUCCESS)
}
