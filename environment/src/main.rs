//! The parts of the environment that are processes of their own:
//!
//! * `environment-host` serves the host's tools to Coder and Tester; `environment-host ready` asks it whether it is ready;
//! * `environment-host pools` runs the PHP pools, beside Nginx and apart from the host; `environment-host pools alive` says with its
//!   exit code whether it does;
//! * `environment-host nginx-config` prints the one configuration that Nginx needs.

use anyhow::Context as _;
use environment::{
    host::{Places, service},
    local::{NginxConfig, PoolSupervisor, nginx_configuration},
};
use runtime::config::{Reader, report};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.is_empty() {
        runtime::telemetry::start();
    }
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => Ok(service::process().await),
        ["ready"] => Ok(runtime::service::ready().await),
        ["pools"] => pools().await,
        ["pools", "alive"] => Ok(alive()),
        ["nginx-config"] => Ok(nginx_config()),
        _ => {
            eprintln!("usage: environment-host [ready | pools [alive] | nginx-config]");
            Ok(ExitCode::from(2))
        }
    }
}

async fn pools() -> anyhow::Result<ExitCode> {
    let mut reader = Reader::of_process();
    let places = Places::read(&mut reader);
    if let Err(mistakes) = reader.finish() {
        return Ok(report(&mistakes));
    }
    places.make().with_context(|| format!("cannot make {} and what is below", places.root.display()))?;
    let told_to_stop = runtime::service::told_to_stop()?;
    let supervisor = PoolSupervisor::start(&places.pools, &places.sockets).await?;
    tracing::info!(pools.directory = %places.pools.display(), "PHP pools are started as they are asked for");
    told_to_stop.await;
    supervisor.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Whether the supervisor that works on the same places looks after them: what a probe of its container asks.
fn alive() -> ExitCode {
    let mut reader = Reader::of_process();
    let places = Places::read(&mut reader);
    if let Err(mistakes) = reader.finish() {
        return report(&mistakes);
    }
    match PoolSupervisor::is_alive(&places.sockets) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nobody looks after the pools: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads `YONIN_ENV_NGINX_LISTEN`, `YONIN_ENV_DOMAIN` and `YONIN_ENV_NGINX_SCRATCH` beside the places.
fn nginx_config() -> ExitCode {
    let mut reader = Reader::of_process();
    let places = Places::read(&mut reader);
    let listen = reader.or("YONIN_ENV_NGINX_LISTEN", SocketAddr::from((Ipv4Addr::UNSPECIFIED, 80)));
    let domain = reader.or("YONIN_ENV_DOMAIN", "localhost".to_owned());
    let scratch = reader.or("YONIN_ENV_NGINX_SCRATCH", PathBuf::from("/tmp/nginx"));
    if let Err(mistakes) = reader.finish() {
        return report(&mistakes);
    }
    let config =
        NginxConfig { listen, domain: &domain, root: &places.root, sockets: &places.sockets, scratch: &scratch };
    print!("{}", nginx_configuration(&config));
    ExitCode::SUCCESS
}
