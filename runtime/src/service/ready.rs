//! Is the service that this container runs ready? Asked by a second process of the same program, since an image that holds
//! nothing else has no other to ask with.

use crate::config::{Reader, ServiceConfig, report};
use std::{net::SocketAddr, process::ExitCode, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// How long a service may take to say that it is ready.
const PATIENCE: Duration = Duration::from_secs(3);

/// What `NAME ready` does: asks the service that listens where this process's environment says. The exit code is 0 when it is
/// ready, 1 when it is not, 2 when the environment is wrong.
pub async fn ready() -> ExitCode {
    let mut reader = Reader::of_process();
    let listen = ServiceConfig::listen(&mut reader);
    if let Err(mistakes) = reader.finish() {
        return report(&mistakes);
    }
    match tokio::time::timeout(PATIENCE, ask(super::reachable(listen))).await {
        Ok(Ok(true)) => ExitCode::SUCCESS,
        Ok(Ok(false)) => not_ready("it says so itself"),
        Ok(Err(error)) => not_ready(error),
        Err(error) => not_ready(error),
    }
}

fn not_ready(why: impl std::fmt::Display) -> ExitCode {
    eprintln!("not ready: {why}");
    ExitCode::FAILURE
}

async fn ask(address: SocketAddr) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
    let mut status = [0; 12];
    connection.read_exact(&mut status).await?;
    Ok(status.ends_with(b" 200"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Service, Toolbox};

    #[tokio::test]
    async fn a_service_is_ready_until_it_stops() {
        let service = Service::new("probed", Toolbox::new());
        let stopping = service.stopping();
        let bound = service.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
        let address: SocketAddr = bound.origin().trim_start_matches("http://").parse().expect("an address");
        let _running = bound.start();
        assert!(ask(address).await.expect("an answer"));
        stopping.cancel();
        assert!(!ask(address).await.expect("an answer"));
    }
}
