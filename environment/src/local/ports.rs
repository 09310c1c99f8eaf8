use super::LocalError;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// A port: the one asked for if it is free, else any free one.
pub(crate) fn pick(asked: Option<u16>) -> Result<u16, LocalError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, asked.unwrap_or(0)));
    // The listener is closed before the server opens its own. Who gets in between makes the server fail, and a start with a
    // port of our own choice is then tried again with another one.
    let listener = TcpListener::bind(address).map_err(|_| LocalError::PortTaken(address.port()))?;
    listener.local_addr().map(|address| address.port()).map_err(|_| LocalError::PortTaken(address.port()))
}

/// Somebody answers there.
pub(crate) async fn answers(port: u16) -> bool {
    tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok()
}
