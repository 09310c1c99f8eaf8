use super::LocalError;
use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::Duration,
};
use tokio::io::AsyncReadExt as _;

/// A port: the one asked for if it is free, else any free one.
pub(crate) fn pick(asked: Option<u16>) -> Result<u16, LocalError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, asked.unwrap_or(0)));
    // The listener is closed before the server opens its own. Who gets in between makes the server fail, and a start with a
    // port of our own choice is then tried again with another one.
    let refused = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => LocalError::PortTaken(address.port()),
        _ => LocalError::Port { port: address.port(), source },
    };
    let listener = TcpListener::bind(address).map_err(refused)?;
    listener.local_addr().map(|address| address.port()).map_err(refused)
}

/// Somebody answers there.
pub(crate) async fn answers(port: u16) -> bool {
    tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok()
}

/// Somebody answers there and speaks first, as a database does. MariaDB takes connections a while before it serves them, and a
/// signal to end that comes in between leaves it hanging.
pub(crate) async fn greets(port: u16) -> bool {
    let greeting = async {
        let mut stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.read_u8().await
    };
    matches!(tokio::time::timeout(Duration::from_secs(2), greeting).await, Ok(Ok(_)))
}
